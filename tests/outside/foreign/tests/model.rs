//! Random sequences of C's and Rust's calls against a list of what must be live: after each step the scope has its blocks and bytes.

use detectors::Scope;
use detectors::heap::Detail;
use libc::c_void;
use std::alloc::{Layout, alloc, dealloc, realloc};
use std::ffi::CString;
use std::hint::black_box;
use std::ptr::null_mut;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Acquire, Release};

detectors::foreign_memory!();

const SEQUENCES: u64 = 10_000;
const STEPS: usize = 40;
const PAGE: usize = 4_096;

/// splitmix64: every seed is a good one.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// Mostly small, now and then large enough for a mapping of its own.
    fn size(&mut self) -> usize {
        let bits = if self.below(32) == 0 { 19 } else { 11 };
        let magnitude = self.below(bits + 1);
        1 + self.below(1 << magnitude)
    }
}

#[derive(Clone, Copy)]
enum Live {
    C(*mut c_void, usize),
    Rust(*mut u8, Layout),
    /// A mapping, or a part of one, in pages.
    Mapped(*mut c_void, usize),
}

impl Live {
    fn bytes(self) -> usize {
        match self {
            Live::C(_, bytes) => bytes,
            Live::Rust(_, layout) => layout.size(),
            Live::Mapped(_, pages) => pages * PAGE,
        }
    }
}

fn map(at: *mut c_void, pages: usize, fixed: i32) -> *mut c_void {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | fixed;
    let rights = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: at a place that the kernel chooses, or within a mapping of the model's own.
    let at = unsafe { libc::mmap(at, pages * PAGE, rights, flags, -1, 0) };
    assert_ne!(at, libc::MAP_FAILED);
    at
}

/// An address so many pages further.
fn further(at: *mut c_void, pages: usize) -> *mut c_void {
    at.wrapping_byte_add(pages * PAGE)
}

struct Model {
    live: Vec<Live>,
    random: Random,
}

impl Model {
    fn step(&mut self) {
        match self.random.below(10) {
            0..=2 => self.c_asks(),
            3 => self.rust_asks(),
            4 if self.random.below(4) == 0 => self.reserve(),
            4 => {
                let pages = 1 + self.random.below(8);
                self.live
                    .push(Live::Mapped(map(null_mut(), pages, 0), pages));
            }
            5..=7 => self.change(),
            _ => self.give_back(),
        }
    }

