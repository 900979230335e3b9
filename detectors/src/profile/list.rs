use std::collections::BTreeMap;
use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use serde::Serialize;

use super::graph::{Grain, Graph, Node};
use super::narrow::{no_match, regex};
use super::units::{Amounts, percentage};
use super::{Printable, Profile, ProfileError};

/// Where source files are looked for.
///
/// First at the path that the profile records. Then under each root, with as much of the recorded
/// path's end as fits: `/rustc/1234/library/alloc/src/vec/mod.rs` is found under a root that has
/// `library/alloc/src/vec/mod.rs`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourcePaths {
    /// Folders to look under, in this order.
    pub roots: Vec<PathBuf>,
}

impl SourcePaths {
    /// Looks under these folders, in this order.
    pub fn new(roots: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        SourcePaths {
            roots: roots.into_iter().map(Into::into).collect(),
        }
    }
}

/// The source of functions, each line with what it allocated.
///
/// Its text is that of Go's `pprof -list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Listing {
    /// What shares are taken of.
    pub total: i64,
    /// The functions by name; one that was compiled from two files stands here twice.
    pub routines: Vec<Routine>,
    #[serde(skip)]
    amounts: Amounts,
}

/// One function in one source file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Routine {
    /// The function's name.
    pub function: String,
    /// The source file as the profile records it; empty when it records none.
    pub file: String,
    /// What its lines allocated themselves.
    pub flat: i64,
    /// What its lines and the calls in them allocated.
    pub cum: i64,
    /// The source around the lines that allocated, from the file as it is now.
    pub lines: Vec<Line>,
    /// Why there are no lines, and what to do.
    pub problem: Option<String>,
}

/// One line of a [`Routine`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Line {
    /// Counted from one.
    pub number: u64,
    /// What the line allocated itself.
    pub flat: i64,
    /// What the line and the calls in it allocated.
    pub cum: i64,
    /// The line, without its end.
    pub text: String,
}

/// Lines shown before and after those that allocated, as in Go's pprof.
const MARGIN: i64 = 5;

/// A source file is small; a path from a profile may lead to anything.
const SOURCE_BYTES_MAX: u64 = 16 << 20;

pub(super) fn list(
    profile: &Profile,
    index: usize,
    pattern: &str,
    sources: &SourcePaths,
) -> Result<Listing, ProfileError> {
    let regex = regex(pattern)?;
    let graph = Graph::new(profile, index, Grain::Lines);
    let mut routines: BTreeMap<(&str, &str), Vec<&Node<'_>>> = BTreeMap::new();
    for node in &graph.nodes {
        if (node.flat != 0 || node.cum != 0) && regex.is_match(node.key.name) {
            routines
                .entry((node.key.name, node.key.file))
                .or_default()
                .push(node);
        }
    }
    if routines.is_empty() {
        return Err(no_match(profile, index, pattern));
    }
    let mut files = Files {
        sources,
        read: HashMap::new(),
    };
    Ok(Listing {
        total: profile.reference_total(index),
        routines: routines
            .into_iter()
            .map(|((function, file), nodes)| routine(function, file, &nodes, &mut files))
            .collect(),
        amounts: Amounts::each(&profile.sample_types()[index].unit),
    })
}

