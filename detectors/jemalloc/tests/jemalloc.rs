//! Around jemalloc: the same counts, the same sites, the same profile. jemalloc takes a block back by the layout that it gave
//! it with, so a sampled block that came back with another one would be found here.

use detectors::memory::{Accounts, ResidentPart, Retention, RetentionKind, Underlying, underlying};
use detectors::{Scope, Verdict, Watch, allocator, heap::Detail};
use std::hint::black_box;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator<tikv_jemallocator::Jemalloc> =
    detectors::ProfilingAllocator::new(tikv_jemallocator::Jemalloc);

detectors::tests! {
    fn a_leak_is_caught_with_its_line_and_its_twin_is_steady() {
        let evidence = Watch::new("pages").run(|| {
            let mut pages = Vec::with_capacity(10_000);
            move || pages.push(a_page())
        });
        assert_eq!(evidence.verdict, Verdict::Leak);
        let site = evidence.first_site().expect("sites are read");
        assert!(site.frame.function.ends_with("jemalloc::a_page"), "{site:?}");
        assert_eq!(evidence.instrument.name, "profiling allocator, whole process");
        Watch::new("pages, dropped").run(|| || drop(a_page())).assert_steady();
    }

    fn every_size_and_alignment_comes_and_goes_at_every_rate() {
        use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};
        for rate in [None, Some(512 << 10), Some(4 << 10), Some(1)] {
            allocator::set_sampling_interval(rate);
            let scope = Scope::new(Detail::Counts).expect("the profiling allocator is this file's");
            for size in [1, 8, 100, 4_000, 32 << 10, (32 << 10) + 1, 300_000, 3 << 20] {
                for align in [1, 16, 64, 4_096] {
                    let layout = Layout::from_size_align(size, align).expect("small enough");
                    // SAFETY: no size is zero, and each block is used and given back as it was asked for.
                    unsafe {
                        let (one, other) = (alloc(layout), alloc_zeroed(layout));
                        assert!(one.addr() % align == 0 && other.addr() % align == 0);
                        assert!(std::slice::from_raw_parts(other, size).iter().all(|byte| *byte == 0));
                        one.write_bytes(7, size);
                        let grown = realloc(one, layout, size * 2);
                        assert!(std::slice::from_raw_parts(grown, size).iter().all(|byte| *byte == 7));
                        assert_eq!(scope.read().bytes, size as u64 * 3);
                        dealloc(grown, Layout::from_size_align(size * 2, align).expect("small enough"));
                        dealloc(other, layout);
                    }
                }
            }
            assert_eq!((scope.read().blocks, scope.read().bytes), (0, 0));
        }
    }

    fn an_allocator_that_nobody_named_is_not_asked_and_not_accused() {
        // Two bursts, of which little stays live, and much.
        for stays in [1, 4_096] {
            let mut pages: Vec<_> = (0..32_768).map(|_| a_page()).collect();
            pages.truncate(stays);
            assert!(underlying().is_none());
            let retention = Retention::find(64 << 20).expect("Linux tells");
            let retention = retention.expect("much was freed and is resident");
            assert_eq!((retention.kind, retention.allocator), (RetentionKind::NotAsked, None));
            assert!(retention.trials.is_empty(), "{:?}", retention.trials);
            assert!(retention.fix.contains("detectors-jemalloc"), "{}", retention.fix);
            let accounts = Accounts::now().expect("Linux tells");
            assert!(accounts.of(ResidentPart::AllocatorHeld) > 64 << 20, "{accounts}");
        }
    }

    fn a_busy_program_is_not_taken_for_one_on_glibc() {
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !is_over.load(Relaxed) {
                        drop(black_box(vec![1_u8; 10_000]));
                    }
                });
            }
            // They are at work.
            while allocator::stats().total_blocks < 100_000 {
                thread::yield_now();
            }
            let found = underlying().map(Underlying::name);
            is_over.store(true, Relaxed);
            assert_eq!(found, None);
        });
    }

    fn a_profile_names_the_program_and_not_jemalloc() {
        allocator::set_sampling_interval(Some(4 << 10));
        let kept: Vec<_> = (0..1_000).map(|_| a_page()).collect();
        let profile = allocator::profile().expect("there are samples");
        let top = profile.top(None).expect("the default type");
        assert!(top.rows[0].function.ends_with("jemalloc::a_page"), "{top}");
        for stack in profile.stacks() {
            let leaf = stack.frames[0].function;
            assert!(!leaf.contains("tikv_jemallocator") && !leaf.contains("detectors::allocator"), "{leaf}");
        }
        drop(kept);
    }
}

#[inline(never)]
fn a_page() -> Box<[u8; 4_096]> {
    black_box(Box::new([7; 4_096]))
}
