//! No library is built twice. Cargo chooses a library's features for all packages that a command selects, and builds the library again
//! for other features, with whatever stands on it: two minutes for one feature of a small one. So all that the README, `.ci/run` and
//! these tests select has to ask the same of each library.

use super::driver::{AS_FOR_THE_COMMAND, CHAPTER, real_root};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::Command;

/// By its name and version, the features that are asked of a library. A library that a build needs may be asked for others than the
/// program's, and is then built twice whoever selects it.
type Libraries = BTreeMap<String, BTreeSet<String>>;

#[test]
fn whatever_is_selected_asks_the_same_of_each_library() {
    let whole = libraries(&AS_FOR_THE_COMMAND);
    let chapters: Vec<String> = chapters::ALL
        .iter()
        .map(|chapter| format!("--exclude={}", chapter.name()))
        .collect();
    let mut author = AS_FOR_THE_COMMAND.to_vec();
    author.extend(chapters.iter().map(String::as_str));
    author.extend(["--exclude=detectors", "--exclude=leaks"]);
    let selections: [&[&str]; 5] = [
        &[], // `cargo run` and `cargo test`
        &author,
        &["--package=tests"],
        &["--package=detectors-proofs"],
        &["--package=leaks", "--package", CHAPTER], // `leaks check`
    ];
    let mut differ = String::new();
    for selection in selections {
        for (library, asked) in libraries(selection) {
            let of_whole = whole.get(&library);
            if of_whole.is_none_or(|of_whole| !asked.is_subset(of_whole)) {
                let selection = selection.join(" ");
                let _ = writeln!(
                    differ,
                    "  {library}: {asked:?} by `cargo test {selection}`, {of_whole:?} by the whole"
                );
            }
        }
    }
    assert!(
        differ.is_empty(),
        "Seen: libraries that are built twice, with all that stands on them.\n{differ}\
         Expected: the same features whatever is selected, since each combination of features is a build of its own.\n\
         Next: ask for the missing feature in leaks/service/Cargo.toml, since each of these selections builds the service."
    );
}

fn libraries(selection: &[&str]) -> Libraries {
    let printed = Command::new(env!("CARGO"))
        .args(["tree", "--prefix=none", "--edges=normal,build,dev"])
        .args(["--format", "{p}\t{f}"])
        .args(selection)
        .current_dir(real_root())
        .output()
        .expect("cargo");
    let errors = String::from_utf8_lossy(&printed.stderr);
    assert!(printed.status.success(), "{selection:?}: {errors}");
    let mut libraries = Libraries::new();
    for line in String::from_utf8_lossy(&printed.stdout).lines() {
        let line = line.trim_end_matches(" (*)");
        if let Some((library, features)) = line.split_once('\t') {
            let known = libraries.entry(library.to_owned()).or_default();
            known.insert(features.to_owned());
        }
    }
    assert!(libraries.len() > 100, "{selection:?}: {libraries:?}");
    libraries
}