/// A compiler's message without the drawing of the place.
pub(super) fn last_line(message: &str) -> String {
    let line = message.lines().last().unwrap_or(message);
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

fn routine(function: &str, file: &str, nodes: &[&Node<'_>], files: &mut Files<'_>) -> Routine {
    let mut by_line: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    let mut whole = (0_i64, 0_i64);
    let (mut start, mut end) = (i64::MAX, i64::MIN);
    for node in nodes {
        let key = &node.key;
        for (flat, cum) in [&mut whole, by_line.entry(key.line).or_default()] {
            *flat = flat.saturating_add(node.flat);
            *cum = cum.saturating_add(node.cum);
        }
        let first = match key.start_line {
            0 => key.line.saturating_sub(MARGIN),
            start_line => start_line,
        };
        start = start.min(first);
        end = end.max(key.line.saturating_add(MARGIN));
    }
    let start = start.max(1);
    let (lines, problem) = match files.lines(file) {
        Ok(source) => {
            let skipped = usize::try_from(start - 1).unwrap_or(usize::MAX);
            let lines: Vec<Line> = source
                .iter()
                .zip(1_i64..)
                .skip(skipped)
                .take_while(|&(_, number)| number <= end)
                .map(|(text, number)| {
                    let (flat, cum) = by_line.get(&number).copied().unwrap_or_default();
                    Line {
                        number: number.unsigned_abs(),
                        flat,
                        cum,
                        text: text.clone(),
                    }
                })
                .collect();
            let problem = lines.is_empty().then(|| outdated(file));
            (lines, problem)
        }
        Err(problem) => (Vec::new(), Some(problem.clone())),
    };
    Routine {
        function: function.to_owned(),
        file: file.to_owned(),
        flat: whole.0,
        cum: whole.1,
        lines,
        problem,
    }
}

fn outdated(file: &str) -> String {
    format!("{file} ends before the lines that allocated: it has changed; take the profile again")
}

/// Source files, each read once.
struct Files<'a> {
    sources: &'a SourcePaths,
    read: HashMap<String, Result<Vec<String>, String>>,
}

impl Files<'_> {
    fn lines(&mut self, file: &str) -> Result<&Vec<String>, &String> {
        if !self.read.contains_key(file) {
            let lines = self.open(file);
            self.read.insert(file.to_owned(), lines);
        }
        self.read[file].as_ref()
    }

    fn open(&self, file: &str) -> Result<Vec<String>, String> {
        if file.is_empty() {
            return Err("the profile records no source file for it; build with debug = \"line-tables-only\"".to_owned());
        }
        let path = self.find(file).ok_or_else(|| {
            format!(
                "{file} isn't there{}; give --source-root with a folder that holds the end of this path",
                if self.sources.roots.is_empty() {
                    ""
                } else {
                    ", nor under the source roots given"
                }
            )
        })?;
        let unreadable = |reason: String| format!("can't read {}: {reason}", path.display());
        let mut bytes = Vec::new();
        File::open(&path)
            .and_then(|file| file.take(SOURCE_BYTES_MAX + 1).read_to_end(&mut bytes))
            .map_err(|error| unreadable(error.to_string()))?;
        if bytes.len() as u64 > SOURCE_BYTES_MAX {
            return Err(unreadable("it is larger than any source file".to_owned()));
        }
        Ok(String::from_utf8_lossy(&bytes)
            .lines()
            .map(str::to_owned)
            .collect())
    }

    fn find(&self, file: &str) -> Option<PathBuf> {
        // Reading a pipe or a device may never end.
        let is_file = |path: &PathBuf| fs::metadata(path).is_ok_and(|about| about.is_file());
        let recorded = Path::new(file);
        let parts: Vec<_> = recorded
            .components()
            .filter(|part| matches!(part, Component::Normal(_)))
            .collect();
        let ends = (0..parts.len()).map(|from| parts[from..].iter().collect::<PathBuf>());
        std::iter::once(recorded.to_owned())
            .chain(
                self.sources
                    .roots
                    .iter()
                    .flat_map(|root| ends.clone().map(move |end| root.join(end))),
            )
            .find(is_file)
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = |value| self.amounts.format(value);
        let amount_or_dot = |value| match value {
            0 => ".".to_owned(),
            value => amount(value),
        };
        writeln!(f, "Total: {}", amount(self.total))?;
        for routine in &self.routines {
            let function = Printable(&routine.function);
            if routine.file.is_empty() {
                writeln!(f, "No source information for {function}")?;
                continue;
            }
            writeln!(
                f,
                "ROUTINE ======================== {function} in {}",
                Printable(&routine.file)
            )?;
            writeln!(
                f,
                "{:>10} {:>10} (flat, cum) {} of Total",
                amount(routine.flat),
                amount(routine.cum),
                percentage(routine.cum, self.total)
            )?;
            if let Some(problem) = &routine.problem {
                writeln!(f, " Error: {}", Printable(problem))?;
            }
            for line in &routine.lines {
                writeln!(
                    f,
                    "{:>10} {:>10} {:>6}:{}",
                    amount_or_dot(line.flat),
                    amount_or_dot(line.cum),
                    line.number,
                    Printable(&line.text)
                )?;
            }
        }
        Ok(())
    }
}
