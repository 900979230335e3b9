//! Thirty tests of one file, in parallel: each is alone in its process, and reads exactly what it leaks.

use detectors::{Kind, Verdict, Watch};
use std::hint::black_box;

/// One test for each name; each leaks another amount.
macro_rules! thirty_tests {
    ($($name:ident)+) => {
        detectors::tests! {
            $(fn $name() {
                is_alone();
                leaks_exactly(stringify!($name).len());
            })+
        }
    };
}

thirty_tests! {
    red_ash red_beech red_cedar red_elm red_fir red_oak
    green_ash green_beech green_cedar green_elm green_fir green_oak
    blue_ash blue_beech blue_cedar blue_elm blue_fir blue_oak
    white_ash white_beech white_cedar white_elm white_fir white_oak
    black_ash black_beech black_cedar black_elm black_fir black_oak
}

/// The main thread, and no other: nothing of a harness is in the process.
fn is_alone() {
    assert_eq!(std::thread::current().name(), Some("main"));
    #[cfg(target_os = "linux")]
    {
        let threads = std::fs::read_dir("/proc/self/task").expect("Linux lists threads");
        assert_eq!(threads.count(), 1);
    }
}

fn leaks_exactly(bytes: usize) {
    let evidence = Watch::new("a leak of known size").windows(3).run(|| {
        let mut kept: Vec<Box<[u8]>> = Vec::with_capacity(1_000);
        move || kept.push(black_box(vec![1; bytes].into_boxed_slice()))
    });
    assert_eq!(evidence.verdict, Verdict::Leak);
    let of = |kind| {
        let of_kind = evidence
            .findings
            .iter()
            .find(|finding| finding.kind == kind);
        of_kind.and_then(|finding| finding.per_iteration)
    };
    assert_eq!(
        (of(Kind::Blocks), of(Kind::Bytes)),
        (Some(1.0), Some(bytes as f64))
    );
}
