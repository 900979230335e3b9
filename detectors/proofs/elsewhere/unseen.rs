//! Memory that no Rust allocator sees: a C library's blocks, a second allocator beside the global one, mappings of each kind. What
//! leaks is a leak with its rate and its mechanism, whatever Rust does beside it; what comes to an end, or was Rust's, is none.

use detectors::{Class, Evidence, Finding, Kind, Verdict, Watch};
use std::alloc::{GlobalAlloc, Layout, System};
use std::fs::File;
use std::hint::black_box;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

const PAGE: usize = 4_096;

/// A block of C's, written to.
fn in_c(bytes: usize) -> *mut libc::c_void {
    // SAFETY: plain calls; the block is as large as what is written.
    unsafe {
        let block = libc::malloc(bytes);
        libc::memset(block, 7, bytes);
        black_box(block)
    }
}

fn free(block: *mut libc::c_void) {
    // SAFETY: each block here comes from C's malloc, and is given back once.
    unsafe { libc::free(block) }
}

#[derive(Clone, Copy)]
enum Of {
    Nothing,
    Shared,
    File(RawFd),
}

/// Pages that are mapped, and as many of them touched.
fn map(of: Of, pages: usize, touched: usize) -> *mut libc::c_void {
    let (flags, file) = match of {
        Of::Nothing => (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1),
        Of::Shared => (libc::MAP_SHARED | libc::MAP_ANONYMOUS, -1),
        Of::File(file) => (libc::MAP_SHARED, file),
    };
    let rights = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: the kernel chooses the address, and the pages that are written to are of the mapping, and of the file.
    unsafe {
        let at = libc::mmap(std::ptr::null_mut(), pages * PAGE, rights, flags, file, 0);
        assert_ne!(at, libc::MAP_FAILED, "{}", std::io::Error::last_os_error());
        libc::memset(at, 7, touched * PAGE);
        black_box(at)
    }
}

/// A mapping that begins where one of glibc's arenas might.
fn map_where_an_arena_might_be() -> *mut libc::c_void {
    const ARENA: usize = 64 << 20;
    let rights = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: the kernel chooses the room and takes it back whole; the mapping within it replaces nothing, or fails.
    unsafe {
        let room = libc::mmap(
            std::ptr::null_mut(),
            2 * ARENA,
            libc::PROT_NONE,
            flags,
            -1,
            0,
        );
        assert_ne!(
            room,
            libc::MAP_FAILED,
            "{}",
            std::io::Error::last_os_error()
        );
        libc::munmap(room, 2 * ARENA);
        let wanted = room.map_addr(|address| address.next_multiple_of(ARENA));
        let at = libc::mmap(
            wanted,
            2 * PAGE,
            rights,
            flags | libc::MAP_FIXED_NOREPLACE,
            -1,
            0,
        );
        assert_eq!(at, wanted, "{}", std::io::Error::last_os_error());
        at
    }
}

fn unmap(at: *mut libc::c_void, pages: usize) {
    // SAFETY: mapped by `map` with this length, and used no more.
    unsafe { libc::munmap(at, pages * PAGE) };
}

fn watch(name: &str) -> Watch {
    Watch::new(name)
}

fn foreign(evidence: &Evidence) -> Vec<&Finding> {
    let all = evidence.findings.iter();
    all.filter(|finding| finding.kind == Kind::Resident)
        .collect()
}

/// It leaks where no Rust allocator sees it: that much an iteration, by that mechanism.
#[track_caller]
fn leaks(evidence: &Evidence, by: &str, each: f64) {
    println!("{}", evidence.because);
    evidence.assert_leak_of(Class::ForeignMemory, Kind::Resident);
    let [only] = foreign(evidence)[..] else {
        panic!("one mechanism: {:?}", evidence.findings);
    };
    assert_eq!(only.site.as_deref(), Some(by));
    let told = only.per_iteration.expect("the rate is known");
    assert!(
        told >= each && told <= each * 1.1 + 32.0,
        "{each} an iteration are asked for, {told} are told"
    );
    assert!(evidence.readings.len() >= 5, "it never stops early");
}

/// Nothing is accused, whatever else is said.
#[track_caller]
fn accuses_nobody(evidence: &Evidence) {
    println!("{}: {}", evidence.verdict, evidence.because);
    assert!(foreign(evidence).is_empty(), "{:?}", evidence.findings);
    assert_ne!(evidence.class, Some(Class::ForeignMemory));
}

#[track_caller]
fn is_calm(evidence: &Evidence) {
    accuses_nobody(evidence);
    evidence.assert_steady();
}

const MALLOC: &str = "C's malloc";

/// Rust's heap leaks, and nothing else does.
#[track_caller]
fn leaks_in_rust_alone(evidence: &Evidence) {
    accuses_nobody(evidence);
    assert_eq!(evidence.verdict, Verdict::Leak, "{}", evidence.because);
}

