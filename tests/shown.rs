//! What the book shows is what runs print: each file is made again and compared.
//!
//! `REFRESH=1 cargo test -p tests --test shown` writes the files instead of comparing them.

mod climbs;
#[path = "drills/shown.rs"]
mod drilled;
mod driver;
#[path = "drills/playing.rs"]
mod playing;
mod recorded;
mod served;
#[path = "drills/sheets.rs"]
mod sheets;

use chapters::{Chapter, Figures};
use detectors::Verdict;
use detectors::triage::Autopsy;
use driver::{AS_FOR_THE_COMMAND, CHAPTER, Ran, Workbook, real_root};
use libtest_mimic::{Arguments, Trial};
use serde_json::json;
use served::{Answer, Served};
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Makes again what a page shows, and compares.
type Test = fn(&Chapter);

/// What each chapter's page shows.
const OF_A_CHAPTER: [(&str, Test); 4] = [
    ("a_run_its_fix_and_its_pictures", run_and_fix),
    ("a_check_of_the_exercise_as_shipped", check),
    ("what_a_failing_test_says", complaint),
    ("what_its_look_alikes_print", beside),
];

/// What the other pages show.
const BESIDE_THE_CHAPTERS: [(&str, fn()); 12] = [
    // It waits for minutes, so it comes first of all.
    ("a_service_climbs", climbs::a_service_climbs),
    ("a_drill_to_its_end", drilled::a_drill_to_its_end),
    ("a_leak_in_c_by_its_line", a_leak_in_c_by_its_line),
    ("a_night_on_other_allocators", a_night_on_other_allocators),
    ("a_profile_in_every_view", a_profile_in_every_view),
    ("three_figures_of_one_process", three_figures_of_one_process),
    ("pages_of_a_few_blocks", pages_of_a_few_blocks),
    ("a_leak_beside_noise", a_leak_beside_noise),
    (
        "estimates_of_a_sampled_profile",
        estimates_of_a_sampled_profile,
    ),
    ("what_a_killed_service_kept", what_a_killed_service_kept),
    ("what_a_first_test_is_worth", what_a_first_test_is_worth),
    ("whose_memory_it_is", whose_memory_it_is),
];

/// A test for each chapter of the list and each thing that its page shows, and those of the other pages.
fn main() -> ExitCode {
    let of_chapters = chapters::ALL.iter().flat_map(|chapter| {
        OF_A_CHAPTER.into_iter().map(move |(what, test)| {
            let name = format!("{}::{what}", chapter.name().replace('-', "_"));
            Trial::test(name, move || {
                test(chapter);
                Ok(())
            })
        })
    });
    let others = BESIDE_THE_CHAPTERS.into_iter().map(|(name, test)| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    });
    let trials = others.chain(of_chapters).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn run_and_fix(chapter: &Chapter) {
    let name = chapter.name();
    let workbook = Workbook::copy(&format!("shown-run-{name}"));
    let run = leaks(&workbook, &["run", name]);
    shown_of(chapter, "run.txt", &text(run.exits(0)));
    if let Some(function) = chapter.page.listed {
        let profile = format!("target/leaks/{name}/heap.pb.gz");
        let values = chapter.page.values.map(|values| ["--sample-type", values]);
        let arguments = ["list-source", &profile, function].into_iter();
        let list = workbook.leaks(arguments.chain(values.into_iter().flatten()));
        shown_of(chapter, "list.txt", &text(list.exits(0)));
    }
    let fixed = leaks(&workbook, &["run", name, "--fixed"]);
    shown_of(chapter, "run-fixed.txt", &text(fixed.exits(0)));
    let both = workbook.read(&format!("target/leaks/{name}/fixed/both.svg"));
    shown_of(chapter, "timeline.svg", &both);
    let clean = |text: &str| without_machine(text, &workbook.path(""));
    let run = |folder: &str| {
        recorded::run(
            &workbook.path(&format!("target/leaks/{name}{folder}")),
            &clean,
        )
    };
    let runs = json!({ "leaky": run(""), "fixed": run("/fixed") });
    shown_of(
        chapter,
        "report.json",
        &serde_json::to_string_pretty(&runs).expect("JSON"),
    );
}

fn check(chapter: &Chapter) {
    let name = chapter.name();
    let workbook = Workbook::copy(&format!("shown-check-{name}"));
    workbook.solve(name, "as-shipped.rs");
    let check = leaks(&workbook, &["check", name, "--whole"]);
    shown_of(chapter, "check.txt", &text(check.exits(1)));
    let clean = |text: &str| without_machine(text, &workbook.path(""));
    let run = recorded::run(
        &workbook.path(&format!("target/leaks/{name}/exercise")),
        &clean,
    );
    let run = json!({ "exercise": run });
    shown_of(
        chapter,
        "check.json",
        &serde_json::to_string_pretty(&run).expect("JSON"),
    );
}

