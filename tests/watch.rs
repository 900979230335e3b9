//! `leaks watch`, by a reader at a terminal, and without one.

use crate::driver::{CHAPTER, Workbook, ended};
use crate::terminal::Terminal;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

const FILE: &str = "chapters/retained-subslices/src/exercise.rs";
const ESCAPE: &str = "\x1b";

/// A command in the reader's colours.
fn watch(workbook: &Workbook, arguments: &[&str]) -> Command {
    let mut command = workbook.command([&["watch"], arguments].concat());
    command.env_remove("NO_COLOR").env_remove("CLICOLOR");
    command
}

/// A program in the workbook's `bin` folder, which comes first for whoever is told so.
fn program(workbook: &Workbook, name: &str, script: &str) {
    fs::create_dir_all(workbook.path("bin")).expect("a folder");
    let file = workbook.path(&format!("bin/{name}"));
    fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("writable");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("a program");
}

#[test]
fn every_key_and_every_save_is_answered() {
    let workbook = Workbook::copy("watch");
    // The book's program and the browser; cargo for all the rest.
    let cargo = env!("CARGO");
    let book = "echo 'The book is at http://127.0.0.1:1/   (Ctrl-C ends)'; exec sleep 600";
    let script = format!("case \"$*\" in *leaks-book*) {book};; esac\nexec '{cargo}' \"$@\"");
    program(&workbook, "cargo", &script);
    program(&workbook, "xdg-open", "echo \"$1\" > opened");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = watch(&workbook, &[]);
    command
        .env("CARGO", workbook.path("bin/cargo"))
        .env("PATH", format!("{}:{path}", workbook.path("bin").display()));
    let mut terminal = Terminal::with(command, 100);
    let shipped = workbook.read(FILE);

    keys(&mut terminal);
    files_that_are_none(&workbook, &mut terminal);
    saves(&workbook, &mut terminal);
    assert_eq!(workbook.read(FILE), shipped);
    terminal.types("q");
    assert_eq!(terminal.left_as_it_was(), Some(0));
    let opened = workbook.read("opened");
    assert_eq!(opened.trim(), "http://127.0.0.1:1/retained-subslices/");
    workbook
        .leaks(["list"])
        .exits(0)
        .stdout_has("passed, 2 hints");
}

/// From a longer text. A key that follows at once would make another key of the two. The last row is drawn last: until then that of the
/// view before stands there.
fn back(terminal: &mut Terminal) -> &mut Terminal {
    terminal.shows("Esc back").types(ESCAPE).shows("q quit")
}

fn keys(terminal: &mut Terminal) {
    terminal
        .shows("□□□□□□□□□□□□ 0 of 12 exercises")
        .shows("Behaviour it does its work Verdict leak, something live grows in every window What grew")
        .shows("chapters/retained-subslices/src/exercise.rs:")
        .shows("Save the file, and it is checked again.");
    terminal.types("w").shows("The whole report");
    terminal.shows("live memory after each iteration");
    terminal
        .types("G")
        .shows("Its page: chapters/retained-subslices/README.md");
    back(terminal);
    terminal.types("h").shows("Hint 1 of 3");
    terminal.types("h").shows("Hint 2 of 3");
    back(terminal)
        .types("s")
        .shows("opens when your own has passed");
    terminal
        .types("p")
        .shows("Opened http://127.0.0.1:1/retained-subslices/");
    terminal.types("r").shows("Put the shipped exercise back?");
    terminal.types("n").shows("w whole report");
    // To where the reader is already: nothing is lost.
    terminal.types("l").shows("> · retained-subslices");
    terminal.types("\r").shows("q quit").types("w");
    terminal.shows("live memory after each iteration");
    back(terminal);
    // There and back: the check of the other one is ended.
    terminal.types("l").shows("> · retained-subslices");
    terminal.types("j").shows("> unclosed-bodies");
    terminal
        .types("\r")
        .shows("Unclosed bodies chapters/unclosed-bodies/src/exercise.rs");
    terminal.types("l").shows("> unclosed-bodies");
    terminal
        .types("k\r")
        .shows("Verdict leak, something live grows");
}

fn files_that_are_none(workbook: &Workbook, terminal: &mut Terminal) {
    workbook.write(FILE, "pub fn nonsense( {");
    terminal
        .shows("not tried: the file doesn't compile")
        .shows("src/exercise.rs:1:");
    terminal.types("w").shows("error: ");
    back(terminal);
    workbook.write(FILE, "\n");
    terminal
        .shows("not tried: the file is empty")
        .shows("bring it back: press r");
    fs::write(workbook.path(FILE), [0xff, 0xfe]).expect("writable");
    terminal.shows("not tried: the file holds no text");
    let folder = workbook.path("chapters/retained-subslices");
    fs::rename(&folder, workbook.path("elsewhere")).expect("moved");
    terminal
        .shows("is gone, and its chapter's folder with it")
        .shows("bring it back: git checkout -- chapters/retained-subslices");
    fs::rename(workbook.path("elsewhere"), &folder).expect("back");
    workbook.solve_with("without-the-feature.rs");
    terminal.shows("it doesn't do its work: ");
}

