//! `leaks triage`: the right verdict for programs in six languages, by what the kernel tells; for the service, by its own word.
//!
//! `DETECTORS_REPETITIONS=20 cargo test -p tests --test end_to_end triage` looks at each target twenty times; once unless told otherwise.

mod targets;

mod cgroup;
mod classes;
mod loaded;
mod of_go;
mod refused;
mod service;

use crate::driver::{Ran, Workbook};
use std::sync::OnceLock;
use targets::Target;
pub(crate) use targets::path as target;

/// What a target is, and a word that the answer has.
struct Case {
    source: &'static str,
    arguments: &'static [&'static str],
    /// How long it is looked at.
    time: &'static str,
    verdict: &'static str,
    class: Option<&'static str>,
    says: &'static str,
}

const fn case(
    source: &'static str,
    verdict: &'static str,
    class: Option<&'static str>,
    says: &'static str,
) -> Case {
    Case {
        source,
        arguments: &[],
        time: "15s",
        verdict,
        class,
        says,
    }
}

/// In place of an argument: a file on the disk that holds the build.
const A_FILE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/triage-mapped-file");

/// Growth is a little faster than what a look of 15 s is held to: 1 MB or 5 handles a second.
const CASES: [Case; 19] = [
    case("malloc_leak.c", "leak", None, "live memory isn't known"),
    case(
        "descriptor_leak.c",
        "leak",
        Some("deferred-cleanup"),
        "files in /etc",
    ),
    case("lazily_freed.c", "retention", None, "are lazily freed"),
    // It fills for 8 s, and what rises into the last half of a look isn't called calm.
    Case {
        arguments: &["8000"],
        time: "30s",
        ..case("doubling_buffer.c", "warming-up", None, "and then no more")
    },
    Case {
        arguments: &[A_FILE],
        ..case("mapped_file.c", "steady", None, "Mapped files rose by")
    },
    case("bursts.c", "pressure", None, "fell back to"),
    case("idle.c", "steady", None, "can't be seen from outside"),
    case("list.py", "leak", None, "anonymous memory"),
    case("garbage.py", "steady", None, ""),
    case("sockets.py", "leak", None, "TCP to 127.0.0.1:"),
    case(
        "threads.py",
        "leak",
        Some("orphaned-tasks"),
        "threads without a name",
    ),
    case("growing_map.rs", "leak", None, "anonymous memory"),
    Case {
        time: "30s",
        ..case("bounded_cache.rs", "warming-up", None, "and then no more")
    },
    collected("list.go", "leak", "anonymous memory"),
    collected("list.js", "leak", "anonymous memory"),
    // From outside it can't be told whether Java's collector had a reason to run.
    collected("List.java", "inconclusive", "Java's garbage collector"),
    collected("garbage.go", NO_LEAK, ""),
    collected("garbage.js", NO_LEAK, ""),
    collected("Garbage.java", NO_LEAK, ""),
];

/// In place of a verdict: any but `leak`. A collector that still finds its pace may leave more at the end of a look than at its start.
const NO_LEAK: &str = "no leak";

/// In a language with a garbage collector, which lets a few times as much come before it runs.
const fn collected(source: &'static str, verdict: &'static str, says: &'static str) -> Case {
    Case {
        time: "30s",
        ..case(source, verdict, None, says)
    }
}

