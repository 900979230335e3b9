//! jemalloc that is asked for memory, and gives it back in the way that it is configured for: lazily, here.

mod support;

use detectors::memory::{give_back, resident, set_underlying};
use detectors_jemalloc::AsConfigured;
use support::{Configuration, MIB, burst};

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator<tikv_jemallocator::Jemalloc> =
    detectors::ProfilingAllocator::new(tikv_jemallocator::Jemalloc);

/// Pages are due after an hour, so nothing goes by itself while the test runs.
#[unsafe(export_name = "_rjem_malloc_conf")]
static CONFIGURATION: Configuration =
    Configuration::new(c"dirty_decay_ms:3600000,muzzy_decay_ms:-1");

detectors::tests! {
    fn asked_it_gives_pages_up_and_they_stay_resident() {
        set_underlying(&AsConfigured);
        let pin = burst();
        let before = resident().expect("Linux tells");
        assert!(before.resident > 100 * MIB && before.lazily_freed < MIB, "{before}");
        assert_eq!(give_back(), Some("arena.dirty_decay_ms"));
        let after = resident().expect("Linux tells");
        assert!(after.lazily_freed > 100 * MIB, "{after}");
        assert!(after.resident + 8 * MIB > before.resident, "{before}, then {after}");
        drop(pin);
    }
}
