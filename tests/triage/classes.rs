//! Each class of the book, told by a service that runs and is asked who holds what grows; and the two that are no leaks.
//!
//! A service is never told a wrong class, nor that all is well over a leak. It may say that it can't tell. How often it does, is counted:
//! `DETECTORS_REPETITIONS=20 cargo test -p tests --test end_to_end triage::classes -- --include-ignored --nocapture`.

use super::service::looked_at;
use std::collections::BTreeMap;

/// The story's service leaks in a chapter's way.
struct Case {
    leak: &'static str,
    verdict: &'static str,
    /// What is held by what: a part of the site's name, and of the root's; nothing where live memory isn't what grows.
    held: Option<(&'static str, &'static str)>,
}

const fn leak(class: &'static str, site: &'static str, by: &'static str) -> Case {
    Case {
        leak: class,
        verdict: "leak",
        held: Some((site, by)),
    }
}

const fn other(class: &'static str, verdict: &'static str) -> Case {
    Case {
        leak: class,
        verdict,
        held: None,
    }
}

/// Live memory that grows: its holder tells which it is. Statics and threads' variables are older than the question.
const BY_HOLDER: [Case; 6] = [
    leak("retained-subslices", "retained_subslices::", ""),
    leak("retained-capacity", "", "thread"),
    leak("unbounded-queues", "unbounded_queues::", ""),
    leak("global-caches", "", "static"),
    leak("reference-cycles", "reference_cycles::leaky", "cycle"),
    // What hangs on tasks that come with each request is held by none of them for long.
    leak("unclosed-bodies", "unclosed_bodies::", "task"),
];

/// Forty bytes a request, which take a look of minutes; what is told without a holder, and has tests of its own; and a calm word, which
/// takes three minutes.
const OTHERS: [Case; 6] = [
    leak("lost-pointers", "lost_pointers::", "nothing"),
    other("orphaned-tasks", "leak"),
    other("deferred-cleanup", "leak"),
    other("foreign-memory", "leak"),
    other("memory-pressure", "pressure"),
    other("allocator-retention", "retention"),
];

/// What a look came to, beside what is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Right,
    /// The right verdict without its class, or its class without a holder.
    NoClass,
    Undecided,
    Wrong,
}

fn look_at(case: &Case) -> (Told, String) {
    let answer = looked_at(case.leak, &["--who-holds"]);
    let (verdict, class) = (answer["verdict"].as_str(), answer["class"].as_str());
    let told = match verdict {
        Some("inconclusive") => Told::Undecided,
        _ if verdict != Some(case.verdict) => Told::Wrong,
        _ if class.is_none() => Told::NoClass,
        _ if class == Some(case.leak) => is_held(case, &answer),
        _ => Told::Wrong,
    };
    let whole = match told {
        Told::Right => String::new(),
        _ => format!("\n{answer:#}"),
    };
    (
        told,
        format!("{}: {verdict:?}, {class:?}{whole}", case.leak),
    )
}

/// Whether the right holder is named, or at least no wrong one.
fn is_held(case: &Case, answer: &serde_json::Value) -> Told {
    let Some((site, by)) = case.held else {
        return Told::Right;
    };
    let sites = answer["held"]["by_site"].as_array();
    let is_of_site = |held: &&serde_json::Value| {
        let name = held["site"].as_str();
        name.is_some_and(|name| name.contains(site))
    };
    let of_site = sites.into_iter().flatten().filter(is_of_site);
    let roots: Vec<String> = of_site.map(|held| held["by"][0][0].to_string()).collect();
    if roots.iter().any(|root| root.contains(by)) {
        Told::Right
    } else if roots.iter().any(|root| root.contains("elsewhere")) {
        Told::NoClass
    } else {
        Told::Wrong
    }
}

/// Looks at all of them at the same time, so often.
fn look_at_each(cases: &[Case]) -> BTreeMap<Told, u32> {
    let repetitions = std::env::var("DETECTORS_REPETITIONS").ok();
    let repetitions: u32 = repetitions.map_or(1, |text| text.parse().expect("a count"));
    let mut counts = BTreeMap::new();
    for repetition in 1..=repetitions {
        std::thread::scope(|scope| {
            let looks: Vec<_> = cases
                .iter()
                .map(|case| scope.spawn(|| look_at(case)))
                .collect();
            for look in looks {
                let (told, text) = look.join().expect("it doesn't panic");
                println!("{told:?}: {text}");
                *counts.entry(told).or_default() += 1;
            }
        });
        println!("{repetition} of {repetitions}: {counts:?}");
    }
    counts
}

/// None is wrong, and two of three at least are told whole: a busy machine may leave one open.
#[track_caller]
fn are_told(cases: &[Case]) {
    let counts = look_at_each(cases);
    assert!(!counts.contains_key(&Told::Wrong), "{counts:?}");
    let all: u32 = counts.values().sum();
    let right = counts.get(&Told::Right).copied().unwrap_or(0);
    assert!(3 * right >= 2 * all, "{counts:?}");
}

#[test]
fn a_service_tells_who_holds_what_grows_and_so_its_class() {
    are_told(&BY_HOLDER);
}

#[test]
#[ignore = "minutes: .ci/soak"]
fn a_service_tells_the_other_classes() {
    are_told(&OTHERS);
}
