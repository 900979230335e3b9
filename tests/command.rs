//! The command, end to end: what a reader types, what they see, what is left behind.

use crate::driver::{CHAPTER, Workbook, ended};
use std::fs;
use std::process::Stdio;

/// Hides what another machine, or an edit of the chapter, may change: line numbers and signatures.
fn redacted(check: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\.rs:\d+(:\d+)?", ".rs:[line]");
    settings.add_filter(r"signature [0-9a-f]+", "signature [hash]");
    // It follows how far C's heap moves by itself, and is wrapped by its length.
    settings.add_filter(
        r"(?s)(The smallest leak that this run could have caught:).*?tmpfs\.",
        "$1 [reach]",
    );
    settings.bind(check);
}

#[test]
fn every_command_says_when_to_use_it() {
    let workbook = Workbook::copy("help");
    insta::assert_snapshot!(workbook.leaks(["--help"]).exits(0).stdout());
    let commands = "list run check watch hint reset solution progress verify wild top list-source diff flamegraph graph book serve cluster incident load triage autopsy";
    for command in commands.split(' ') {
        workbook
            .leaks([command, "--help"])
            .exits(0)
            .stdout_has("Use it ")
            .stdout_has("Example");
    }
    for command in ["top", "graph"] {
        let help = workbook.leaks([command, "--help"]).exits(0).stdout();
        insta::assert_snapshot!(format!("help_of_{command}"), help);
    }
    workbook.leaks(["no-such-command"]).exits(2);
}

#[test]
fn the_first_run_shows_a_leak_and_the_second_where_the_reader_is() {
    let workbook = Workbook::copy("first-run");
    let first = workbook.leaks::<&str>([]);
    first
        .exits(0)
        .stdout_has("Welcome to the Leak Workbook.")
        .stdout_has("Verdict: leak")
        .stdout_has("src/leaky.rs:")
        .stdout_has("leaks check retained-subslices");
    let second = workbook.leaks::<&str>([]);
    insta::assert_snapshot!(second.exits(0).snapshot());
    insta::assert_snapshot!(workbook.leaks(["list"]).exits(0).snapshot());
}

#[test]
fn a_run_tells_what_leaks_and_leaves_its_files() {
    let workbook = Workbook::copy("run");
    let run = workbook.leaks(["run", CHAPTER]);
    redacted(|| insta::assert_snapshot!(run.exits(0).snapshot()));
    for file in [
        "heap.pb.gz",
        "flamegraph.svg",
        "timeline.svg",
        "report.json",
    ] {
        let file = workbook.path(&format!("target/leaks/{CHAPTER}/{file}"));
        assert!(file.is_file(), "{}", file.display());
    }
    workbook
        .leaks(["run", CHAPTER, "--fixed"])
        .exits(0)
        .stdout_has("Verdict: steady");
    let both = workbook.read(&format!("target/leaks/{CHAPTER}/fixed/both.svg"));
    assert!(
        both.contains("leaky: leak") && both.contains("fixed: steady"),
        "{both}"
    );
}

#[test]
fn a_run_answers_in_one_json_document() {
    let workbook = Workbook::copy("json");
    let run = workbook.leaks(["run", CHAPTER, "--format", "json", "--out", "evidence"]);
    let answer = run.exits(0).json();
    assert_eq!(answer["verdict"], "leak");
    assert_eq!(answer["class"], CHAPTER);
    assert_eq!(answer["as_expected"], true);
    assert!(
        answer["readings"]
            .as_array()
            .is_some_and(|readings| readings.len() > 2)
    );
    let finding = &answer["findings"][0];
    assert!(finding["kind"].is_string() && finding["per_iteration"].is_number());
    assert!(
        finding["site"]
            .as_str()
            .is_some_and(|site| site.contains(".rs:")),
        "{finding}"
    );
    assert!(workbook.path("evidence/report.json").is_file());
    assert!(
        !workbook.path("target/leaks").exists(),
        "--out takes the place of the default"
    );
}