    /// Reserves addresses, which is no memory, takes a mapping in their midst, and gives the rest back.
    fn reserve(&mut self) {
        const PAGES: usize = 1 << 20;
        // Near either end: there is room for notes in so many parts of the address space, and not in all of them.
        let near = self.random.below(16);
        let at = [near, PAGES - 32 + near][self.random.below(2)];
        let pages = 1 + self.random.below(8);
        let (rights, flags) = if self.random.below(2) == 0 {
            (libc::PROT_NONE, 0)
        } else {
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_NORESERVE)
        };
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | flags;
        // SAFETY: at a place that the kernel chooses.
        let reserved = unsafe { libc::mmap(null_mut(), PAGES * PAGE, rights, flags, -1, 0) };
        assert_ne!(reserved, libc::MAP_FAILED);
        let taken = map(further(reserved, at), pages, libc::MAP_FIXED);
        for (from, pages) in [(0, at), (at + pages, PAGES - at - pages)] {
            // SAFETY: of the reservation's own, where nothing was mapped; nothing at all is refused.
            unsafe { libc::munmap(further(reserved, from), pages * PAGE) };
        }
        self.live.push(Live::Mapped(taken, pages));
    }

    fn c_asks(&mut self) {
        let size = self.random.size();
        let alignment = 16 << self.random.below(6);
        let mut block = null_mut();
        // SAFETY: plain calls, and what they gave is kept.
        let asked = unsafe {
            match self.random.below(8) {
                0 => {
                    block = libc::calloc(1 + size / 7, 7);
                    (1 + size / 7) * 7
                }
                1 => {
                    assert_eq!(libc::posix_memalign(&raw mut block, alignment, size), 0);
                    size
                }
                2 => {
                    let size = size.next_multiple_of(alignment);
                    block = libc::aligned_alloc(alignment, size);
                    size
                }
                3 => {
                    block = libc::memalign(alignment, size);
                    size
                }
                4 => {
                    block = libc::reallocarray(null_mut(), size, 3);
                    size * 3
                }
                5 => {
                    // The C library asks its own malloc by the program's symbol.
                    let text = CString::new(vec![b'x'; size % 500]).expect("no zero within");
                    block = libc::strdup(text.as_ptr()).cast();
                    size % 500 + 1
                }
                _ => {
                    block = libc::malloc(size);
                    size
                }
            }
        };
        assert!(!black_box(block).is_null());
        self.live.push(Live::C(block, asked));
    }

    fn rust_asks(&mut self) {
        let align = 1 << self.random.below(8);
        let layout = Layout::from_size_align(self.random.size(), align).expect("it is small");
        // SAFETY: the size isn't zero.
        let block = black_box(unsafe { alloc(layout) });
        self.live.push(Live::Rust(block, layout));
    }

    /// Takes one of what is live.
    fn take(&mut self) -> Option<Live> {
        if self.live.is_empty() {
            return None;
        }
        let at = self.random.below(self.live.len());
        Some(self.live.swap_remove(at))
    }

    fn change(&mut self) {
        let size = self.random.size();
        match self.take() {
            None => {}
            // SAFETY: it is live, and taken from the list.
            Some(Live::C(block, _)) => unsafe {
                match self.random.below(16) {
                    0 => assert!(libc::realloc(block, 0).is_null(), "no size gives it back"),
                    1 => self
                        .live
                        .push(Live::C(libc::reallocarray(block, size, 2), size * 2)),
                    _ => self.live.push(Live::C(libc::realloc(block, size), size)),
                }
            },
            Some(Live::Rust(block, layout)) => {
                // SAFETY: as above, and the size isn't zero.
                let block = unsafe { realloc(block, layout, size) };
                let layout = Layout::from_size_align(size, layout.align()).expect("it is small");
                self.live.push(Live::Rust(black_box(block), layout));
            }
            Some(Live::Mapped(at, pages)) => self.change_mapping(at, pages),
        }
    }

    fn change_mapping(&mut self, at: *mut c_void, pages: usize) {
        let (from, to) = (self.random.below(pages), self.random.below(pages));
        let (from, to) = (from.min(to), from.max(to) + 1);
        match self.random.below(3) {
            0 => {
                let wanted = 1 + self.random.below(12);
                // SAFETY: the whole of a mapping, or of what is left of one.
                let moved =
                    unsafe { libc::mremap(at, pages * PAGE, wanted * PAGE, libc::MREMAP_MAYMOVE) };
                assert_ne!(moved, libc::MAP_FAILED);
                self.live.push(Live::Mapped(moved, wanted));
                return;
            }
            // A part of it goes: a head, a tail, the middle, or all.
            1 => {
                // SAFETY: within the mapping.
                let refused = unsafe { libc::munmap(further(at, from), (to - from) * PAGE) };
                assert_eq!(refused, 0);
            }
            // Another takes the place of a part.
            _ => {
                let new = map(further(at, from), to - from, libc::MAP_FIXED);
                self.live.push(Live::Mapped(new, to - from));
            }
        }
        if from > 0 {
            self.live.push(Live::Mapped(at, from));
        }
        if to < pages {
            self.live.push(Live::Mapped(further(at, to), pages - to));
        }
    }

    fn give_back(&mut self) {
        let Some(live) = self.take() else { return };
        // SAFETY: it is live, and taken from the list.
        unsafe {
            match live {
                Live::C(block, _) => libc::free(block),
                Live::Rust(block, layout) => dealloc(block, layout),
                Live::Mapped(at, pages) => assert_eq!(libc::munmap(at, pages * PAGE), 0),
            }
        }
    }

    fn counts(&self) -> (u64, u64) {
        let bytes: usize = self.live.iter().map(|live| live.bytes()).sum();
        (self.live.len() as u64, bytes as u64)
    }

    fn is(&self, scope: &Scope) -> bool {
        let read = scope.read();
        (read.blocks, read.bytes) == self.counts()
    }
}

fn sequence(seed: u64, detail: Detail) {
    let mut model = Model {
        live: Vec::with_capacity(STEPS * 3),
        random: Random(seed),
    };
    let scope = Scope::new(detail).expect("the global allocator is a profiling one");
    for step in 0..STEPS {
        model.step();
        // Text is made only where it is wrong: it would be counted.
        if !model.is(&scope) {
            panic!(
                "seed {seed}, step {step}: {:?}, not {:?}",
                scope.read(),
                model.counts()
            );
        }
    }
    while !model.live.is_empty() {
        model.give_back();
    }
    assert!(
        model.is(&scope),
        "seed {seed}: all is given back, and {:?} is live",
        scope.read()
    );
}

detectors::memory_tests! {
    #[deadline(seconds = 1200)]
    fn ten_thousand_sequences_of_c_and_rust() {
        for seed in 0..SEQUENCES {
            sequence(seed, if seed % 16 == 0 { Detail::Stacks } else { Detail::Counts });
        }
    }
    fn what_is_older_than_the_scope_is_not_its() {
        // Nothing that waits may allocate within the scope, so the two threads look at one number.
        static HANDED_OVER: AtomicUsize = AtomicUsize::new(0);
        let is_taken = || HANDED_OVER.load(Acquire) == 0;
        // A thread that is made within a scope leaves its own few blocks with the C library.
        std::thread::spawn(|| loop {
            let address = HANDED_OVER.load(Acquire);
            if address != 0 {
                // SAFETY: a block of C's, given back once.
                unsafe { libc::free(std::ptr::with_exposed_provenance_mut(address)) };
                HANDED_OVER.store(0, Release);
            }
            std::thread::yield_now();
        });
        // SAFETY: plain calls; each block is given back once.
        unsafe {
            let older = libc::malloc(100);
            let scope = Scope::new(Detail::Counts).expect("the global allocator is a profiling one");
            libc::free(older);
            assert_eq!(scope.read().blocks, 0);
            let block = libc::malloc(100);
            assert_eq!((scope.read().blocks, scope.read().bytes), (1, 100));
            // By a thread that the scope has never seen.
            HANDED_OVER.store(block.expose_provenance(), Release);
            while !is_taken() {
                std::thread::yield_now();
            }
            assert_eq!(scope.read().bytes, 0);
        }
    }
}
