//! Holds the floors that `main.rs` draws: reads the imports of each file, and tells of one that climbs or goes sideways.

use regex_lite::Regex;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

/// A path that begins at the crate's root or climbs: how it does, and what it takes there.
static PATH: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b(crate::|(?:super::)+)(\w+|\{|\*)").expect("an expression"));

/// The drawing, from the top floor to the ground.
fn floors() -> Vec<Vec<&'static str>> {
    let drawing = include_str!("main.rs").split("```").nth(1);
    let lines = drawing.expect("a drawing").lines().skip(1);
    let lines = lines.map(|line| line.trim_start_matches("//!").trim());
    let drawn = lines.filter(|line| !line.is_empty());
    drawn.map(|line| line.split(" | ").collect()).collect()
}

/// The part of the house that a file is in, below `src`.
fn part_of(file: &Path) -> &str {
    let folder = file.iter().next().filter(|_| file.iter().count() > 1);
    folder.and_then(|folder| folder.to_str()).unwrap_or("main")
}

/// What a file takes from above or beside it, in words.
fn faults(file: &Path, text: &str) -> Vec<String> {
    let (floors, from) = (floors(), part_of(file));
    let floor = |part: &str| floors.iter().position(|floor| floor.contains(&part));
    let depth = file.iter().count() - usize::from(file.ends_with("mod.rs"));
    let mut told = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let code = line.split("//").next().unwrap_or_default();
        for (_, [start, name]) in PATH.captures_iter(code).map(|found| found.extract()) {
            let is_at_root = start == "crate::" || start.matches("super").count() >= depth;
            // A module inside a file climbs one step more before it is at the root; what it finds there is a part, or nothing.
            let to = match floor(name) {
                Some(_) if is_at_root => name,
                None if start == "crate::" => "main",
                _ => continue,
            };
            let place = match floor(to).cmp(&floor(from)) {
                _ if to == from => continue,
                Ordering::Greater => continue,
                Ordering::Equal => "beside",
                Ordering::Less => "above",
            };
            told.push(format!(
                "leaks/src/{}:{number}: `{from}` imports `{to}` ({}), which stands {place} it.",
                file.display(),
                code.trim()
            ));
        }
    }
    told
}

#[test]
fn imports_go_downward() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut parts, mut told, mut open) = (BTreeSet::new(), Vec::new(), vec![source.clone()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("a folder of the source") {
            let path = entry.expect("an entry").path();
            let file = path.strip_prefix(&source).expect("below it");
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                parts.insert(part_of(file).to_owned());
                told.extend(faults(
                    file,
                    &fs::read_to_string(&path).expect("a source file"),
                ));
            }
        }
    }
    assert!(
        told.is_empty(),
        "{}\n\nAn import goes downward, as main.rs draws it: what two parts need belongs on a floor below both, or into the \
         workbook package.",
        told.join("\n")
    );
    let drawn = floors().concat().into_iter().map(str::to_owned);
    assert_eq!(parts, drawn.collect(), "the folders, and main.rs' drawing");
}

#[test]
fn an_import_that_climbs_or_goes_sideways_is_told() {
    for (file, line, is_fault) in [
        ("show/chart.rs", "use crate::operator::load;", true),
        ("operator/profile.rs", "use crate::incident::Story;", true),
        ("operator/profile.rs", "use crate::{show, load};", true),
        ("load/mod.rs", "use super::show::scale;", true),
        (
            "load/plan.rs",
            "    super::super::show::scale::bytes(1.0)",
            true,
        ),
        ("learner/run.rs", "use crate::Ending;", true),
        ("learner/run.rs", "use crate::show::report;", false),
        (
            "learner/run.rs",
            "use super::state; // as crate::args",
            false,
        ),
        ("learner/run.rs", "    use super::super::state;", false),
    ] {
        let told = faults(Path::new(file), line);
        assert_eq!(!told.is_empty(), is_fault, "{file}: {line}: {told:?}");
    }
}