/// Every chapter has one regression test that is shown failing.
fn complaint(chapter: &Chapter) {
    let printed = test_output(chapter.name(), "profiled", "brought_back_fails_the_test");
    let complaint: Vec<&str> = printed
        .lines()
        .skip_while(|line| !line.contains("panicked at"))
        .skip(1)
        .take_while(|line| !line.starts_with("note: run with"))
        .collect();
    shown_of(chapter, "complaint.txt", &complaint.join("\n"));
}

/// The look-alikes are measured on the one allocator or the other.
fn beside(chapter: &Chapter) {
    let page = real_root().join(format!("chapters/{}/shown/beside.txt", chapter.name()));
    let page = fs::read_to_string(page).unwrap_or_default();
    let printed = ["profiled", "by_dhat"].map(|target| {
        let mut tables = tables(&test_output(chapter.name(), target, "beside::"));
        // Tests end in whatever order: as the page has them.
        tables.sort_by_key(|table| {
            let first = table.lines().next().unwrap_or_default();
            page.find(first).unwrap_or(usize::MAX)
        });
        tables.join("\n\n")
    });
    shown_of(chapter, "beside.txt", &printed.concat());
}

/// What passing tests printed, without the harness' own lines.
fn tables(printed: &str) -> Vec<String> {
    let mut is_shown = false;
    let mut tables: Vec<String> = Vec::new();
    for line in printed.lines() {
        if line.starts_with("---- ") {
            is_shown = line.ends_with(" printed ----");
            if is_shown {
                tables.push(String::new());
            }
        } else if line.starts_with("test ") || line.is_empty() {
            is_shown = false;
        } else if is_shown && let Some(table) = tables.last_mut() {
            if !table.is_empty() {
                table.push('\n');
            }
            table.push_str(line);
        }
    }
    tables.retain(|table| !table.is_empty());
    tables
}

fn a_night_on_other_allocators() {
    // mimalloc looks at its clock during the night too, as often as chance has it.
    for (allocator, figures) in [("jemalloc", Figures::Alike), ("mimalloc", Figures::Roughly)] {
        let printed = output_of("tests", "tests", &format!("on_{allocator}"), "");
        let printed = without_machine(&printed, Path::new("/nowhere"));
        let folder = "chapters/allocator-retention/shown";
        let file = format!("{allocator}.txt");
        shown_within(folder, &file, &tables(&printed).join("\n\n"), figures);
    }
}

/// By a feature that no other test turns on, so the library is built once more, and what it stands on isn't.
fn a_leak_in_c_by_its_line() {
    let name = "foreign-memory";
    let by_line = format!("{name}/by-line");
    let test = ["test", "-q", "--features", &by_line];
    let which = ["--test", "by_line", "--", "leaky", "--show-output"];
    let printed = cargo(&[&test, &AS_FOR_THE_COMMAND[..], &which].concat());
    let printed = without_machine(&printed, Path::new("/nowhere"));
    let folder = format!("chapters/{name}/shown");
    shown(&folder, "by-line.txt", &tables(&printed).join("\n\n"));
}

fn a_profile_in_every_view() {
    let chapter = chapters::named(CHAPTER).expect("the first chapter");
    let name = chapter.name();
    let workbook = Workbook::copy("shown-profile");
    workbook.leaks(["run", name]).exits(0);
    let profile = format!("target/leaks/{name}/heap.pb.gz");
    let view = |arguments: &[&str]| {
        let ran = workbook.leaks([&arguments[..1], &[&profile], &arguments[1..]].concat());
        text(ran.exits(0))
    };
    shown_of(chapter, "top.txt", &view(&["top", "--limit", "6"]));
    let objects = ["top", "--sample-type", "inuse_objects", "--limit", "6"];
    shown_of(chapter, "top-objects.txt", &view(&objects));
    let flames = ["flamegraph", "--inline", "--out", "-"];
    shown_of(chapter, "flamegraph.svg", &view(&flames));

    let mut go = Command::new("go");
    go.args(["tool", "pprof", "-top", "-nodecount=6", &profile])
        .current_dir(workbook.path("."));
    match go.output() {
        Ok(output) if output.status.success() => {
            let table = String::from_utf8_lossy(&output.stdout).into_owned();
            let table = without_machine(&table, &workbook.path("."));
            shown_of(chapter, "go-top.txt", &table);
        }
        _ => eprintln!("not compared: go-top.txt, since `go tool pprof` can't be run here"),
    }
}