fn saves(workbook: &Workbook, terminal: &mut Terminal) {
    // In the middle of a check that would go on for half a minute.
    let solved = workbook.read("chapters/retained-subslices/solution/solved.rs");
    let start = solved.find("fn read_batch").expect("the function");
    let start = start + solved[start..].find("{\n").expect("its body") + 2;
    let (before, after) = solved.split_at(start);
    let endless = format!("#![allow(warnings)]\n{before}loop {{}}\n{after}");
    workbook.write(FILE, &endless);
    terminal.shows("Trying what it does, and measuring its memory");
    workbook.solve_with("solved.rs");
    terminal
        .shows("Passed. It does its work, and nothing stays behind.")
        .shows("retained-subslices: a small view is kept, and the whole buffer that it points into stays live with it.")
        .shows("Read next: chapters/unclosed-bodies/README.md")
        .shows("■□□□□□□□□□□□ 1 of 12 exercises")
        .shows("Go on with unclosed-bodies?");
    terminal.types("n").shows("s solution");
    terminal.types("s").shows("The author's solution");
    back(terminal)
        .types("r")
        .shows("Put the shipped exercise back?");
    terminal.types("y").shows("What you had written is kept");
    terminal.shows("Verdict leak, something live grows");
}

#[test]
fn however_it_ends_the_terminal_is_as_it_was() {
    let workbook = Workbook::copy("watch-ends");
    let started = |variable: Option<&str>| {
        let mut command = watch(&workbook, &[CHAPTER]);
        command.envs(variable.map(|name| (name, "1")));
        let mut terminal = Terminal::with(command, 80);
        terminal.shows("q quit");
        terminal
    };
    // A check is going on each time.
    let mut terminal = started(None);
    terminal.types("q");
    assert!(terminal.bytes().contains("\x1b[1m"), "bold on a terminal");
    assert_eq!(terminal.left_as_it_was(), Some(0));

    let mut terminal = started(Some("NO_COLOR"));
    terminal.types("\x03");
    let bytes = terminal.bytes();
    let is_coloured = bytes.split("\x1b[").skip(1).any(|escape| {
        let parameters = escape.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        parameters.starts_with('m')
    });
    assert!(!is_coloured, "{bytes:?}");
    assert_eq!(terminal.left_as_it_was(), Some(0), "Ctrl-C");

    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let terminal = started(None);
        terminal.signal(signal);
        assert_eq!(terminal.left_as_it_was(), Some(0), "{signal:?}");
    }
}

#[test]
fn a_screen_follows_its_size() {
    let workbook = Workbook::copy("watch-size");
    let mut terminal = Terminal::with(watch(&workbook, &[CHAPTER]), 80);
    terminal.shows("q quit").shows("Verdict leak");
    for (rows, columns) in [(40, 120), (12, 60), (3, 20), (24, 80)] {
        terminal.resize(rows, columns);
        terminal.shows_in_row(usize::from(rows) - 1, "w whole");
    }
    terminal
        .shows("Verdict leak")
        .types("w")
        .shows("live memory after each iteration");
    terminal.resize(24, 60);
    terminal.shows("live memory after each iteration, above what was live at the start");
    // What stands there already isn't written again.
    back(&mut terminal);
    let before = terminal.bytes().len();
    terminal
        .types("l")
        .shows("Which exercise?")
        .types("j")
        .shows("> unclosed-bodies");
    let written = terminal.bytes()[before..].to_owned();
    assert_eq!(
        written.matches("allocator-retention").count(),
        1,
        "{written:?}"
    );
    terminal.types("\x03");
    assert_eq!(terminal.left_as_it_was(), Some(0));
}

/// Whoever started the command may have blocked the signal that tells of a new size.
#[test]
fn a_screen_follows_its_size_without_being_told() {
    let workbook = Workbook::copy("watch-size-untold");
    let told = watch(&workbook, &[CHAPTER]);
    let mut command = Command::new("env");
    command.arg("--block-signal=WINCH").arg(told.get_program());
    command.args(told.get_args()).envs(
        told.get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    for (name, _) in told.get_envs().filter(|(_, value)| value.is_none()) {
        command.env_remove(name);
    }
    command.current_dir(told.get_current_dir().expect("the copy"));
    let mut terminal = Terminal::with(command, 80);
    terminal.shows("q quit");
    terminal.resize(40, 120);
    terminal.shows_in_row(39, "w whole").types("q");
    assert_eq!(terminal.left_as_it_was(), Some(0));
}

#[test]
fn without_a_terminal_each_save_is_told_in_five_lines() {
    let workbook = Workbook::copy("watch-plain");
    let mut command = watch(&workbook, &[]);
    // From the chapter's folder, without its name.
    command.current_dir(workbook.path("chapters/retained-subslices/src"));
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the command");
    let output = child.stdout.take().expect("a pipe");
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    let mut until = |text: &str| {
        let mut seen = Vec::new();
        for line in lines.by_ref() {
            seen.push(line);
            if seen.iter().any(|line| line.contains(text)) {
                return seen.join("\n");
            }
        }
        panic!("it ended before {text:?}:\n{}", seen.join("\n"));
    };
    let told = until("  Next ");
    assert!(
        told.contains("is checked on every save. Ctrl-C ends."),
        "{told}"
    );
    for line in [
        "  Behaviour  it does its work",
        "  Verdict    leak",
        "  What grew  ",
        "  Where      ",
    ] {
        assert!(told.contains(line), "{line}:\n{told}");
    }
    assert!(!told.contains('\x1b'), "{told:?}");
    workbook.solve_with("solved.rs");
    let told = until("Read next");
    assert!(
        told.contains("What grew  nothing") && told.contains("Passed."),
        "{told}"
    );
    let id = Pid::from_raw(child.id().cast_signed()).expect("our child");
    kill_process(id, Signal::INT).expect("our child");
    assert_eq!(ended(child, "watch").status.code(), Some(0));
}
