//! Each class of the book, told by a service that runs and is asked who holds what grows; and the two that are no leaks.
//!
//! A service is never told a wrong class, nor that all is well over a leak. It may say that it can't tell. How often it does, is counted:
//! `DETECTORS_REPETITIONS=20 cargo test -p tests --test end_to_end triage::classes -- --include-ignored --nocapture`.

use super::service::looked_at;
use std::collections::BTreeMap;

/// What the story's service leaks in a chapter's way, and what it is.
struct Case {
    leak: &'static str,
    verdict: &'static str,
    class: Option<&'static str>,
}

const fn leak(class: &'static str) -> Case {
    Case {
        leak: class,
        verdict: "leak",
        class: Some(class),
    }
}

/// Told within some seconds each.
const LEAKS: [Case; 10] = [
    leak("retained-subslices"),
    leak("retained-capacity"),
    leak("unbounded-queues"),
    leak("lost-pointers"),
    leak("global-caches"),
    leak("reference-cycles"),
    leak("unclosed-bodies"),
    leak("orphaned-tasks"),
    leak("deferred-cleanup"),
    leak("foreign-memory"),
];

/// A calm word takes three minutes.
const NO_LEAKS: [Case; 2] = [
    Case {
        leak: "memory-pressure",
        verdict: "pressure",
        class: Some("memory-pressure"),
    },
    Case {
        leak: "allocator-retention",
        verdict: "retention",
        class: Some("allocator-retention"),
    },
];

/// What a look came to, beside what is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Right,
    /// The right verdict without its class.
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
        _ if class == case.class => Told::Right,
        _ if class.is_none() => Told::NoClass,
        _ => Told::Wrong,
    };
    let is_clear = told == Told::Right;
    let whole = if is_clear {
        String::new()
    } else {
        format!("\n{answer:#}")
    };
    (
        told,
        format!("{}: {verdict:?}, {class:?}{whole}", case.leak),
    )
}

/// Looks at all of them at the same time, so often.
fn look_at_each<'c>(cases: impl Iterator<Item = &'c Case> + Clone) -> BTreeMap<Told, u32> {
    let repetitions = std::env::var("DETECTORS_REPETITIONS").ok();
    let repetitions: u32 = repetitions.map_or(1, |text| text.parse().expect("a count"));
    let mut counts = BTreeMap::new();
    for repetition in 1..=repetitions {
        std::thread::scope(|scope| {
            let looks: Vec<_> = cases
                .clone()
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

#[test]
fn a_leak_that_a_service_tells_has_its_class() {
    let counts = look_at_each(LEAKS.iter());
    assert!(!counts.contains_key(&Told::Wrong), "{counts:?}");
    let all: u32 = counts.values().sum();
    let right = counts.get(&Told::Right).copied().unwrap_or(0);
    assert!(5 * right >= 4 * all, "{counts:?}");
}

/// Minutes.
#[test]
#[ignore = "minutes: .ci/soak"]
fn what_is_no_leak_is_told_as_none() {
    let counts = look_at_each(NO_LEAKS.iter());
    assert!(!counts.contains_key(&Told::Wrong), "{counts:?}");
}