fn three_figures_of_one_process() {
    let printed = cargo(&["run", "-q", "-p", "leaks", "--example", "three_figures"]);
    shown("chapters", "three-figures.txt", &printed);
}

fn pages_of_a_few_blocks() {
    let printed = cargo(&["run", "-q", "-p", "leaks", "--example", "pages"]);
    shown("chapters", "pages-of-memory.txt", &printed);
}

fn a_leak_beside_noise() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a writable target");
    let file = folder.path().join("noise.json");
    let mut arguments = vec!["run", "-q", "-p", "leaks", "--example", "noise", "--"];
    arguments.extend(file.to_str());
    shown("chapters", "noise.txt", &cargo(&arguments));
    let recorded = fs::read_to_string(&file).expect("the example records");
    shown("chapters", "noise.json", &recorded);
}

/// Exact and estimated figures, of which those that are estimated differ from run to run.
fn whose_memory_it_is() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a writable target");
    let profile = folder.path().join("heap.pb.gz");
    let profile = profile.to_str().expect("a path of ours");
    let example = [
        "run",
        "-q",
        "-p",
        "leaks",
        "--example",
        "by_tenant",
        "--",
        profile,
    ];
    shown_within(
        "chapters",
        "by-tenant.txt",
        &cargo(&example),
        Figures::Roughly,
    );
    let labels = cargo(&["run", "-q", "-p", "leaks", "--", "top", profile, "--labels"]);
    shown_within(
        "chapters",
        "by-tenant-labels.txt",
        &labels,
        Figures::Roughly,
    );
}

fn estimates_of_a_sampled_profile() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a writable target");
    let plot = folder.path().join("estimates.svg");
    let mut arguments = vec!["run", "-q", "-p", "leaks", "--example", "estimates", "--"];
    arguments.extend(plot.to_str());
    let printed = cargo(&arguments);
    let tables: Vec<&str> = printed.split("\n\n").collect();
    let names = [
        "sampled-chances.txt",
        "sampled-intervals.txt",
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

/// A leaking service under load, killed once its profiles show the leak.
fn what_a_killed_service_kept() {
    let workbook = Workbook::copy("shown-autopsy");
    let kept = workbook.path("target/kept");
    let leaky = ["--leak", "global-caches"].repeat(4);
    let keeps = ["--keep-profiles", "target/kept", "--keep-every", "2s"];
    let options = [&["--debug-port", "0"], &leaky[..], &keeps].concat();
    let mut served = Served::started(&workbook, &options, Stdio::null());
    let deadline = Instant::now() + Duration::from_mins(3);
    let is_clear = |autopsy: Autopsy| {
        let site = autopsy
            .findings
            .first()
            .and_then(|growth| growth.site.clone());
        let is_its = site.is_some_and(|site| site.contains("global_caches::"));
        is_its && autopsy.verdict == Verdict::Leak && autopsy.readings.len() > 5
    };
    while !Autopsy::of(&kept, None).is_ok_and(is_clear) {
        assert!(Instant::now() < deadline, "no leak in three minutes");
        for _ in 0..100 {
            Answer::to(&served.service, "GET /apex/customer-0042.example", &[]);
        }
    }
    served.child.kill().expect("our child");
    served.child.wait().expect("our child");
    let told = leaks(&workbook, &["autopsy", "target/kept"]);
    let told = without_machine(&text(told.exits(0)), &workbook.path(""));
    // How many profiles there are, and their figures, are another run's each time.
    shown_within("chapters", "autopsy.txt", &told, Figures::Verdict);
}

/// The last exercise as shipped: tests that see no memory.
fn what_a_first_test_is_worth() {
    let workbook = Workbook::copy("shown-last");
    let told = leaks(&workbook, &["check", "your-own-test"]);
    let told = without_machine(&text(told.exits(1)), &workbook.path(""));
    shown("chapters", "your-own-test.txt", &told);
}

/// Runs the command as `cargo run` does, so that it suggests commands of that form.
fn leaks(workbook: &Workbook, arguments: &[&str]) -> Ran {
    let mut command = workbook.command(arguments);
    command.env("CARGO", env!("CARGO"));
    workbook.run(command)
}

/// What passing tests of the chapter printed.
fn test_output(chapter: &str, target: &str, test: &str) -> String {
    let folder = format!("chapters/{chapter}");
    let printed = output_of(&folder, chapter, target, test);
    without_machine(&printed, Path::new("/nowhere"))
}

fn output_of(folder: &str, package: &str, target: &str, test: &str) -> String {
    let folder = real_root().join(folder);
    let mut command = Command::new(executable(&folder, target));
    command
        .args([test, "--show-output"])
        .current_dir(&folder)
        .env("CARGO_MANIFEST_DIR", &folder)
        .env("CARGO_PKG_NAME", package);
    printed_by(command)
}

/// A test target of the package in a folder. All that pages show are built at once, with the libraries that the command is built with:
/// `--package` would choose other features for them, and so build them again for each chapter.
fn executable(folder: &Path, target: &str) -> &'static Path {
    static BUILT: OnceLock<Vec<serde_json::Value>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let targets =
            ["profiled", "by_dhat", "on_jemalloc", "on_mimalloc"].map(|target| ["--test", target]);
        let json = ["--message-format", "json-render-diagnostics"];
        let build = ["test", "--no-run"];
        let arguments = [
            &build,
            &AS_FOR_THE_COMMAND[..],
            targets.as_flattened(),
            &json,
        ];
        let messages = cargo(&arguments.concat());
        let messages = messages.lines();
        messages
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    });
    let manifest = folder.join("Cargo.toml");
    let mut of_target = built.iter().filter(|message| {
        message["target"]["name"] == target
            && message["manifest_path"].as_str().map(Path::new) == Some(&manifest)
    });
    let executable = of_target.find_map(|message| message["executable"].as_str());
    Path::new(executable.expect("cargo names what it built"))
}

