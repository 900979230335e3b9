//! jemalloc that frees its pages with `MADV_FREE` and leaves them to the system: the incident's configuration.

mod support;

use detectors::memory::{Retention, RetentionKind, resident, set_underlying};
use detectors_jemalloc::Jemalloc;
use std::time::{Duration, Instant};
use support::{Configuration, MIB, burst};

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator<tikv_jemallocator::Jemalloc> =
    detectors::ProfilingAllocator::new(tikv_jemallocator::Jemalloc);

/// Pages are due after a tenth of a second, are then given up lazily, and that for ever.
#[unsafe(export_name = "_rjem_malloc_conf")]
static CONFIGURATION: Configuration =
    Configuration::new(c"dirty_decay_ms:100,muzzy_decay_ms:-1,background_thread:true");

detectors::tests! {
    fn lazily_freed_pages_go_under_memory_pressure() {
        set_underlying(&Jemalloc);
        let pin = burst();
        let deadline = Instant::now() + Duration::from_secs(30);
        while resident().expect("Linux tells").lazily_freed < 100 * MIB {
            assert!(Instant::now() < deadline, "{}", resident().expect("Linux tells"));
            std::thread::sleep(Duration::from_millis(10)); // between two looks
        }
        let retention = Retention::find(64 * MIB).expect("Linux tells").expect("much is free");
        println!("{retention}");
        assert_eq!(retention.kind, RetentionKind::LazilyFreed, "{retention:?}");
        let [trial] = &retention.trials[..] else { panic!("one trial: {retention:?}") };
        assert!(trial.gave > 100 * MIB, "{trial:?}");
        // What jemalloc hadn't given up by then becomes due later, and stays. So do pages that wait in another core's batch while the
        // kernel takes the others: on a busy machine 4 MiB of 123 did.
        let due_later = retention.free - retention.lazily_freed;
        let stays = resident().expect("Linux tells").lazily_freed;
        assert!(stays < due_later + retention.lazily_freed / 10, "{stays} bytes stay of {retention:?}");
        drop(pin);
    }
}
