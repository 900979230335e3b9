//! Pages that are due after eight seconds, in a process that is idle: nobody looks at the clock.

mod support;

use detectors::memory::{Retention, RetentionKind, set_underlying};
use detectors_jemalloc::Jemalloc;
use std::hint::black_box;
use std::time::Duration;
use support::{Configuration, MIB, burst};

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator<tikv_jemallocator::Jemalloc> =
    detectors::ProfilingAllocator::new(tikv_jemallocator::Jemalloc);

#[unsafe(export_name = "_rjem_malloc_conf")]
static CONFIGURATION: Configuration = Configuration::new(c"dirty_decay_ms:8000,muzzy_decay_ms:0");

/// Has jemalloc look at the clock, so that what the burst freed has an age from now on. Until then
/// it would count as freed at the next look, however late that is. A look comes once in about a
/// thousand requests that a thread's cache doesn't answer, at random; these are ten thousand.
fn look_at_the_clock() {
    // Its epoch is a two-hundredth of the time it was told: 40 ms.
    std::thread::sleep(Duration::from_millis(200));
    for _ in 0..5_000 {
        drop(black_box(Vec::<u8>::with_capacity(64 << 10)));
    }
}

detectors::tests! {
    fn what_is_due_goes_when_somebody_runs_the_timers() {
        set_underlying(&Jemalloc);
        // What is waited for is the time itself: longer than jemalloc was told, which in turn is several times as long as a
        // starved process takes to get here. Once in a while a request of the reading's own runs the timers before it has read.
        let retention = (0..3).find_map(|_| {
            let _pin = burst();
            look_at_the_clock();
            std::thread::sleep(Duration::from_secs(9));
            Retention::find(32 * MIB).expect("Linux tells")
        });
        let retention = retention.expect("an idle process keeps it");
        println!("{retention}");
        assert_eq!(retention.kind, RetentionKind::DecayNotRunning, "{retention:?}");
        let [trial] = &retention.trials[..] else { panic!("one trial: {retention:?}") };
        assert!(trial.call == "arena.decay" && trial.gave > 32 * MIB, "{trial:?}");
        assert!(retention.fix.contains("background_thread:true"), "{}", retention.fix);
    }
}
