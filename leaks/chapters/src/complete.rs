//! Whether every chapter is whole: what one lacks is said in words.

use crate::{ALL, Chapter};
use detectors::Class;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use workbook::workspace::Workspace;

/// What lies beside the chapters, and is none: the crate of the type, and the last exercise, which is about no class.
const NO_CHAPTERS: [&str; 2] = ["chapter", "your-own-test"];

/// What a chapter's folder holds, and what each file is.
const FILES: [(&str, &str); 20] = [
    ("Cargo.toml", "its crate"),
    ("README.md", "its page"),
    ("src/leaky.rs", "the leaky variant"),
    ("src/fixed.rs", "the fixed variant"),
    ("src/exercise.rs", "the learner's file"),
    ("solution/as-shipped.rs", "what `leaks reset` restores"),
    ("solution/solved.rs", "the author's solution"),
    (
        "solution/without-the-feature.rs",
        "the exercise with its feature deleted, which must not pass",
    ),
    ("solution/hints.md", "three hints"),
    ("tests/checker.rs", "what the exercise must do"),
    ("tests/exercise.rs", "the program that `leaks check` runs"),
    (
        "tests/profiled/main.rs",
        "its tests on the profiling allocator",
    ),
    (
        "tests/profiled/detection.rs",
        "that the leak is caught, and the fix is steady",
    ),
    (
        "tests/profiled/proof.rs",
        "that the exercise fails as shipped, and passes when solved",
    ),
    ("tests/by_dhat/main.rs", "its tests on dhat"),
    (
        "tests/by_dhat/witness.rs",
        "the witness that knows none of our rules",
    ),
    ("shown/run.txt", "what `leaks run` prints"),
    ("shown/run-fixed.txt", "what `leaks run --fixed` prints"),
    ("shown/check.txt", "what `leaks check` prints"),
    ("shown/complaint.txt", "what a failing test prints"),
];

/// What the pages show beside that.
const SHOWN: [&str; 2] = ["timeline.svg", "beside.txt"];

const HINTS: usize = 3;

/// Other ways to change the exercise, each proved by name: how many there are at least, and what they are.
const TRIED: [(&str, usize, &str); 2] = [
    (
        "solution/wrong",
        2,
        "changes that look like a fix, which must not pass",
    ),
    ("solution/right", 1, "other solutions, which must pass"),
];

/// What the chapters of the workbook at `root` lack, when `known` is the list of them.
fn lacking(root: &Path, known: &[Chapter]) -> Vec<String> {
    let folder = root.join("chapters");
    let mut lacks = Vec::new();
    let summary: Vec<String> = match Workspace::at(root) {
        Ok(workspace) => workspace.chapters.into_iter().map(|c| c.name).collect(),
        Err(problem) => {
            lacks.push(problem.to_string());
            Vec::new()
        }
    };
    let chart = fs::read_to_string(folder.join("which-leak.md")).unwrap_or_default();
    let listed: Vec<&str> = known.iter().map(Chapter::name).collect();
    let mut names: BTreeSet<String> = crates(&folder).into_iter().collect();
    names.extend(listed.iter().map(ToString::to_string));
    for name in &names {
        let own = folder.join(name);
        if !own.is_dir() {
            lacks.push(format!(
                "`{name}` is in the list of chapters, and chapters/{name} isn't there"
            ));
            continue;
        }
        for (file, what) in FILES {
            if !own.join(file).is_file() {
                lacks.push(format!("chapters/{name} has no {file}: {what}"));
            }
        }
        let page = known.iter().find(|chapter| chapter.name() == name);
        let listing = page.and_then(|chapter| chapter.page.listed);
        for file in SHOWN.into_iter().chain(listing.map(|_| "list.txt")) {
            if !own.join("shown").join(file).is_file() {
                lacks.push(format!(
                    "chapters/{name} has no shown/{file}: REFRESH=1 cargo test -p tests --test shown"
                ));
            }
        }
        let package = fs::read_to_string(own.join("Cargo.toml")).unwrap_or_default();
        if !package.contains(&format!("name = \"{name}\"")) {
            lacks.push(format!(
                "chapters/{name} holds a package of another name: folder, package, class and page have one"
            ));
        }
        if let Ok(hints) = fs::read_to_string(own.join("solution/hints.md")) {
            let found = hints.lines().filter(|line| line.trim() == "---").count() + 1;
            if found != HINTS {
                lacks.push(format!(
                    "chapters/{name}/solution/hints.md has {found} hints, between lines of `---`; a chapter has {HINTS}"
                ));
            }
        }
        let proof = fs::read_to_string(own.join("tests/profiled/proof.rs")).unwrap_or_default();
        for (tried, least, what) in TRIED {
            let files = sources(&own.join(tried));
            if files.len() < least {
                lacks.push(format!(
                    "chapters/{name}/{tried} holds {} files, and {least} are the least: {what}",
                    files.len()
                ));
            }
            for file in files {
                if !proof.contains(&format!("{tried}/{file}")) {
                    lacks.push(format!(
                        "chapters/{name}/{tried}/{file} isn't tried by tests/profiled/proof.rs"
                    ));
                }
            }
        }
        if !listed.contains(&name.as_str()) {
            lacks.push(format!(
                "`{name}` is not in the list of chapters: leaks/chapters/src/lib.rs, `ALL`"
            ));
        }
        if !summary.contains(name) {
            lacks.push(format!(
                "chapters/SUMMARY.md doesn't link to {name}/README.md"
            ));
        }
        if name.parse::<Class>().is_err() {
            lacks.push(format!(
                "no class is named `{name}`: it is a variant of detectors' `Class`"
            ));
        }
        if !chart.contains(&format!("]({name}/)")) {
            lacks.push(format!(
                "chapters/which-leak.md has no row that leads to {name}/"
            ));
        }
    }
    let in_order: Vec<&str> = summary.iter().map(String::as_str).collect();
    if lacks.is_empty() && in_order != listed {
        lacks.push(format!(
            "chapters/SUMMARY.md has another order than the list of chapters: {in_order:?}, {listed:?}"
        ));
    }
    lacks
}