#[test]
fn a_profile_is_read_wherever_it_lies() {
    let workbook = Workbook::copy("profiles");
    workbook.leaks(["run", CHAPTER, "--out", "leaky"]).exits(0);
    workbook
        .leaks(["run", CHAPTER, "--fixed", "--out", "fixed"])
        .exits(0);
    let leaky = "leaky/heap.pb.gz";

    workbook
        .leaks(["top", leaky])
        .exits(0)
        .stdout_has("Type: inuse_space")
        .stdout_has("flat%");
    let top = workbook.leaks(["top", leaky, "--limit", "3", "--format", "json"]);
    let rows = top.exits(0).json()["rows"].as_array().map(Vec::len);
    assert_eq!(rows, Some(3));
    workbook
        .leaks(["top", leaky, "--sample-type", "alloc_objects"])
        .exits(0)
        .stdout_has("alloc_objects");
    workbook
        .leaks(["top", leaky, "--sample-type", "nonsense"])
        .exits(2)
        .stderr_has("inuse_space");
    workbook
        .leaks(["list-source", leaky, "refresh"])
        .exits(0)
        .stdout_has("pub fn refresh");
    workbook
        .leaks([
            "diff",
            leaky,
            "--base",
            "fixed/heap.pb.gz",
            "--out",
            "difference.pb.gz",
        ])
        .exits(0)
        .stdout_has("flat%");
    workbook.leaks(["top", "difference.pb.gz"]).exits(0);
    workbook
        .leaks(["flamegraph", leaky, "--out", "flames.svg"])
        .exits(0);
    assert!(workbook.read("flames.svg").starts_with("<svg"));
    workbook
        .leaks(["flamegraph", leaky, "--inline", "--out", "-"])
        .exits(0)
        .stdout_has("<svg");
    workbook
        .leaks(["top", leaky, "--cum", "--ignore", "backend"])
        .exits(0)
        .stdout_has("   ignore=backend");
    workbook
        .leaks(["top", leaky, "--peek", "refresh", "--focus", "leaky"])
        .exits(0)
        .stdout_has("calls%");
    workbook
        .leaks(["graph", leaky, "--out", "-"])
        .exits(0)
        .stdout_has("digraph");
    workbook
        .leaks(["graph", leaky, "--out", "graph.pages"])
        .exits(2)
        .stderr_has(".svg, .png, .pdf or .dot");
    let drawn = workbook.leaks(["graph", leaky, "--out", "graph.svg"]);
    if std::process::Command::new("dot").arg("-V").output().is_ok() {
        drawn.exits(0);
        assert!(workbook.read("graph.svg").contains("<svg"));
    } else {
        drawn.exits(2).stderr_has("install graphviz");
    }
}

#[test]
fn a_file_that_is_no_profile_is_refused_in_words() {
    let workbook = Workbook::copy("no-profile");
    fs::write(workbook.path("empty"), "").expect("writable");
    for file in ["gone.pb.gz", "empty", "Cargo.toml", "chapters"] {
        for command in ["top", "flamegraph"] {
            workbook
                .leaks([command, file])
                .exits(2)
                .stderr_has(file)
                .stderr_has("error:");
        }
    }
}

#[test]
fn an_unknown_chapter_is_answered_with_the_nearest() {
    let workbook = Workbook::copy("unknown");
    for command in ["run", "check", "hint", "reset", "solution", "verify"] {
        workbook
            .leaks([command, "retained-subslcies"])
            .exits(2)
            .stderr_has("Did you mean retained-subslices");
    }
    workbook
        .leaks(["run", "xyzzy"])
        .exits(2)
        .stderr_has("leaks list");
}

#[test]
fn hints_come_one_by_one_and_are_remembered() {
    let workbook = Workbook::copy("hints");
    for n in 1..=3 {
        workbook
            .leaks(["hint", CHAPTER])
            .exits(0)
            .stdout_has(&format!("Hint {n} of 3"));
    }
    workbook
        .leaks(["hint", CHAPTER])
        .exits(0)
        .stdout_has("every hint")
        .stdout_has("Hint 1 of 3")
        .stdout_has("Hint 3 of 3");
    workbook.leaks(["list"]).exits(0).stdout_has("3 hints");
}

#[test]
fn a_damaged_state_is_reported_and_kept() {
    let workbook = Workbook::copy("damaged");
    workbook.write(".leaks.json", "{\"version\": 1, \"chap");
    workbook
        .leaks(["list"])
        .exits(0)
        .stderr_has("could not be read")
        .stderr_has(".leaks.json.damaged-1");
    assert_eq!(
        workbook.read(".leaks.json.damaged-1"),
        "{\"version\": 1, \"chap"
    );
    assert!(
        workbook.leaks(["list"]).exits(0).stderr().is_empty(),
        "told once"
    );
}

