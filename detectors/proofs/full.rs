//! A process that is refused memory says what it holds, and one that isn't says nothing.

use detectors::ProfilingAllocator;
use detectors::allocator::{Reporting, stats};
use detectors::memory::{report_when_full, set_limit};
use std::fs;

#[global_allocator]
static ALLOCATOR: ProfilingAllocator<Reporting> = ProfilingAllocator::new(Reporting::system());

const MIB: usize = 1 << 20;

#[inline(never)]
fn asks_for_too_much(bytes: usize) -> bool {
    Vec::<u8>::new().try_reserve_exact(bytes).is_err()
}

#[inline(never)]
fn holds(bytes: usize) -> Vec<u8> {
    // Looked at afterwards, so that this function stays on the stack while it allocates.
    std::hint::black_box(vec![1; bytes])
}

detectors::tests! {
    fn a_refusal_is_reported_once_with_who_was_refused_and_what_is_live() {
        if cfg!(not(target_os = "linux")) {
            return;
        }
        let folder = tempfile::tempdir().expect("a folder for the report");
        let file = folder.path().join("full.txt");
        set_limit(256 << 20).expect("the process is smaller");
        report_when_full(Some(file.clone())).expect("the allocator reports");
        let held = holds(64 * MIB);
        assert!(!file.exists(), "nothing was refused yet");

        let live = stats().live_bytes;
        assert!(asks_for_too_much(1 << 30));
        assert!(stats().live_bytes.abs_diff(live) < MIB as u64, "what was refused isn't live");
        let report = fs::read_to_string(&file).expect("the report");
        for part in [
            "Memory is full: a request for 1,073,741,824 bytes was refused.",
            "full::asks_for_too_much",
            "of 268,435,456 at most",
            "full::holds",
            "live blocks",
        ] {
            assert!(report.contains(part), "no {part:?} in\n{report}");
        }

        fs::remove_file(&file).expect("it is ours");
        assert!(asks_for_too_much(1 << 30));
        assert!(!file.exists(), "the same trouble a moment later is no news");
        drop(held);
    }

    /// Nobody in it asks for a report: the harness does.
    #[ignore = "ends its process"]
    fn is_refused() {
        set_limit(256 << 20).expect("the process is smaller");
        drop(holds(1 << 30));
    }

    fn a_test_that_is_refused_memory_says_on_which_line() {
        if cfg!(not(target_os = "linux")) {
            return;
        }
        let program = std::env::current_exe().expect("a program has a path");
        let ran = std::process::Command::new(program).args(["--ignored", "--exact", "is_refused"]).output().expect("it runs");
        let said = String::from_utf8_lossy(&ran.stdout);
        assert!(!ran.status.success(), "{said}");
        for part in ["a request for 1,073,741,824 bytes was refused", "It was asked for by", "full::holds", "full::is_refused", "full.rs:"] {
            assert!(said.contains(part), "no {part:?} in\n{said}");
        }
    }

    fn it_can_be_asked_for_once() {
        report_when_full(None).expect("the allocator reports");
        let error = report_when_full(None).expect_err("twice");
        assert!(error.to_string().contains("asked for before"), "{error}");
    }
}
