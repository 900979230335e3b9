//! The night of the chapter `allocator-retention` on mimalloc, in three configurations, each in a process of its own.
//!
//! The chapter's page has it as a footnote.

mod night;

use allocator_retention::feed;
use detectors::memory::{Holdings, Retained, Underlying, set_underlying};
use mimalloc::MiMalloc;
use night::{Figures, Workers, now};

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

    fn holdings(&self) -> Option<Holdings> {
        None
    }

    fn purge(&self) -> Option<&'static str> {
        // SAFETY: it gives free pages back to the system, and moves no block.
        unsafe { libmimalloc_sys::mi_collect(true) };
        Some("mi_collect(true)")
    }
}

/// What mimalloc reads at its start; both are of its documentation, "Environment Options".
const CONFIGURATIONS: [(&str, &[(&str, &str)]); 3] = [
    ("as it comes", &[]),
    ("MIMALLOC_PURGE_DELAY=0", &[("MIMALLOC_PURGE_DELAY", "0")]),
    (
        "MIMALLOC_PURGE_DECOMMITS=0",
        &[("MIMALLOC_PURGE_DECOMMITS", "0")],
    ),
];

detectors::tests! {
    #[deadline(seconds = 300)]
    fn each_configuration() {
        // SAFETY: it returns a number.
        let version = unsafe { libmimalloc_sys::mi_version() };
        Figures::print_head(&format!("mimalloc {}.{}", version / 10_000, version / 100 % 100));
        let [as_it_comes, at_once, lazily] = CONFIGURATIONS.map(|(name, variables)| {
            let figures = Figures::of("one_configuration", variables);
            figures.print(name);
            figures
        });
        assert!(as_it_comes.at_rest > 60 && as_it_comes.lazily == 0, "{as_it_comes:?}");
        assert_eq!(as_it_comes.found, Retained::ByAllocator.to_string());
        assert!(at_once.at_rest < 40 && at_once.found == "nothing", "{at_once:?}");
        // Nothing is given up while nobody asks; asked, it gives up lazily.
        assert!(lazily.at_rest > 60, "{lazily:?}");
        assert_eq!(lazily.found, Retained::LazilyFreed.to_string());
    }

    #[ignore = "a part of each_configuration, which starts it"]
    #[deadline(seconds = 120)]
    fn one_configuration() {
        set_underlying(&Mimalloc);
        let answers = feed::answers();
        let workers = Workers::read();
        Figures::tell(now());
        workers.end();
        drop(answers);
    }
}