/// The folders that hold a crate.
fn crates(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !NO_CHAPTERS.contains(&name.as_str()))
        .collect()
}

/// The names of a folder's Rust files.
fn sources(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter(|name| {
            Path::new(name)
                .extension()
                .is_some_and(|extension| extension == "rs")
        })
        .collect()
}

fn workbook() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("two folders up").to_owned()
}

#[test]
fn every_chapter_is_whole() {
    let lacks = lacking(&workbook(), ALL);
    assert!(lacks.is_empty(), "\n{}\n", lacks.join("\n"));
}

#[test]
fn every_class_has_its_chapter() {
    let taught: Vec<Class> = ALL.iter().map(|chapter| chapter.class).collect();
    assert_eq!(
        taught,
        Class::ALL,
        "the classes and the list of chapters, in the order of the book"
    );
}

/// One whole chapter in a workbook of its own.
struct Scratch {
    root: tempfile::TempDir,
    name: &'static str,
    known: Vec<Chapter>,
}

impl Scratch {
    fn new() -> Self {
        let chapter = ALL.iter().find(|chapter| chapter.page.listed.is_some());
        let chapter = *chapter.expect("a chapter whose page lists a function");
        let name = chapter.name();
        let root = tempfile::tempdir().expect("a scratch folder");
        let to = root.path().join("chapters").join(name);
        copy(&workbook().join("chapters").join(name), &to);
        let scratch = Scratch {
            root,
            name,
            known: vec![chapter],
        };
        scratch.write(
            "SUMMARY.md",
            &format!("# Summary\n\n- [It]({name}/README.md)\n"),
        );
        scratch.write(
            "which-leak.md",
            &format!("| what grows | and | [{name}]({name}/) |\n"),
        );
        scratch
    }

    /// A file of the chapters' folder.
    fn write(&self, file: &str, text: &str) {
        let file = self.root.path().join("chapters").join(file);
        fs::write(file, text).expect("a writable folder");
    }

    fn file(&self, file: &str) -> PathBuf {
        self.root.path().join("chapters").join(self.name).join(file)
    }

    /// Some complaint has all of these words.
    #[track_caller]
    fn lacks(&self, words: &[&str]) {
        let lacks = lacking(self.root.path(), &self.known);
        let told = lacks
            .iter()
            .any(|said| words.iter().all(|word| said.contains(word)));
        assert!(told, "nothing about {words:?} in:\n{}", lacks.join("\n"));
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a writable folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).expect("a file");
        }
    }
}

#[test]
fn a_whole_chapter_lacks_nothing() {
    let scratch = Scratch::new();
    let lacks = lacking(scratch.root.path(), &scratch.known);
    assert!(lacks.is_empty(), "{lacks:?}");
}

#[test]
fn each_file_that_is_gone_is_named() {
    let shown = SHOWN.map(|file| format!("shown/{file}"));
    let files = FILES.iter().map(|(file, _)| *file);
    let files = files.chain(shown.iter().map(String::as_str));
    for file in files.chain(["shown/list.txt"]) {
        let scratch = Scratch::new();
        fs::remove_file(scratch.file(file)).expect("it was there");
        scratch.lacks(&[scratch.name, &format!("has no {file}")]);
    }
}

#[test]
fn what_others_say_of_a_chapter_is_missed() {
    let scratch = Scratch::new();
    scratch.write("SUMMARY.md", "# Summary\n");
    scratch.lacks(&["chapters/SUMMARY.md doesn't link to", scratch.name]);

    let scratch = Scratch::new();
    scratch.write("which-leak.md", "no chart\n");
    scratch.lacks(&["which-leak.md has no row", scratch.name]);

    let mut scratch = Scratch::new();
    scratch.known.clear();
    scratch.lacks(&["is not in the list of chapters", scratch.name]);

    let scratch = Scratch::new();
    let chapters = scratch.root.path().join("chapters");
    let renamed = fs::rename(chapters.join(scratch.name), chapters.join("no-such-class"));
    renamed.expect("a folder can be renamed");
    scratch.lacks(&["no class is named `no-such-class`"]);
    scratch.lacks(&["chapters/no-such-class holds a package of another name"]);
    scratch.lacks(&[scratch.name, "isn't there"]);
}

#[test]
fn two_hints_are_too_few() {
    let scratch = Scratch::new();
    fs::write(
        scratch.file("solution/hints.md"),
        "Look.\n---\nLook again.\n",
    )
    .expect("writable");
    scratch.lacks(&["has 2 hints", "a chapter has 3"]);
}

#[test]
fn a_wrong_fix_that_nobody_tries_is_told() {
    let scratch = Scratch::new();
    fs::write(scratch.file("solution/wrong/untried.rs"), "").expect("writable");
    scratch.lacks(&["solution/wrong/untried.rs isn't tried"]);

    let scratch = Scratch::new();
    fs::remove_dir_all(scratch.file("solution/wrong")).expect("it was there");
    scratch.lacks(&["solution/wrong holds 0 files, and 2 are the least"]);
}

#[test]
fn another_order_is_told() {
    let mut known = ALL.to_vec();
    known.swap(0, 1);
    let lacks = lacking(&workbook(), &known);
    assert!(
        lacks.iter().any(|said| said.contains("another order")),
        "{lacks:?}"
    );
}
