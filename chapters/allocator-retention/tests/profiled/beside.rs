//! The same night in eight ways, each in a process of its own: what is resident when it is over, and what asking gives.

use allocator_retention::feed::{self, Night};
use allocator_retention::{leaky, ways};
use detectors::memory::{give_back, resident};
use std::any::Any;
use std::process::Command;

/// Chooses a way, in the process that `each_way` starts for it.
const WAY: &str = "ALLOCATOR_RETENTION_WAY";

/// What is set in a way's environment.
type Variable = Option<(&'static str, &'static str)>;

/// A way by its name.
const WAYS: [(&str, Way, Variable); 8] = [
    ("one record, copied late", late, None),
    ("  one arena", late, Some(("MALLOC_ARENA_MAX", "1"))),
    (
        "  a lower trim threshold",
        late,
        Some(("MALLOC_TRIM_THRESHOLD_", "131072")),
    ),
    ("one record, its room made early", early, None),
    ("nothing is kept", nothing, None),
    ("all names, copied", copied, None),
    ("all names, moved out", moved, None),
    ("one record, parsed into types", typed, None),
];

type Way = fn(Night) -> Box<dyn Any>;

fn late(night: Night) -> Box<dyn Any> {
    Box::new(feed::read(night, leaky::latest_of))
}
fn early(night: Night) -> Box<dyn Any> {
    Box::new(feed::read(night, ways::early))
}
fn nothing(night: Night) -> Box<dyn Any> {
    Box::new(feed::read(night, ways::nothing))
}
fn copied(night: Night) -> Box<dyn Any> {
    Box::new(feed::read(night, ways::names_copied))
}
fn moved(night: Night) -> Box<dyn Any> {
    Box::new(feed::read(night, ways::names_moved))
}
fn typed(night: Night) -> Box<dyn Any> {
    Box::new(feed::read(night, ways::typed))
}

fn megabytes() -> f64 {
    resident().expect("Linux tells").resident as f64 / 1e6
}

/// What one way leaves, in megabytes: resident, and what of it asking gives.
fn figures_of(name: &str, variable: Option<(&str, &str)>) -> (f64, f64) {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command
        .args([
            "--exact",
            "beside::one_way",
            "--include-ignored",
            "--show-output",
        ])
        .env(WAY, name)
        .envs(variable);
    let output = command.output().expect("it can be started");
    let printed = String::from_utf8_lossy(&output.stdout);
    let line = printed
        .lines()
        .find_map(|line| line.strip_prefix("figures "));
    let figures = line.and_then(|line| line.split_once(' '));
    let figures = figures.and_then(|(left, gave)| Some((left.parse().ok()?, gave.parse().ok()?)));
    figures.unwrap_or_else(|| panic!("{name} told no figures:\n{printed}"))
}

detectors::tests! {
    #[deadline(seconds = 300)]
    fn each_way() {
        println!("{:<34} {:>12} {:>12}", "megabytes after a short night", "resident", "asking gives");
        let seen = WAYS.map(|(name, _, variable)| {
            let (left, gave) = figures_of(name, variable);
            println!("{name:<34} {left:>12.0} {gave:>12.0}");
            (left, gave)
        });
        let [late, one_arena, threshold, _early, _nothing, copied, moved, typed] = seen;
        for (left, gave) in [late, one_arena, threshold, copied] {
            assert!(left > 70.0 && left - gave < 30.0, "{left} {gave}: asking gives it back");
        }
        assert!(moved.0 > 70.0 && moved.1 < 10.0, "{moved:?}: moved names pin their pages");
        assert!(typed.0 < 40.0, "{typed:?}: little is made, so little stays");
    }

    #[ignore = "a part of each_way, which starts it"]
    #[deadline(seconds = 120)]
    fn one_way() {
        let chosen = std::env::var(WAY).unwrap_or_else(|_| WAYS[0].0.to_owned());
        let way = WAYS.iter().find(|(name, ..)| *name == chosen);
        let (_, way, _) = way.expect("a way of this name");
        let answers = feed::answers();
        let kept = way(Night::SHORT);
        let left = megabytes();
        give_back();
        println!("figures {left} {}", left - megabytes());
        drop((answers, kept));
    }

    /// All that keep one record keep the same one, and both lists of names are alike.
    fn all_ways_keep_alike() {
        let batch = feed::batch(3, 500);
        let kept = leaky::latest_of(&batch).expect("JSON");
        assert_eq!(kept, ways::early(&batch).expect("JSON"));
        assert_eq!(kept, ways::typed(&batch).expect("JSON"));
        assert_eq!(ways::names_moved(&batch).expect("JSON"), ways::names_copied(&batch).expect("JSON"));
    }
}
