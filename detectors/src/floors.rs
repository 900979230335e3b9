//! Holds the drawing in `lib.rs`: the folders are its floors, and an import goes down.

use std::fs;
use std::path::Path;

/// The floors of the drawing, the lowest first.
fn floors() -> Vec<&'static str> {
    let drawing = include_str!("lib.rs").split("```").nth(1).unwrap_or("");
    let names = drawing.lines().skip(1).filter_map(|line| {
        let line = line.strip_prefix("//! ")?;
        line.split_whitespace().next()
    });
    let mut floors: Vec<_> = names.collect();
    floors.reverse();
    floors
}

/// Every file below a folder, with its text.
fn files(folder: &Path, found: &mut Vec<(String, String)>) {
    let entries = fs::read_dir(folder).expect("the library's source is here");
    for entry in entries {
        let path = entry.expect("a folder that can be read").path();
        if path.is_dir() {
            files(&path, found);
        } else {
            let text = fs::read_to_string(&path).expect("source is text");
            found.push((path.display().to_string(), text));
        }
    }
}

/// The first names of the `crate::` paths in a line of code, those in braces too.
fn roots(line: &str) -> Vec<&str> {
    let paths = line.split("crate::").skip(1);
    paths
        .flat_map(|path| {
            path.strip_prefix('{')
                .map_or(vec![path], |all| all.split(", ").collect())
        })
        .map(|path| {
            path.split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .unwrap_or("")
        })
        .collect()
}

/// Beside the floors: it imports from the lowest alone, and no floor from it.
const BESIDE: [&str; 1] = ["harness"];

#[test]
fn the_drawing_has_every_folder() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let entries = fs::read_dir(source).expect("the library's source is here");
    let paths = entries.map(|entry| entry.expect("a folder that can be read").path());
    let mut folders: Vec<String> = paths
        .filter(|path| path.is_dir())
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .collect();
    let mut drawn = [floors(), BESIDE.to_vec()].concat();
    folders.sort();
    drawn.sort_unstable();
    assert_eq!(
        folders, drawn,
        "left: the folders; right: the drawing in lib.rs"
    );
}

#[test]
fn an_import_goes_down() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let floors = floors();
    let mut climbs = Vec::new();
    let beside = BESIDE.iter().map(|floor| (0, floor));
    for (height, floor) in floors.iter().enumerate().chain(beside) {
        let mut found = Vec::new();
        files(&source.join(floor), &mut found);
        for (file, text) in found {
            let code = text.lines().enumerate();
            for (line, code) in code.filter(|(_, line)| !line.trim_start().starts_with("//")) {
                for root in roots(&code.replace("$crate::", "")) {
                    let below = floors.iter().position(|floor| *floor == root);
                    if below.is_none_or(|below| below > height) {
                        climbs.push(format!("{file}:{} takes `{root}`", line + 1));
                    }
                }
            }
        }
    }
    assert!(
        climbs.is_empty(),
        "a floor imports from those below it, by where a thing is defined:\n{}",
        climbs.join("\n")
    );
}