/// Runs cargo in the workbook itself, which none of these commands writes to.
fn cargo(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(real_root());
    printed_by(command)
}

fn printed_by(mut command: Command) -> String {
    let output = command
        .env("PWD", real_root())
        .env_remove("RUST_BACKTRACE")
        .env_remove("DETECTORS_OUT")
        .output()
        .expect("it can be started");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return printed;
    }
    // Why it failed comes first: cargo's messages for programs are megabytes, of which whoever looks later has the beginning.
    let errors = String::from_utf8_lossy(&output.stderr);
    let is_for_people = |line: &&str| !line.starts_with(r#"{"reason""#);
    let lines: Vec<&str> = printed.lines().filter(is_for_people).collect();
    let status = output.status;
    panic!(
        "{command:?} ended with {status}:\n{errors}\n{}",
        lines.join("\n")
    );
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
    text = without_chance(&text);
    // `/home/me/.cargo/registry/src/HOST/bytes-1.0/src/lib.rs` is `bytes-1.0/src/lib.rs` to everyone.
    text.split_inclusive([' ', '(', '\n'])
        .map(|word| match word.split_once("/registry/src/") {
            Some((_, rest)) => rest.split_once('/').map_or(rest, |(_, path)| path),
            None => word,
        })
        .collect()
}

/// The text with the names that a system makes up: a scratch folder's, a port's.
fn without_chance(text: &str) -> String {
    let mut all = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let scratch = rest.find("/.tmp").map(|at| (at, "/.tmp", "/scratch"));
        let port = rest
            .find("127.0.0.1:")
            .map(|at| (at, "127.0.0.1:", "127.0.0.1:PORT"));
        let Some((at, mark, instead)) = scratch.into_iter().chain(port).min() else {
            return all + rest;
        };
        all.push_str(&rest[..at]);
        all.push_str(instead);
        let after = &rest[at + mark.len()..];
        rest = after.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
    }
}

#[track_caller]
fn shown_of(chapter: &Chapter, file: &str, printed: &str) {
    let folder = format!("chapters/{}/shown", chapter.name());
    shown_within(&folder, file, printed, chapter.page.figures);
}

/// Compares what was printed with what the page shows, or writes it.
#[track_caller]
fn shown(folder: &str, name: &str, printed: &str) {
    shown_within(folder, name, printed, Figures::Exact);
}

