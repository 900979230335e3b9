//! jemalloc as it comes: its pages are due after ten seconds, and an idle process never looks at the clock.

mod support;

use detectors::memory::{Accounts, ResidentPart, Retention, RetentionKind, set_underlying};
use detectors_jemalloc::Jemalloc;
use std::hint::black_box;
use support::{MIB, burst};

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator<tikv_jemallocator::Jemalloc> =
    detectors::ProfilingAllocator::new(tikv_jemallocator::Jemalloc);

detectors::tests! {
    fn freed_pages_wait_for_somebody_to_run_the_timers() {
        set_underlying(&Jemalloc);
        let pin = burst();
        let retention = Retention::find(64 * MIB).expect("Linux tells").expect("much is free");
        println!("{retention}");
        // Not due yet: asked for what is, jemalloc keeps most of it; asked for all, it gives it.
        assert_eq!(retention.kind, RetentionKind::ByAllocator, "{retention:?}");
        assert_eq!(retention.trials.last().map(|trial| trial.call.as_str()), Some("arena.purge"));
        assert!(Retention::find(64 * MIB).expect("Linux tells").is_none());
        drop(pin);
    }

    fn every_byte_is_explained_at_rest_full_and_freed() {
        set_underlying(&Jemalloc);
        let explained = |when: &str| {
            let accounts = Accounts::now().expect("Linux tells");
            println!("{when}\n{accounts}");
            let sum: u64 = accounts.parts().iter().map(|part| part.bytes).sum();
            assert_eq!(sum, accounts.resident());
            let remainder = accounts.of(ResidentPart::Remainder);
            assert!(50 * remainder <= accounts.resident(), "more than 2 % isn't explained\n{accounts}");
            assert!(accounts.of(ResidentPart::Metadata) > 0, "\n{accounts}");
            accounts
        };
        explained("at rest");
        let live: Vec<Box<[u8]>> = (0..65_536).map(|_| black_box(vec![1; 1 << 10].into())).collect();
        let full = explained("full");
        assert!(full.of(ResidentPart::Live) > 64 * MIB);
        drop(live);
        let freed = explained("freed");
        assert!(freed.of(ResidentPart::AllocatorHeld) > 56 * MIB, "\n{freed}");
    }
}
