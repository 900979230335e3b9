//! The night of the chapter `allocator-retention` on mimalloc, in three configurations, each in a process of its own.
//!
//! The chapter's page has it as a footnote.

mod night;

use allocator_retention::feed;
use detectors::memory::{AllocatorFigures, RetentionKind, Underlying, set_underlying};
use mimalloc::MiMalloc;
use night::{Figures, Workers, now};
use std::thread;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator<MiMalloc> =
    detectors::ProfilingAllocator::new(MiMalloc);

/// As much as the detectors have to know of it.
#[derive(Debug)]
struct Mimalloc;

impl Underlying for Mimalloc {
    fn name(&self) -> &'static str {
        "mimalloc"
    }

    fn figures(&self) -> Option<AllocatorFigures> {
        None
    }

    fn decay(&self) -> Option<&'static str> {
        // SAFETY: it gives free pages back to the system whose time has run out, and moves no block.
        unsafe { libmimalloc_sys::mi_collect(false) };
        Some("mi_collect(false)")
    }

    fn purge(&self) -> Option<&'static str> {
        // SAFETY: it gives free pages back to the system, and moves no block.
        unsafe { libmimalloc_sys::mi_collect(true) };
        Some("mi_collect(true)")
    }
}

/// A free page is due after one second (`src/options.c`, `purge_delay`).
const DUE: Duration = Duration::from_secs(3);

/// What mimalloc reads at its start (its documentation, "Environment Options"), and how long the process is idle.
const CONFIGURATIONS: [(&str, Duration); 3] = [
    ("", DUE),
    ("MIMALLOC_PURGE_DELAY=0", Duration::ZERO),
    ("MIMALLOC_PURGE_DECOMMITS=0", Duration::ZERO),
];

/// Milliseconds that the process is idle.
const IDLE: &str = "ON_MIMALLOC_IDLE_MS";

detectors::tests! {
    #[deadline(seconds = 300)]
    fn each_configuration() {
        // SAFETY: it returns a number.
        let version = unsafe { libmimalloc_sys::mi_version() };
        Figures::print_head(&format!("mimalloc {}.{}", version / 10_000, version / 100 % 100));
        let [as_it_comes, at_once, lazily] = CONFIGURATIONS.map(|(configuration, idle)| {
            let idle = idle.as_millis().to_string();
            let mut variables = vec![(IDLE, &*idle)];
            variables.extend(configuration.split_once('='));
            let mut figures = Figures::of("one_configuration", &variables);
            // As it comes, what it keeps is told by when it last looked at its clock, and that is chance: another night, twice at most.
            for _ in 0..2 {
                if !configuration.is_empty() || figures.found != "nothing" {
                    break;
                }
                figures = Figures::of("one_configuration", &variables);
            }
            figures.print(if configuration.is_empty() {
                "as it comes, and idle for three seconds"
            } else {
                configuration
            });
            figures
        });
        assert!(as_it_comes.at_rest > 50 && as_it_comes.lazily == 0, "{as_it_comes:?}");
        assert_eq!(as_it_comes.found, RetentionKind::DecayNotRunning.to_string());
        assert!(at_once.at_rest < 60 && at_once.found == "nothing", "{at_once:?}");
        // Nothing is given up while nobody asks; asked, it gives up lazily.
        assert!(lazily.at_rest > 60, "{lazily:?}");
        assert_eq!(lazily.found, RetentionKind::LazilyFreed.to_string());
    }

    #[ignore = "a part of each_configuration, which starts it"]
    #[deadline(seconds = 120)]
    fn one_configuration() {
        set_underlying(&Mimalloc);
        let answers = feed::answers();
        let workers = Workers::read();
        let after = now();
        let idle = std::env::var(IDLE).ok().and_then(|idle| idle.parse().ok());
        // What is waited for is the allocator's own clock.
        thread::sleep(Duration::from_millis(idle.unwrap_or(0)));
        Figures::tell(after);
        workers.end();
        drop(answers);
    }
}