#[track_caller]
fn shown_within(folder: &str, name: &str, printed: &str, figures: Figures) {
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
    let is_same = |shown: &str, now: &str| match figures {
        Figures::Alike => is_alike(shown, now, 0.25),
        Figures::Roughly => is_alike(shown, now, 0.5),
        Figures::Exact | Figures::Verdict => shown == now,
    };
    if figures == Figures::Verdict {
        let verdicts = |text: &str| -> Vec<String> {
            let told = text.lines().filter(|line| {
                [" saw ", "Verdict:", "\"verdict\":"]
                    .iter()
                    .any(|mark| line.contains(mark))
            });
            told.map(str::to_owned).collect()
        };
        assert_eq!(verdicts(&page), verdicts(&printed), "{folder}/{name}");
        return;
    }
    let compared = if file
        .extension()
        .is_some_and(|extension| extension == "json")
    {
        recorded::comparable
    } else {
        comparable
    };
    let (mut page, mut printed) = (compared(&page), compared(&printed));
    if figures == Figures::Roughly {
        (page, printed) = (rows_by_name(&page), rows_by_name(&printed));
    }
    let differing = page
        .lines()
        .zip(printed.lines())
        .position(|(shown, now)| !is_same(shown, now))
        .or_else(|| {
            (page.lines().count() != printed.lines().count()).then(|| page.lines().count())
        });
    if let Some(line) = differing {
        let at = |text: &str| text.lines().nth(line).unwrap_or("(nothing)").to_owned();
        panic!(
            "{folder}/{name} is not what runs print.\nthe page: {}\nnow:      {}\n\
             If the change is meant: REFRESH=1 cargo test -p tests --test shown",
            at(&page),
            at(&printed)
        );
    }
}

/// Each paragraph's rows by what they name, not by their figures: of two estimates that lie close together, either may be the larger.
fn rows_by_name(table: &str) -> String {
    let paragraphs = table.split("\n\n").map(|paragraph| {
        let mut rows: Vec<&str> = paragraph.lines().collect();
        rows.sort_by_key(|row| row.replace(|letter: char| !letter.is_alphabetic(), ""));
        rows.join("\n")
    });
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

/// What a reader compares: without signatures, without who holds what, and without the run's reach. Of several holders either may be
/// found, and how many blocks each has depends on where the system puts them; the reach follows the noise that this very run met.
fn comparable(text: &str) -> String {
    let is_of_holders = |line: &&str| {
        let line = line.trim_start();
        line.contains(" held by")
            || line.starts_with("nothing points to")
            || ["through a block of", "in a queue of", "with little of"]
                .iter()
                .any(|begin| line.starts_with(begin))
    };
    let (mut is_within, mut is_holder, mut is_reach) = (false, false, false);
    let mut lines = String::new();
    for line in text.lines() {
        // From its heading to the next empty line, or from holder to holder in a test's failure.
        is_within = !line.is_empty() && (is_within || line == "Who holds it");
        // What a wrapped line goes on with is indented.
        is_holder = is_of_holders(&line) || is_holder && line.starts_with("  ");
        // Up to what comes after it: what was not read, or an empty line.
        let begins = |with: &str| line.to_lowercase().starts_with(with);
        is_reach =
            begins("the smallest leak") || is_reach && !line.is_empty() && !begins("not read");
        if !is_within && !is_holder && !is_reach {
            // Where a sentence is wrapped follows the length of its figures.
            let goes_on = line
                .strip_prefix("  ")
                .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_lowercase()));
            if goes_on && lines.pop().is_some() {
                lines.push(' ');
            }
            lines.push_str(if goes_on { line.trim_start() } else { line });
            lines.push('\n');
        }
    }
    without_signatures(&lines)
}

/// A stack's signature changes with every function on it, which a reader of the page never compares.
fn without_signatures(text: &str) -> String {
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

/// Whether two lines say the same, with figures that differ by that share at most. What is drawn isn't compared: it follows the
/// figures.
fn is_alike(shown: &str, now: &str, share: f64) -> bool {
    let is_drawn = |line: &str| {
        line.contains(['┤', '│', '└']) || line.contains("<path") || line.contains("<line")
    };
    if is_drawn(shown) && is_drawn(now) {
        return true;
    }
    // Figures apart from what stands around them.
    let words = |line: &str| -> Vec<String> {
        let is_figure = |letter: char| letter.is_ascii_digit() || letter == ',' || letter == '.';
        let mut words: Vec<(String, bool)> = Vec::new();
        for letter in line.chars() {
            match words.last_mut() {
                Some((word, of_figures)) if *of_figures == is_figure(letter) => word.push(letter),
                _ => words.push((letter.to_string(), is_figure(letter))),
            }
        }
        let trimmed = words.iter().map(|(word, _)| word.trim().to_owned());
        trimmed.filter(|word| !word.is_empty()).collect()
    };
    let (shown, now) = (words(shown), words(now));
    let value = |word: &str| word.replace(',', "").parse::<f64>().ok();
    shown.len() == now.len()
        && shown
            .iter()
            .zip(&now)
            .all(|(shown, now)| match (value(shown), value(now)) {
                (Some(shown), Some(now)) => {
                    (shown - now).abs() <= share * shown.abs().max(now.abs()) + 1.0
                }
                _ => shown == now,
            })
}
