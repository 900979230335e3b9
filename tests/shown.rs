//! What the book shows is what runs print: each file is made again and compared.
//!
//! `REFRESH=1 cargo test -p tests --test shown` writes the files instead of comparing them.

mod driver;

use driver::{CHAPTER, Ran, Workbook, real_root};
use std::fs;
use std::path::Path;
use std::process::Command;

/// The folder of what the first chapter's pages show.
const SHOWN: &str = "chapters/retained-subslices/shown";

#[test]
fn a_run_its_fix_and_its_pictures() {
    let workbook = Workbook::copy("shown-run");
    let run = leaks(&workbook, &["run", CHAPTER]);
    shown(SHOWN, "run.txt", &text(run.exits(0)));
    let fixed = leaks(&workbook, &["run", CHAPTER, "--fixed"]);
    shown(SHOWN, "run-fixed.txt", &text(fixed.exits(0)));
    let both = workbook.read(&format!("target/leaks/{CHAPTER}/fixed/both.svg"));
    shown(SHOWN, "timeline.svg", &both);
}

#[test]
fn a_profile_in_every_view() {
    let workbook = Workbook::copy("shown-profile");
    workbook.leaks(["run", CHAPTER]).exits(0);
    let profile = format!("target/leaks/{CHAPTER}/heap.pb.gz");
    let view = |arguments: &[&str]| {
        let ran = workbook.leaks([&arguments[..1], &[&profile], &arguments[1..]].concat());
        text(ran.exits(0))
    };
    shown(SHOWN, "top.txt", &view(&["top", "--limit", "6"]));
    let objects = ["top", "--sample-type", "inuse_objects", "--limit", "6"];
    shown(SHOWN, "top-objects.txt", &view(&objects));
    shown(
        SHOWN,
        "list.txt",
        &view(&["list-source", "leaky::SeenIds::refresh"]),
    );
    let flames = ["flamegraph", "--inline", "--out", "-"];
    shown(SHOWN, "flamegraph.svg", &view(&flames));

    let mut go = Command::new("go");
    go.args(["tool", "pprof", "-top", "-nodecount=6", &profile])
        .current_dir(workbook.path("."));
    match go.output() {
        Ok(output) if output.status.success() => {
            let table = String::from_utf8_lossy(&output.stdout).into_owned();
            shown(
                SHOWN,
                "go-top.txt",
                &without_machine(&table, &workbook.path(".")),
            );
        }
        _ => eprintln!("not compared: go-top.txt, since `go tool pprof` can't be run here"),
    }
}

#[test]
fn a_check_of_the_exercise_as_shipped() {
    let workbook = Workbook::copy("shown-check");
    workbook.solve_with("as-shipped.rs");
    let check = leaks(&workbook, &["check", CHAPTER]);
    shown(SHOWN, "check.txt", &text(check.exits(1)));
}

#[test]
fn what_a_failing_test_says() {
    let printed = test_output("detection", "a_slice_brought_back_fails_the_test");
    let complaint: Vec<&str> = printed
        .lines()
        .skip_while(|line| !line.contains("panicked at"))
        .skip(1)
        .take_while(|line| !line.starts_with("note: run with"))
        .collect();
    shown(SHOWN, "complaint.txt", &complaint.join("\n"));
}

#[test]
fn what_views_keep() {
    let printed = test_output("beside", "a_view_keeps_the_buffer_and_a_copy_does_not");
    let table: Vec<&str> = printed
        .lines()
        .skip_while(|line| !line.starts_with("kept:"))
        .take_while(|line| !line.starts_with("test ") && !line.is_empty())
        .collect();
    shown(SHOWN, "beside.txt", &table.join("\n"));
}

#[test]
fn three_figures_of_one_process() {
    let printed = cargo(&["run", "-q", "-p", "leaks", "--example", "three_figures"]);
    shown("chapters", "three-figures.txt", &printed);
}