/// Works beside the watch, in C and in Rust, until it is dropped.
struct Neighbour {
    ends: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Neighbour {
    fn new() -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ends);
        let work = move || {
            let mut size: usize = 1;
            while !seen.load(Ordering::Relaxed) {
                size = size * 7 % 65_521;
                let block = in_c(size);
                let mine = black_box(vec![1_u8; size]);
                free(block);
                drop(mine);
            }
        };
        Neighbour {
            ends,
            thread: Some(std::thread::spawn(work)),
        }
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("a neighbour doesn't panic");
        }
    }
}

fn file_of(pages: usize) -> File {
    let file = tempfile::tempfile().expect("a scratch file");
    file.set_len((pages * PAGE) as u64)
        .expect("room for some pages");
    file
}

detectors::tests! {
    fn a_block_of_c() {
        leaks(&watch("16 bytes").run(|| || { in_c(16); }), MALLOC, 16.0);
    }
    fn a_block_of_c_beside_a_mapping_that_is_no_arena() {
        let evidence = watch("16 bytes, and a mapping").run(|| {
            let mut number = 0;
            move || {
                number += 1;
                in_c(16);
                if number == 120 {
                    map_where_an_arena_might_be();
                }
            }
        });
        leaks(&evidence, MALLOC, 16.0);
    }
    fn a_larger_block_of_c() {
        leaks(&watch("1,000 bytes").run(|| || { in_c(1_000); }), MALLOC, 1_000.0);
    }
    fn a_block_of_c_that_is_mapped() {
        leaks(&watch("half a mebibyte").run(|| || { in_c(1 << 19); }), MALLOC, f64::from(1 << 19));
    }
    fn a_block_of_c_in_one_iteration_of_four() {
        let evidence = watch("every fourth").run(|| {
            let mut number = 0;
            move || {
                number += 1;
                if number % 4 == 0 {
                    in_c(400);
                }
            }
        });
        leaks(&evidence, MALLOC, 100.0);
    }
    fn a_block_of_c_that_is_zeroed_or_aligned() {
        let evidence = watch("calloc and posix_memalign").run(|| || {
            let mut block = std::ptr::null_mut();
            // SAFETY: plain calls; nobody reads the blocks.
            unsafe {
                black_box(libc::calloc(10, 50));
                libc::posix_memalign(&raw mut block, 64, 500);
            }
            black_box(block);
        });
        leaks(&evidence, MALLOC, 1_000.0);
    }
    fn a_block_of_c_on_a_thread_that_was_there_before() {
        let (ask, asked) = mpsc::sync_channel::<()>(0);
        let (answer, answered) = mpsc::sync_channel::<()>(0);
        let worker = std::thread::spawn(move || {
            while asked.recv().is_ok() {
                in_c(1_000);
                let _ = answer.send(());
            }
        });
        let evidence = watch("an older thread").run(|| || {
            ask.send(()).expect("the worker listens");
            answered.recv().expect("the worker answers");
        });
        drop(ask);
        worker.join().expect("the worker ends");
        leaks(&evidence, MALLOC, 1_000.0);
    }
    fn a_block_of_c_beside_a_busy_thread() {
        let neighbour = Neighbour::new();
        let evidence = watch("1,000 bytes, and a neighbour").run(|| || { in_c(1_000); });
        drop(neighbour);
        println!("{}", evidence.because);
        assert!(!evidence.verdict.is_calm(), "{}", evidence.because);
    }
    fn a_second_allocator_in_the_program() {
        let evidence = watch("System beside the global allocator").run(|| || {
            // SAFETY: the layout isn't empty.
            black_box(unsafe { System.alloc(Layout::new::<[u64; 64]>()) });
        });
        leaks(&evidence, MALLOC, 512.0);
    }
    fn a_handle_in_rust_whose_object_is_in_c() {
        let evidence = watch("a handle").run(|| {
            let mut kept = Vec::with_capacity(10_000);
            move || kept.push(Box::new(in_c(2_000)))
        });
        let [only] = foreign(&evidence)[..] else {
            panic!("{:?}", evidence.findings);
        };
        assert!(only.per_iteration.is_some_and(|each| each > 1_900.0), "{only:?}");
        evidence.assert_leak(Class::ForeignMemory, "a_handle_in_rust");
    }
    fn a_mapping() {
        let evidence = watch("a mapping").run(|| || { map(Of::Nothing, 16, 16); });
        leaks(&evidence, "mappings without a file", 65_536.0);
    }
    fn a_mapping_that_nobody_touches() {
        let evidence = watch("an untouched mapping").run(|| || { map(Of::Nothing, 16, 0); });
        leaks(&evidence, "mappings without a file", 65_536.0);
    }
    fn a_mapping_of_a_file() {
        let file = file_of(4);
        let number = file.as_raw_fd();
        let evidence = watch("a file's mapping").run(|| || { map(Of::File(number), 4, 1); });
        leaks(&evidence, "mappings of files", 16_384.0);
    }
    fn a_mapping_that_is_shared() {
        let evidence = watch("a shared mapping").run(|| || { map(Of::Shared, 2, 2); });
        leaks(&evidence, "mappings of shared memory", 8_192.0);
    }

    fn what_c_gives_back() {
        let evidence = watch("given back").run(|| {
            let mut size: usize = 1;
            move || {
                size = size * 7 % 65_521;
                free(in_c(size));
            }
        });
        is_calm(&evidence);
    }
    fn a_full_cache_in_c() {
        let evidence = watch("a cache of 40 in C").run(|| {
            let mut kept = std::collections::VecDeque::with_capacity(41);
            move || {
                kept.push_back(in_c(1_000).addr());
                if kept.len() > 40 {
                    free(std::ptr::with_exposed_provenance_mut(kept.pop_front().unwrap_or(0)));
                }
            }
        });
        is_calm(&evidence);
    }
    fn a_mapping_that_is_replaced() {
        let evidence = watch("replaced").run(|| {
            let mut last = map(Of::Nothing, 16, 16);
            move || {
                let next = map(Of::Nothing, 16, 16);
                unmap(std::mem::replace(&mut last, next), 16);
            }
        });
        is_calm(&evidence);
    }
    fn room_that_is_touched_bit_by_bit() {
        let evidence = watch("lazily touched").run(|| {
            let mut kept: Vec<[u8; PAGE]> = Vec::with_capacity(4_000);
            move || kept.push(black_box([7; PAGE]))
        });
        is_calm(&evidence);
    }
    fn a_mapping_from_before_that_fills() {
        let at = map(Of::Nothing, 16_000, 0).expose_provenance();
        let page = std::cell::Cell::new(0);
        let evidence = watch("an older mapping").run(|| || {
            for _ in 0..8 {
                let page = page.replace(page.get() + 1);
                let byte = std::ptr::with_exposed_provenance_mut::<u8>(at + page * PAGE);
                // SAFETY: the mapping has more pages than the watch runs times eight, and is never unmapped.
                unsafe { byte.write(1) };
            }
        });
        accuses_nobody(&evidence);
        assert_eq!(evidence.verdict, Verdict::Inconclusive, "{}", evidence.because);
        assert!(evidence.because.contains("live memory doesn't explain it"), "{}", evidence.because);
    }
    fn threads_that_come_and_go() {
        let evidence = watch("threads").run(|| || {
            let thread = std::thread::spawn(|| free(in_c(5_000)));
            thread.join().expect("it ends");
        });
        is_calm(&evidence);
    }
    // As on a machine that has no core for them. Whenever C's heap is read, twice as many threads wait as in the window before;
    // between two readings all of them end, so that neither Rust's heap nor the count of threads grows.
    fn threads_that_end_later_and_later() {
        let evidence = watch("threads that wait").warm_up(64).run(|| {
            let mut waiting = Vec::with_capacity(100);
            let mut iteration = 0_u64;
            move || {
                iteration += 1;
                let (ends, waits) = std::sync::mpsc::channel::<()>();
                let thread = std::thread::spawn(move || {
                    free(in_c(5_000));
                    let _ = waits.recv();
                });
                waiting.push((ends, thread));
                let part = (iteration + 1).next_power_of_two() / 16;
                if part > 1 && iteration % part == part / 2 {
                    for (ends, thread) in waiting.drain(..) {
                        drop(ends);
                        thread.join().expect("it ends");
                    }
                }
            }
        });
        accuses_nobody(&evidence);
    }
    fn a_busy_thread() {
        let neighbour = Neighbour::new();
        let evidence = watch("a neighbour").run(|| || drop(black_box(vec![1_u8; 100])));
        drop(neighbour);
        accuses_nobody(&evidence);
        assert_ne!(evidence.verdict, Verdict::Leak);
    }
    fn the_smallest_blocks_of_rust() {
        let evidence = watch("boxes of a byte").run(|| {
            let mut kept = Vec::with_capacity(10_000);
            move || kept.push(Box::new(black_box(7_u8)))
        });
        leaks_in_rust_alone(&evidence);
    }
    fn large_blocks_of_rust() {
        let evidence = watch("blocks of 200 kB").run(|| {
            let mut kept: Vec<Vec<u8>> = Vec::with_capacity(10_000);
            move || kept.push(Vec::with_capacity(black_box(200_000)))
        });
        leaks_in_rust_alone(&evidence);
    }
    fn a_vector_of_rust_that_doubles() {
        let evidence = watch("a vector").run(|| {
            let mut kept: Vec<[u64; 8]> = Vec::new();
            move || kept.push(black_box([7; 8]))
        });
        leaks_in_rust_alone(&evidence);
    }
}
