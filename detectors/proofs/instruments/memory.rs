//! Each byte of resident memory is in one part, at rest and after a burst.

use detectors::allocator::{profile, set_sampling_interval};
use detectors::memory::{Accounts, ResidentPart, Underlying, give_back, resident, underlying};
use detectors::{Verdict, Watch};
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::File;
use std::hint::black_box;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::channel;

const MIB: u64 = 1 << 20;

/// What a reading may differ by, since the process goes on: stacks, the reading's own text.
const SLACK: u64 = MIB;

fn accounts() -> Accounts {
    Accounts::now().expect("Linux tells")
}

/// Reads `smaps` before it counts, so the sum is what that said.
#[track_caller]
fn adds_up(accounts: &Accounts) {
    let sum: u64 = accounts.parts().iter().map(|part| part.bytes).sum();
    assert_eq!(sum, accounts.resident(), "\n{accounts}");
    let remainder = accounts.of(ResidentPart::Remainder);
    assert!(
        50 * remainder <= accounts.resident(),
        "more than 2 % isn't explained\n{accounts}"
    );
}

#[track_caller]
fn is_about(bytes: u64, expected: u64, accounts: &Accounts) {
    assert!(
        bytes.abs_diff(expected) <= SLACK,
        "{bytes} instead of {expected}\n{accounts}"
    );
}

detectors::tests! {
    fn at_rest_everything_is_explained() {
        // The program's own pages come as they are run: these bring in what both readings run.
        let _first = (accounts(), resident());
        let accounts = accounts();
        println!("{accounts}");
        adds_up(&accounts);
        assert!(accounts.of(ResidentPart::Program) > 0 && accounts.of(ResidentPart::Files) > 0);
        let whole = resident().expect("Linux tells");
        assert!(whole.resident.abs_diff(accounts.resident()) <= SLACK);
    }

    fn a_burst_that_was_freed_is_held_by_the_allocator() {
        let before = accounts();
        // Blocks below glibc's threshold for mappings of their own; the last one pins the heap's end.
        let mut blocks: Vec<Box<[u8]>> = (0..65_536).map(|_| black_box(vec![1; 1 << 10].into())).collect();
        let full = accounts();
        adds_up(&full);
        is_about(full.of(ResidentPart::Live), before.of(ResidentPart::Live) + 64 * MIB + 24 * 65_536, &full);

        let last = blocks.pop();
        drop(blocks);
        let freed = accounts();
        println!("{freed}");
        adds_up(&freed);
        is_about(freed.of(ResidentPart::Live), before.of(ResidentPart::Live), &freed);
        assert!(freed.of(ResidentPart::AllocatorHeld) > 60 * MIB, "\n{freed}");
        let said = underlying().and_then(Underlying::figures).expect("this runs on glibc");
        assert!(said.free() > 60 * MIB, "{said:?}");

        assert_eq!(give_back(), Some("malloc_trim(0)"));
        let trimmed = accounts();
        adds_up(&trimmed);
        assert!(trimmed.of(ResidentPart::AllocatorHeld) < 8 * MIB, "\n{trimmed}");
        drop(last);
    }

    fn what_was_freed_lazily_is_a_part_of_its_own() {
        let pages = Pages::new(16 << 20);
        let before = accounts();
        pages.free_lazily();
        let after = accounts();
        println!("{after}");
        adds_up(&after);
        is_about(after.of(ResidentPart::LazilyFreed), before.of(ResidentPart::LazilyFreed) + 16 * MIB, &after);
        // Code that runs for the first time comes with the pages around it, as far as the system has them.
        let without_files = |accounts: &Accounts| {
            let files = [ResidentPart::Program, ResidentPart::Files];
            accounts.resident() - files.map(|part| accounts.of(part)).iter().sum::<u64>()
        };
        is_about(without_files(&after), without_files(&before), &after);
        let whole = resident().expect("Linux tells");
        assert!(whole.lazily_freed >= 15 * MIB, "{whole}");
    }

    fn stacks_are_told_from_the_heap() {
        let before = accounts();
        let (used, is_used) = channel();
        let (stop, stopped) = channel::<()>();
        let thread = std::thread::Builder::new().stack_size(16 << 20).spawn(move || {
            use_stack();
            let _ = used.send(());
            let _ = stopped.recv();
        });
        is_used.recv().expect("it runs");
        let after = accounts();
        println!("{after}");
        adds_up(&after);
        is_about(after.of(ResidentPart::Stacks), before.of(ResidentPart::Stacks) + 8 * MIB, &after);
        drop(stop);
        thread.expect("a thread").join().expect("it doesn't panic");
    }

    /// The bug: the kernel's list of mappings was read as UTF-8, and one such name in it made all of it unreadable.
    fn a_mapped_file_whose_name_is_no_text_hides_nothing() {
        set_sampling_interval(Some(1));
        let before = accounts();
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = folder.path().join(OsStr::from_bytes(b"cut in a letter: \xd1"));
        let file = File::create_new(&path).expect("the system takes such names");
        let mapped = Pages::of_file(&file, 16 << 20);
        let after = accounts();
        println!("{after}");
        adds_up(&after);
        is_about(after.of(ResidentPart::Files), before.of(ResidentPart::Files) + 16 * MIB, &after);

        let profile = profile().expect("blocks were sampled");
        let functions = profile.stacks().flat_map(|stack| stack.frames);
        let is_named = functions.into_iter().any(|frame| frame.function.contains("memory::accounts"));
        assert!(is_named, "{profile:?}");

        let evidence = Watch::new("a log").warm_up(8).run(|| {
            let mut log = Vec::with_capacity(1_000);
            move || log.push(Box::new(7))
        });
        assert_eq!(evidence.verdict, Verdict::Leak, "{}", evidence.because);
        assert!(!evidence.holders.is_empty(), "{:?}", evidence.not_read);
        drop(mapped);
    }

    fn a_busy_program_is_known_to_be_on_glibc() {
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let is_over = &is_over;
                scope.spawn(move || {
                    let mut kept = VecDeque::new();
                    for turn in 0_usize.. {
                        kept.push_back(black_box(vec![1_u8; 64 + turn * 7_919 % 20_000]));
                        if kept.len() > 100 + thread {
                            kept.pop_front();
                        }
                        if is_over.load(Relaxed) {
                            break;
                        }
                    }
                });
            }
            // They are at work.
            while detectors::allocator::stats().total_blocks < 100_000 {
                std::thread::yield_now();
            }
            let found = underlying().map(Underlying::name);
            is_over.store(true, Relaxed);
            assert_eq!(found, Some("glibc"));
        });
    }
}

