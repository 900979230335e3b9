//! The night of the chapter `allocator-retention` on jemalloc, in four configurations, each in a process of its own.
//!
//! It stands here and not in the chapter, so that nobody has to compile jemalloc for the chapter's exercise.

mod night;

use allocator_retention::feed;
use detectors::memory::{RetentionKind, set_underlying};
use detectors_jemalloc::Jemalloc;
use night::{Figures, Workers, now};
use std::thread;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator<tikv_jemallocator::Jemalloc> =
    detectors::ProfilingAllocator::new(tikv_jemallocator::Jemalloc);

/// What jemalloc reads at its start.
const CONFIGURATION: &str = "_RJEM_MALLOC_CONF";

/// Whether the workers have ended when the night is over, as a thread pool's don't.
const ENDED: &str = "ON_JEMALLOC_WORKERS_ENDED";

/// Each configuration, whether its workers end, and what is waited for: what an idle process comes to.
const CONFIGURATIONS: [(&str, bool, Rest); 5] = [
    ("", false, Rest::AtOnce),
    ("", true, Rest::AtOnce),
    (
        "dirty_decay_ms:1000,background_thread:true",
        false,
        Rest::Falls,
    ),
    (
        "dirty_decay_ms:100,muzzy_decay_ms:-1,background_thread:true",
        false,
        Rest::Lazily,
    ),
    ("dirty_decay_ms:0,muzzy_decay_ms:-1", false, Rest::AtOnce),
];

#[derive(Debug, Clone, Copy)]
enum Rest {
    /// It stays as it is.
    AtOnce,
    /// Pages go back by themselves.
    Falls,
    /// Pages are given up, and stay resident.
    Lazily,
}

const MB: u64 = 1_000_000;

fn within_a_minute(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !condition() {
        assert!(Instant::now() < deadline, "{}", now());
        thread::sleep(Duration::from_millis(20)); // between two looks
    }
}

detectors::tests! {
    #[deadline(seconds = 300)]
    fn each_configuration() {
        Figures::print_head("jemalloc");
        let seen = CONFIGURATIONS.map(|(configuration, ended, _)| {
            let variables = [(CONFIGURATION, configuration), (ENDED, if ended { "true" } else { "false" })];
            let figures = Figures::of("one_configuration", &variables);
            figures.print(match (configuration, ended) {
                ("", false) => "as it comes",
                ("", true) => "as it comes, and the threads have ended",
                _ => configuration,
            });
            figures
        });
        let [as_it_comes, ended, in_the_background, lazily, at_once] = seen;
        assert!(as_it_comes.at_rest > 60 && as_it_comes.lazily == 0, "{as_it_comes:?}");
        assert_eq!(as_it_comes.found, RetentionKind::ByAllocator.to_string());
        assert!(ended.at_rest < 40 && ended.found == "nothing", "{ended:?}");
        assert!(in_the_background.at_rest < 40 && in_the_background.found == "nothing", "{in_the_background:?}");
        assert!(lazily.at_rest > 60 && lazily.lazily > 50, "{lazily:?}");
        assert_eq!(lazily.found, RetentionKind::LazilyFreed.to_string());
        assert!(at_once.at_rest < 40 && at_once.lazily < 5 && at_once.found == "nothing", "{at_once:?}");
    }

    #[ignore = "a part of each_configuration, which starts it"]
    #[deadline(seconds = 120)]
    fn one_configuration() {
        set_underlying(&Jemalloc);
        let chosen = std::env::var(CONFIGURATION).unwrap_or_default();
        let ended = std::env::var(ENDED).is_ok_and(|ended| ended == "true");
        let mut known = CONFIGURATIONS.into_iter();
        let chosen = known.find(|(name, ends, _)| *name == chosen && *ends == ended);
        let (_, _, rest) = chosen.expect("one of the five");
        let answers = feed::answers();
        let mut workers = Some(Workers::read());
        if ended {
            workers.take().into_iter().for_each(Workers::end);
        }
        let after = now();
        match rest {
            Rest::AtOnce => {}
            Rest::Falls => within_a_minute(|| now().resident < 25 * MB),
            Rest::Lazily => within_a_minute(|| now().lazily_freed > 70 * MB),
        }
        Figures::tell(after);
        workers.into_iter().for_each(Workers::end);
        drop(answers);
    }
}