#[test]
fn every_target_has_its_verdict() {
    let repetitions = std::env::var("DETECTORS_REPETITIONS").ok();
    let repetitions: u32 = repetitions.map_or(1, |text| text.parse().expect("a count"));
    let mut wrong = Vec::new();
    for repetition in 1..=repetitions {
        std::thread::scope(|scope| {
            let looks = CASES.each_ref().map(|case| scope.spawn(|| look_at(case)));
            for look in looks {
                wrong.extend(look.join().expect("it doesn't panic"));
            }
        });
        println!(
            "{repetition} of {repetitions}: {} wrong so far",
            wrong.len()
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong with the answer, if anything.
fn look_at(case: &Case) -> Option<String> {
    let target = Target::start(case.source, case.arguments)?;
    let look = ["triage", "--pid", &target.id(), "--for", case.time];
    let ran = leaks(&[&look[..], &["--format", "json"]].concat());
    let answer = ran.exits(0).json();
    let class = answer["class"].as_str();
    let is_verdict = match case.verdict {
        NO_LEAK => answer["verdict"] != "leak",
        verdict => answer["verdict"] == verdict,
    };
    let is_right = is_verdict && class == case.class && ran.stdout().contains(case.says);
    let found = format!(
        "{}: {} for {}, {class:?} for {:?}: {}",
        case.source, answer["verdict"], case.verdict, case.class, answer["because"]
    );
    (!is_right).then_some(found)
}

#[test]
fn a_person_reads_figures_first_and_then_what_they_mean() {
    let target = Target::start("lazily_freed.c", &[]).expect("C is there");
    let ran = leaks(&["triage", "--pid", &target.id(), "--for", "15s"]);
    let text = ran.exits(0).stdout();
    let filters = [
        (r"Windows[^\n]*", "[the windows' floors]"),
        (r"process \d+", "process N"),
        (r"--pid \d+", "--pid N"),
        (r" *\d+(\.\d+)? (MiB|KiB)", " SIZE"),
        (r" *\d+\.\d%", " SHARE"),
        (r"[\d,.]+ (MiB|bytes)", "BYTES"),
        (r"[\d.]+\s(sockets|descriptors|threads)", "N $1"),
    ];
    // Lines break elsewhere with other figures.
    let paragraphs = text.split("\n\n").map(|paragraph| {
        let lines: Vec<&str> = paragraph.lines().map(str::trim).collect();
        lines.join(" ")
    });
    let text = paragraphs.collect::<Vec<_>>().join("\n\n");
    insta::with_settings!({ filters => filters, prepend_module_to_snapshot => false, snapshot_path => "../snapshots" }, {
        insta::assert_snapshot!("triage_retention", text);
    });
}

#[test]
fn an_expected_verdict_is_status_0_and_another_one_1() {
    let target = Target::start("idle.c", &[]).expect("C is there");
    let expect = |verdict: &str| {
        leaks(&[
            "triage",
            "--pid",
            &target.id(),
            "--for",
            "15s",
            "--expect",
            verdict,
        ])
    };
    // Both look at the same time: each does little but wait.
    std::thread::scope(|scope| {
        let leak = scope.spawn(|| expect("leak"));
        expect("steady").exits(0);
        let leak = leak.join().expect("it doesn't panic");
        leak.exits(1).stderr_has("Expected leak, and it is steady.");
    });
}

#[test]
fn slow_growth_says_how_long_it_needs() {
    let target = Target::start("slow_leak.c", &[]).expect("C is there");
    let ran = leaks(&[
        "triage",
        "--pid",
        &target.id(),
        "--for",
        "5s",
        "--format",
        "json",
    ]);
    let answer = ran.exits(0).json();
    assert_eq!(answer["verdict"], "inconclusive", "{}", answer["because"]);
    let seconds = answer["settle_seconds"].as_u64();
    // 40 kB a second, and a quarter of a MiB within three eighths of the time, with some to spare.
    assert!(matches!(seconds, Some(10..=60)), "{seconds:?}");
    // The advice is kept.
    let time = format!("{}s", seconds.unwrap_or(0));
    let look = ["triage", "--pid", &target.id(), "--for", &time];
    let ran = leaks(&[&look[..], &["--format", "json"]].concat());
    let answer = ran.exits(0).json();
    assert_eq!(answer["verdict"], "leak", "{}", answer["because"]);
}

/// A look that isn't told how long ends when a leak is clear, and takes three minutes for a calm word.
#[test]
fn a_look_ends_when_a_leak_is_clear() {
    let target = Target::start("malloc_leak.c", &[]).expect("C is there");
    let ran = leaks(&["triage", "--pid", &target.id(), "--format", "json"]);
    let answer = ran.exits(0).json();
    assert_eq!(answer["verdict"], "leak", "{}", answer["because"]);
    let timeline = answer["timeline"].as_array().expect("a list");
    let looked = timeline.last().and_then(|now| now["seconds"].as_f64());
    assert!(looked.is_some_and(|seconds| seconds < 60.0), "{looked:?}");
}

#[test]
fn a_squeeze_takes_what_was_freed_and_leaves_what_is_held() {
    // Both at the same time: each does little but wait.
    std::thread::scope(|scope| {
        scope.spawn(|| squeeze("lazily_freed.c", "retention", true));
        scope.spawn(|| squeeze("idle.c", "steady", false));
    });
}

fn squeeze(source: &str, verdict: &str, goes: bool) {
    let target = Target::start(source, &[]).expect("C is there");
    let squeeze = ["triage", "--pid", &target.id(), "--for", "15s", "--squeeze"];
    leaks(&squeeze).exits(2).stderr_has("--yes");
    let ran = leaks(&[&squeeze[..], &["--yes", "--format", "json"]].concat());
    if ran.stderr().contains("CAP_SYS_NICE") {
        println!("{source} is not squeezed: this user may not");
        return;
    }
    let answer = ran.exits(0).json();
    assert_eq!(answer["verdict"], verdict);
    let squeezed = &answer["squeezed"];
    let resident = |when: &str| squeezed[when].as_u64().expect("a figure");
    let swapped = resident("swapped");
    let went = resident("resident_before") - (resident("resident_after") + swapped);
    assert_eq!(went > 200_000_000, goes, "{source}: {squeezed}");
}

fn leaks(arguments: &[&str]) -> Ran {
    static WORKBOOK: OnceLock<Workbook> = OnceLock::new();
    WORKBOOK
        .get_or_init(|| Workbook::copy("triage"))
        .leaks(arguments)
}