#[test]
fn hints_asked_for_at_once_all_count() {
    let workbook = Workbook::copy("at-once");
    let running: Vec<_> = (0..3)
        .map(|_| {
            let mut command = workbook.command(["hint", CHAPTER]);
            command.stdout(Stdio::piped()).spawn().expect("the command")
        })
        .collect();
    let mut shown: Vec<_> = running
        .into_iter()
        .map(|child| ended(child, "hint").stdout)
        .map(|text| {
            String::from_utf8_lossy(&text)
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    shown.sort();
    assert_eq!(shown, ["Hint 1 of 3", "Hint 2 of 3", "Hint 3 of 3"]);
}

#[test]
fn a_reset_keeps_what_the_learner_wrote() {
    let workbook = Workbook::copy("reset");
    let file = format!("chapters/{CHAPTER}/src/exercise.rs");
    let shipped = workbook.read(&file);
    workbook
        .leaks(["reset", CHAPTER])
        .exits(0)
        .stdout_has("is as it was shipped.");
    for n in 1..=2 {
        let mine = format!("// attempt {n}\n");
        workbook.write(&file, &mine);
        let backup = format!("chapters/{CHAPTER}/src/exercise.backup-{n}.rs");
        workbook
            .leaks(["reset", CHAPTER])
            .exits(0)
            .stdout_has(&backup);
        assert_eq!(workbook.read(&backup), mine);
        assert_eq!(workbook.read(&file), shipped);
    }
}

#[test]
fn an_exercise_from_the_starter_to_the_solution() {
    let workbook = Workbook::copy("exercise");
    let file = format!("chapters/{CHAPTER}/src/exercise.rs");

    workbook
        .leaks(["solution", CHAPTER])
        .exits(1)
        .stdout_has("leaks check");
    workbook.solve_with("as-shipped.rs");
    let starter = workbook.leaks(["check", CHAPTER]);
    redacted(|| insta::assert_snapshot!(starter.exits(1).snapshot()));
    let starter = workbook
        .leaks(["check", CHAPTER, "--format", "json"])
        .exits(1)
        .json();
    assert_eq!(
        (&starter["verdict"], &starter["passed"]),
        (&"leak".into(), &false.into())
    );

    workbook.write(&file, "pub fn nonsense( {");
    workbook
        .leaks(["check", CHAPTER])
        .exits(2)
        .stderr_has("exercise.rs:1:")
        .stderr_has("doesn't compile");

    workbook.solve_with("without-the-feature.rs");
    workbook
        .leaks(["check", CHAPTER])
        .exits(1)
        .stdout_has("doesn't do its work")
        .stdout_has("leaks hint");
    workbook
        .leaks(["check", CHAPTER, "--whole"])
        .exits(1)
        .stdout_has("panicked at");
    let without = workbook
        .leaks(["check", CHAPTER, "--format", "json"])
        .exits(1)
        .json();
    assert_eq!(without["verdict"], "inconclusive");

    workbook.solve_with("solved.rs");
    workbook
        .leaks(["check", CHAPTER])
        .exits(0)
        .stdout_has("Passed.")
        .stdout_has("leaks solution");
    workbook
        .leaks(["solution", CHAPTER])
        .exits(0)
        .stdout_has("solution/solved.rs");
    workbook.leaks(["list"]).exits(0).stdout_has("passed");

    // What passes is told at once, and can be done again.
    let all = workbook.leaks(["check", "--all"]);
    insta::assert_snapshot!("check_of_all", all.exits(1).stdout());
    let solved = workbook.read(&file);
    workbook
        .leaks(["check", CHAPTER, "--again"])
        .exits(1)
        .stdout_has("exercise.backup-1.rs")
        .stdout_has("Verdict    leak");
    let backup = workbook.read(&format!("chapters/{CHAPTER}/src/exercise.backup-1.rs"));
    assert_eq!(backup, solved);
    workbook.leaks(["list"]).exits(0).stdout_has("passed");
}

#[test]
fn a_checker_that_is_not_as_shipped_is_told_as_such() {
    let workbook = Workbook::copy("checker");
    let checker = format!("chapters/{CHAPTER}/tests/checker.rs");
    workbook.write(&checker, "");
    workbook
        .leaks(["check", CHAPTER])
        .exits(2)
        .stderr_has(&format!("{checker} doesn't compile"))
        .stderr_has(&format!("git checkout -- {checker}"));
    // No file of a chapter's is needed to say what is wrong with the exercise.
    let exercise = format!("chapters/{CHAPTER}/src/exercise.rs");
    for (content, told) in [("", "is empty"), (" \n", "is empty")] {
        workbook.write(&exercise, content);
        let check = workbook.leaks(["check", CHAPTER]);
        check.exits(2).stderr_has(told).stderr_has("leaks reset");
    }
    fs::remove_file(workbook.path(&exercise)).expect("it was there");
    let check = workbook.leaks(["check", CHAPTER]);
    check
        .exits(2)
        .stderr_has("is gone")
        .stderr_has("leaks reset");
}

#[test]
fn a_chapters_folder_stands_for_its_name() {
    let workbook = Workbook::copy("here");
    let inside = |arguments: &[&str]| {
        let folder = workbook.path(&format!("chapters/{CHAPTER}/src"));
        let mut command = workbook.command(arguments);
        command.current_dir(&folder).env("PWD", &folder);
        workbook.run(command)
    };
    inside(&["hint"]).exits(0).stdout_has("Hint 1 of 3");
    let reset = inside(&["reset"]);
    reset
        .exits(0)
        .stdout_has("exercise.rs is as it was shipped.");
    inside(&["solution"])
        .exits(1)
        .stdout_has(&format!("leaks check {CHAPTER}"));
    // Through cargo: a chapter's folder has no program that `cargo run` could run.
    let folder = workbook.path(&format!("chapters/{CHAPTER}"));
    for (folder, typed) in [
        (folder, "cargo leaks"),
        (workbook.path("."), "cargo run --"),
    ] {
        let mut command = workbook.command(["solution", CHAPTER]);
        command.current_dir(&folder).env("CARGO", env!("CARGO"));
        let told = workbook.run(command);
        told.exits(1)
            .stdout_has(&format!("{typed} check {CHAPTER}"));
    }
    for command in ["check", "hint", "reset", "solution", "run"] {
        workbook
            .leaks([command])
            .exits(2)
            .stderr_has(&format!("{command}: of which chapter?"))
            .stderr_has(&format!("leaks {command} {CHAPTER}"));
    }
}

#[test]
fn progress_goes_to_another_machine_and_nothing_is_lost() {
    let (here, there) = (Workbook::copy("progress"), Workbook::copy("progress-there"));
    let state = |chapter: &str, more: &str| {
        format!(
            "{{\"version\": 1, \"chapters\": {{\"{chapter}\": {{\"passed\": true, \"hints\": 2}}}}{more}}}"
        )
    };
    here.write(
        ".leaks.json",
        &state(
            CHAPTER,
            r#", "drills": {"done": [{"seed": 7, "level": 1, "was": ["orphaned-tasks"], "points": 70, "of": 100, "seconds": 630, "wrong": 1}]}"#,
        ),
    );
    there.write(".leaks.json", &state("global-caches", ""));
    insta::assert_snapshot!("progress", here.leaks(["progress"]).exits(0).stdout());
    let table = here.leaks(["progress", "--format", "md"]);
    table
        .exits(0)
        .stdout_has(&format!("| {CHAPTER} | passed, 2 hints |"));
    let json = here.leaks(["progress", "--format", "json"]).exits(0).json();
    assert_eq!(json["groups"][0]["passed"], 1);
    assert_eq!(json["groups"][0]["items"][0]["standing"], "passed");
    assert_eq!(json["drills"]["done"][0]["seed"], 7);

    here.leaks(["progress", "--export", "mine.json"]).exits(0);
    let carried = there.path("mine.json");
    fs::copy(here.path("mine.json"), &carried).expect("carried");
    there
        .leaks(["progress", "--import", "mine.json"])
        .exits(0)
        .stdout_has("2 of 12 exercises passed, 1 of them by this file.");
    let merged = there.read(".leaks.json");
    assert!(merged.contains("\"seed\": 7"), "{merged}");

    for (content, why) in [
        ("", "damaged"),
        ("{\"version\": 1, \"chapters\": 7}", "damaged"),
        ("{\"version\": 99}", "version 99"),
        ("[]", "damaged"),
    ] {
        there.write("mine.json", content);
        there
            .leaks(["progress", "--import", "mine.json"])
            .exits(2)
            .stderr_has("mine.json holds no progress")
            .stderr_has(why)
            .stderr_has("Nothing was changed");
        assert_eq!(there.read(".leaks.json"), merged);
    }
    let gone = there.leaks(["progress", "--import", "gone.json"]);
    gone.exits(2).stderr_has("gone.json");
    there
        .leaks(["progress", "--export", "Cargo.toml/x"])
        .exits(2)
        .stderr_has("Cargo.toml/x");
}

#[test]
fn an_exercise_that_an_update_changed_is_told_and_left_alone() {
    let workbook = Workbook::copy("update");
    let file = format!("chapters/{CHAPTER}/src/exercise.rs");
    // The first command notes which exercise it is.
    workbook.leaks(["reset", CHAPTER]).exits(0);
    workbook.write(&file, "// mine\n");
    let list = workbook.leaks(["list"]).exits(0).stdout();
    assert!(!list.contains("changed by an update"), "{list}");
    let shipped = workbook.read(&format!("chapters/{CHAPTER}/solution/as-shipped.rs"));
    workbook.write(
        &format!("chapters/{CHAPTER}/solution/as-shipped.rs"),
        &format!("// new\n{shipped}"),
    );
    workbook
        .leaks(["list"])
        .exits(0)
        .stdout_has("changed by an update");
    workbook
        .leaks(["progress"])
        .exits(0)
        .stdout_has("Your file is untouched")
        .stdout_has(&format!("leaks reset {CHAPTER}"));
    assert_eq!(workbook.read(&file), "// mine\n");
    workbook
        .leaks(["reset", CHAPTER])
        .exits(0)
        .stdout_has("backup-1.rs");
    let list = workbook.leaks(["list"]).exits(0).stdout();
    assert!(!list.contains("changed by an update"), "{list}");
}

/// The learner's file may do anything to its process. The command says what happened.
#[test]
fn an_exercise_that_panics_or_exits_is_told_in_words() {
    let workbook = Workbook::copy("misbehaved");
    let solved = workbook.read(&format!("chapters/{CHAPTER}/solution/solved.rs"));
    let file = format!("chapters/{CHAPTER}/src/exercise.rs");
    let function = solved
        .find("fn read_batch")
        .expect("the solution's read_batch");
    let start = function + solved[function..].find("{\n").expect("its body") + 2;
    for (fault, said) in [
        ("panic!(\"out of ideas\");", "out of ideas"),
        ("std::process::exit(7);", "7"),
    ] {
        let (before, after) = solved.split_at(start);
        workbook.write(
            &file,
            &format!("#![allow(warnings)]\n{before}{fault}\n{after}"),
        );
        workbook
            .leaks(["check", CHAPTER])
            .exits(1)
            .stdout_has(said)
            .stdout_has("leaks hint");
    }
}

#[test]
fn the_authors_proof_holds() {
    let workbook = Workbook::copy("verify");
    let proof = workbook
        .leaks(["verify", CHAPTER, "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(
        (&proof["verdict"], &proof["class"]),
        (&"leak".into(), &CHAPTER.into())
    );
    assert_eq!(proof["chapters"][0]["passed"], true);
    // A solution that doesn't solve breaks the proof.
    let shipped = workbook.read(&format!("chapters/{CHAPTER}/solution/as-shipped.rs"));
    workbook.write(&format!("chapters/{CHAPTER}/solution/solved.rs"), &shipped);
    workbook
        .leaks(["verify", CHAPTER])
        .exits(1)
        .stdout_has("✗ the solution passes");
}

#[test]
fn a_folder_that_cannot_be_written_costs_no_verdict() {
    let workbook = Workbook::copy("unwritable");
    // A file in the folder's place refuses even the administrator, whom permissions don't stop.
    workbook
        .leaks(["run", CHAPTER, "--out", "Cargo.toml/out"])
        .exits(2)
        .stdout_has("Verdict: leak")
        .stderr_has("Cargo.toml/out")
        .stderr_has("--out DIR");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_the_output_is_told() {
    let workbook = Workbook::copy("full");
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("/dev/full");
    let mut command = workbook.command(["list"]);
    command.stdout(full).stderr(Stdio::piped());
    let ended = ended(command.spawn().expect("the command"), "list");
    assert_eq!(ended.status.code(), Some(2));
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(told.contains("can't write the output"), "{told}");
}

#[test]
fn a_reader_who_has_seen_enough_is_no_error() {
    let workbook = Workbook::copy("pipe");
    let mut command = workbook.command(["list"]);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    command.stdout(writer).stderr(Stdio::piped());
    let ended = ended(command.spawn().expect("the command"), "list");
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
}

#[test]
fn colour_is_for_terminals() {
    let workbook = Workbook::copy("colour");
    let plain = workbook.leaks(["list"]).exits(0).stdout();
    assert!(!plain.contains('\x1b'), "{plain:?}");
    let mut forced = workbook.command(["list"]);
    forced.env_remove("NO_COLOR").env("CLICOLOR_FORCE", "1");
    assert!(workbook.run(forced).stdout().contains('\x1b'));
}
