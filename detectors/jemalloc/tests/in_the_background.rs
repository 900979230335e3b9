//! The mended configuration: a thread of jemalloc's own runs its timers, and pages go back at once when they are due.

mod support;

use detectors::memory::{Retention, resident, set_underlying};
use detectors_jemalloc::Jemalloc;
use std::time::{Duration, Instant};
use support::{Configuration, MIB, burst};

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator<tikv_jemallocator::Jemalloc> =
    detectors::ProfilingAllocator::new(tikv_jemallocator::Jemalloc);

#[unsafe(export_name = "_rjem_malloc_conf")]
static CONFIGURATION: Configuration =
    Configuration::new(c"dirty_decay_ms:100,muzzy_decay_ms:0,background_thread:true");

detectors::tests! {
    fn nothing_stays() {
        set_underlying(&Jemalloc);
        let before = resident().expect("Linux tells").resident;
        let pin = burst();
        let deadline = Instant::now() + Duration::from_secs(30);
        while resident().expect("Linux tells").resident > before + 32 * MIB {
            assert!(Instant::now() < deadline, "{}", resident().expect("Linux tells"));
            std::thread::sleep(Duration::from_millis(10)); // between two looks
        }
        assert!(Retention::find(64 * MIB).expect("Linux tells").is_none());
        drop(pin);
    }
}