#[expect(
    clippy::large_stack_arrays,
    reason = "a stack that is used is to be seen"
)]
fn use_stack() {
    black_box([1_u8; 8 << 20]);
}

/// A mapping of pages that are all resident.
struct Pages {
    start: *mut libc::c_void,
    length: usize,
}

impl Pages {
    fn new(length: usize) -> Self {
        Pages::mapped(length, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1)
    }

    /// The file becomes that long.
    fn of_file(file: &File, length: usize) -> Self {
        file.set_len(length as u64).expect("the disk has the room");
        Pages::mapped(length, libc::MAP_SHARED, file.as_raw_fd())
    }

    fn mapped(length: usize, kind: i32, file: i32) -> Self {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice touches nothing that is there.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), length, access, kind, file, 0) };
        assert_ne!(start, libc::MAP_FAILED, "the system has the memory");
        // SAFETY: the mapping is that long, writable and nobody else's.
        unsafe { start.cast::<u8>().write_bytes(1, length) };
        Pages { start, length }
    }

    fn free_lazily(&self) {
        // SAFETY: the mapping is ours, and nobody reads what was in it any more.
        let freed = unsafe { libc::madvise(self.start, self.length, libc::MADV_FREE) };
        assert_eq!(freed, 0, "Linux has MADV_FREE since 4.5");
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this length, and nothing points into it.
        unsafe { libc::munmap(self.start, self.length) };
    }
}