#[test]
fn estimates_of_a_sampled_profile() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a writable target");
    let plot = folder.path().join("estimates.svg");
    let mut arguments = vec!["run", "-q", "-p", "leaks", "--example", "estimates", "--"];
    arguments.extend(plot.to_str());
    let printed = cargo(&arguments);
    let tables: Vec<&str> = printed.split("\n\n").collect();
    let names = [
        "sampled-chances.txt",
        "sampled-rates.txt",
        "sampled-sites.txt",
        "sampled-average.txt",
    ];
    assert_eq!(tables.len(), names.len(), "{printed}");
    for (name, table) in names.into_iter().zip(tables) {
        shown("chapters", name, table);
    }
    let drawn = fs::read_to_string(&plot).expect("the example draws");
    shown("chapters", "sampled-estimates.svg", &drawn);
}

/// Runs the command as `cargo run` does, so that it suggests commands of that form.
fn leaks(workbook: &Workbook, arguments: &[&str]) -> Ran {
    let mut command = workbook.command(arguments);
    command.env("CARGO", env!("CARGO"));
    workbook.run(command)
}

/// What one passing test of the chapter printed.
fn test_output(target: &str, test: &str) -> String {
    let arguments = [
        "test",
        "-q",
        "-p",
        CHAPTER,
        "--test",
        target,
        test,
        "--",
        "--show-output",
    ];
    without_machine(&cargo(&arguments), Path::new("/nowhere"))
}

/// Runs cargo in the workbook itself, which none of these commands writes to.
fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(real_root())
        .env("PWD", real_root())
        .env_remove("RUST_BACKTRACE")
        .env_remove("DETECTORS_OUT")
        .output()
        .expect("cargo");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "cargo {arguments:?}:\n{printed}\n{errors}"
    );
    printed
}

fn text(ran: &Ran) -> String {
    without_machine(&ran.stdout(), ran.root())
}

/// The text with paths as a reader of the workbook has them.
fn without_machine(text: &str, copy: &Path) -> String {
    let mut text = text.to_owned();
    for root in [copy, &real_root()] {
        text = text.replace(&format!("{}/", root.display()), "");
    }
    // `/home/me/.cargo/registry/src/HOST/bytes-1.0/src/lib.rs` is `bytes-1.0/src/lib.rs` to everyone.
    text.split_inclusive([' ', '(', '\n'])
        .map(|word| match word.split_once("/registry/src/") {
            Some((_, rest)) => rest.split_once('/').map_or(rest, |(_, path)| path),
            None => word,
        })
        .collect()
}

/// Compares what was printed with what the page shows, or writes it.
#[track_caller]
fn shown(folder: &str, name: &str, printed: &str) {
    let printed: String = printed
        .trim_end()
        .lines()
        .flat_map(|line| [line.trim_end(), "\n"])
        .collect();
    let file = real_root().join(folder).join(name);
    if std::env::var_os("REFRESH").is_some() {
        fs::create_dir_all(real_root().join(folder)).expect("a writable workbook");
        fs::write(&file, printed).expect("a writable workbook");
        return;
    }
    let page = fs::read_to_string(&file).unwrap_or_default();
    let differing = comparable(&page)
        .lines()
        .zip(comparable(&printed).lines())
        .position(|(shown, now)| shown != now)
        .or_else(|| {
            (page.lines().count() != printed.lines().count()).then(|| page.lines().count())
        });
    if let Some(line) = differing {
        let at = |text: &str| text.lines().nth(line).unwrap_or("(nothing)").to_owned();
        panic!(
            "{folder}/{name}, line {}, is not what runs print.\nthe page: {}\nnow:      {}\n\
             If the change is meant: REFRESH=1 cargo test -p tests --test shown",
            line + 1,
            at(&page),
            at(&printed)
        );
    }
}

/// A stack's signature changes with every function on it, which a reader of the page never compares.
fn comparable(text: &str) -> String {
    text.split_inclusive(' ')
        .scan(false, |after_signature, word| {
            let hidden = std::mem::replace(after_signature, word == "signature ");
            Some(if hidden {
                word.trim_start_matches(|c: char| c.is_ascii_hexdigit())
            } else {
                word
            })
        })
        .collect()
}
