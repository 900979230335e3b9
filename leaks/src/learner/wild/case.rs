//! A case of the corpus: a folder of `tests/wild`.

use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use workbook::problem::{Problem, Result};
use workbook::{files, say};

/// Ends each line of a case's program that a maintainer would want to be shown. The second is of a line that was marked after the
/// first run: `expected.json` says why.
const MARKS: [&str; 2] = ["// <- the line", "// <- the line, corrected"];

/// One report, its program, and its twin.
#[derive(Debug)]
pub(super) struct Case {
    /// The folder's name.
    pub(super) name: String,
    pub(super) folder: PathBuf,
    pub(super) report: Report,
    /// The marked lines of `src/main.rs`.
    pub(super) lines: Vec<u32>,
    /// Whether the twin is the same program on a fixed version; else it is a mended use, in the same program.
    pub(super) has_fixed_version: bool,
}

/// `expected.json`: what the report says, and what was expected before any detector ran.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Report {
    /// The report, as `owner/repository#number`.
    #[serde(rename = "report")]
    pub(super) cited: String,
    /// Others on the same bug.
    pub(super) also: Vec<String>,
    pub(super) year: u32,
    pub(super) mechanism: String,
    #[serde(rename = "crate")]
    pub(super) package: String,
    pub(super) affected: String,
    pub(super) twin: String,
    pub(super) expected: Expected,
    pub(super) witness: Witness,
    /// Whether it builds in seconds.
    pub(super) quick: bool,
    /// Whether dhat can be built beside the affected version.
    pub(super) by_dhat: bool,
    /// What was corrected after the first run, and by which independent witness.
    pub(super) corrected: Option<String>,
    /// What else a reader should know.
    pub(super) note: Option<String>,
}

/// The verdict is `leak` for every case.
#[derive(Debug, Deserialize)]
pub(super) struct Expected {
    /// Each of them is right: some bugs are of two classes.
    pub(super) class: Vec<String>,
    pub(super) holder: Holder,
    /// Whether nothing can ever wake the tasks that grow.
    #[serde(default)]
    pub(super) never_wake: bool,
}

/// Who keeps what grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Holder {
    Nothing,
    Cycle,
    Static,
    /// A long-lived owner: a variable of a thread.
    Owner,
    Task,
    /// No memory of the program's: a descriptor, a mapping.
    Kernel,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Witness {
    /// What the witness sees grow: a field of its readings.
    pub(super) counts: String,
    /// By how much at least, for each iteration of the affected program.
    pub(super) per_iteration: f64,
}

/// The cases, by name.
pub(super) fn cases(corpus: &Path) -> Result<Vec<Case>> {
    let entries = fs::read_dir(corpus).map_err(|error| Problem::file("read", corpus, &error))?;
    let mut folders: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|folder| folder.join("expected.json").is_file())
        .collect();
    folders.sort();
    folders.into_iter().map(Case::read).collect()
}

impl Case {
    fn read(folder: PathBuf) -> Result<Self> {
        let expected = folder.join("expected.json");
        let report = serde_json::from_str(&files::read(&expected)?).map_err(|error| {
            Problem::new(format!("can't read {}", say::path(&expected)))
                .because(error)
                .next("Compare it with that of another case.")
        })?;
        let program = files::read(&folder.join("src/main.rs"))?;
        let lines = (1..)
            .zip(program.lines())
            .filter(|(_, line)| MARKS.iter().any(|mark| line.trim_end().ends_with(mark)))
            .map(|(number, _)| number)
            .collect();
        Ok(Case {
            name: folder
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
            report,
            lines,
            has_fixed_version: folder.join("fixed/Cargo.toml").is_file(),
            folder,
        })
    }

    /// Whether a place is one of the marked lines.
    pub(super) fn is_the_line(&self, file: &str, line: u32) -> bool {
        let own = format!("{}/src/main.rs", self.name);
        file.replace('\\', "/").ends_with(&own) && self.lines.contains(&line)
    }

    /// What the report is about, in its author's order: the first line of the program's header.
    pub(super) fn headline(&self) -> String {
        let program = fs::read_to_string(self.folder.join("src/main.rs")).unwrap_or_default();
        let header = program
            .lines()
            .map_while(|line| line.strip_prefix("//!"))
            .map(str::trim)
            .take_while(|line| !line.is_empty());
        let text = header.collect::<Vec<_>>().join(" ");
        text.split_once(": ")
            .map_or_else(|| text.clone(), |(_, what)| what.to_owned())
    }
}
