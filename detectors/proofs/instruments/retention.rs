//! Freed memory that stays resident: found, told by its kind, and given back; silent where it isn't so.

use detectors::memory::{Retention, RetentionKind, give_back};
use detectors::{Kind, Verdict, Watch};
use std::hint::black_box;

const MIB: u64 = 1 << 20;

/// From how much on these tests call it retention.
const FROM: u64 = 64 * MIB;

/// Many small blocks, all in the arena of this thread.
fn burst() -> Vec<Box<[u8]>> {
    (0..131_072)
        .map(|_| black_box(vec![1; 1 << 10].into()))
        .collect()
}

/// What a burst leaves when its last block stays: below it, the heap's end is pinned.
fn pinned_heap() -> Box<[u8]> {
    let mut blocks = burst();
    blocks.pop().expect("a burst has blocks")
}

#[track_caller]
fn found(from: u64) -> Retention {
    let found = Retention::find(from).expect("Linux tells");
    let found = found.expect("much was freed and is resident");
    println!("{found}");
    found
}

#[track_caller]
fn none(from: u64) {
    let found = Retention::find(from).expect("Linux tells");
    assert!(found.is_none(), "\n{}", found.expect("it is some"));
}

detectors::tests! {
    fn a_pinned_heap_is_given_back_when_asked() {
        let pin = pinned_heap();
        let retention = found(FROM);
        assert_eq!(retention.kind, RetentionKind::ByAllocator);
        assert_eq!(retention.allocator.as_deref(), Some("glibc"));
        assert!(retention.free > 120 * MIB && retention.in_blocks < 16 * MIB, "{retention:?}");
        let [trial] = &retention.trials[..] else { panic!("one trial: {retention:?}") };
        assert!(trial.call == "malloc_trim(0)" && trial.gave > 120 * MIB, "{trial:?}");
        assert!(retention.fix.starts_with("malloc_trim(0) gave it back"), "{}", retention.fix);
        // The trial was the remedy.
        none(FROM);
        drop(pin);
    }

    fn blocks_that_lie_on_every_page_can_t_be_asked_for() {
        // A small block stays after each large one.
        let both = || (vec![1_u8; 1_980].into_boxed_slice(), vec![1_u8; 16].into_boxed_slice());
        let mut all: Vec<_> = (0..65_536)
            .map(|_| black_box(both()))
            .collect();
        for (large, _) in &mut all {
            *large = Box::default();
        }
        let retention = found(FROM);
        assert_eq!(retention.kind, RetentionKind::Fragmentation, "{retention:?}");
        let gave: u64 = retention.trials.iter().map(|trial| trial.gave).sum();
        assert!(gave < 16 * MIB, "{retention:?}");
        none(200 * MIB);
    }

    fn live_memory_is_no_retention() {
        let live = burst();
        none(FROM);
        // Nor where a service has as much live as freed.
        let pin = pinned_heap();
        none(FROM);
        drop((live, pin));
    }

    fn what_the_system_has_back_is_no_retention() {
        // A mapping of its own for each large block: freed, it is gone.
        drop(black_box((0..64).map(|_| vec![1_u8; 4 << 20]).collect::<Vec<_>>()));
        none(FROM);
        let pin = pinned_heap();
        give_back();
        none(FROM);
        drop(pin);
    }

    fn a_watch_says_retention_and_its_twin_is_steady() {
        let workload = |gives_back: bool| move || {
            let mut pin = None;
            move || {
                // The first burst of many: what comes after it finds its pages.
                if pin.is_none() {
                    pin = Some(pinned_heap());
                    if gives_back {
                        give_back();
                    }
                }
            }
        };
        let evidence = Watch::new("a burst at the start").run(workload(false));
        assert_eq!(evidence.verdict, Verdict::Retention, "{evidence:#?}");
        let [finding] = &evidence.findings[..] else { panic!("{evidence:#?}") };
        assert_eq!((finding.kind, finding.site.as_deref()), (Kind::Resident, Some("held by the allocator")));
        let retention = evidence.retention.as_ref().expect("what keeps it is told");
        assert_eq!(retention.kind, RetentionKind::ByAllocator);
        let readings = evidence.readings.iter().filter_map(|reading| reading.resident_bytes);
        assert!(readings.min().expect("Linux tells") > 120 * MIB, "{:?}", evidence.readings);
        let complaint = evidence.check_steady().expect_err("retention isn't steady").to_string();
        println!("{complaint}");
        assert!(complaint.contains("fix: malloc_trim(0) gave it back"), "{complaint}");

        // Given back, the work's own peak is what is left to say.
        let given_back = Watch::new("given back").run(workload(true));
        assert_eq!(given_back.verdict, Verdict::Pressure, "{given_back:#?}");
        assert!(given_back.retention.is_none());
        // Below what a service needs for its next request, it is none.
        Watch::new("not much").retention_from(1_024 * MIB).pressure_from(1_024 * MIB).run(workload(false)).assert_steady();
    }
}
