//! The pages behind a few blocks, one by one: what puts a page there, what keeps it, and what takes it away.
//!
//! `cargo run --example pages`. Linux only, since it reads `/proc/self/pagemap` and `/proc/self/smaps`, and on glibc's allocator, whose
//! heap it looks at.

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous};
use rustix::thread::{CpuSet, sched_getcpu, sched_setaffinity};
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::fs::{File, read_to_string};
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// The kernel counts in pages of 4 kB here.
const PAGE: usize = 4_096;

/// Pages that are looked at.
const PAGES: usize = 64;

/// Pages of a block.
const OF_A_BLOCK: usize = 8;

fn main() -> io::Result<()> {
    println!(
        "{:<42} {:>5} {:>9} {:>13}",
        "kB", "live", "resident", "lazily freed"
    );
    on_the_heap()?;
    in_a_mapping()?;
    println!();
    for (page, words) in Page::ALL {
        println!("{} {words}", char::from(page as u8));
    }
    Ok(())
}

// ANCHOR: steps
fn on_the_heap() -> io::Result<()> {
    let mut blocks = Blocks::ask();
    blocks.show("1. ask for eight blocks of 32 kB")?;

    blocks.write();
    blocks.show("2. write to all of them")?;

    blocks.drop_some(|at| at % 2 == 1);
    blocks.show("3. drop every second one")?;

    detectors::memory::give_back();
    blocks.show("4. ask the allocator to give back")?;

    blocks.drop_some(|_| true);
    blocks.show("5. drop the others")
}

fn in_a_mapping() -> io::Result<()> {
    let mut mapping = Mapping::new()?;
    mapping.write(|_| true);
    mapping.show("6. map 256 kB, and write to all of it")?;

    mapping.free_lazily()?;
    mapping.show("7. free it by MADV_FREE")?;

    mapping.write(|page| page % 4 == 0);
    mapping.show("8. write to every fourth page again")?;

    mapping.page_out()?;
    mapping.show("9. the kernel takes what it may")?;

    mapping.give_back()?;
    mapping.show("10. free it by MADV_DONTNEED")
}
// ANCHOR_END: steps

/// What a page is to the program and to the kernel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Page {
    Live = b'#' as isize,
    Kept = b'o' as isize,
    LazilyFreed = b'~' as isize,
    Absent = b'.' as isize,
}

impl Page {
    const ALL: [(Page, &str); 4] = [
        (Page::Live, "a live block lies on the page"),
        (
            Page::Kept,
            "no live block, and the allocator keeps the page",
        ),
        (
            Page::LazilyFreed,
            "freed lazily: resident until the kernel needs the page",
        ),
        (Page::Absent, "no page behind the address"),
    ];
}

/// A step's figures, and a letter for each page. It allocates nothing, since that would lie among what is looked at.
fn show(step: &str, live: usize, pages: [Page; PAGES]) -> io::Result<()> {
    let kilobytes = |is_counted: fn(Page) -> bool| {
        let counted = pages.iter().filter(|page| is_counted(**page));
        counted.count() * PAGE / 1_024
    };
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{step:<42} {:>5} {:>9} {:>13}",
        live / 1_024,
        kilobytes(|page| page != Page::Absent),
        kilobytes(|page| page == Page::LazilyFreed),
    )?;
    let letters = pages.map(|page| page as u8);
    out.write_all(b"   ")?;
    out.write_all(&letters)?;
    out.write_all(b"\n")
}

/// Whether there is a page behind each address, as the kernel has it.
fn present(start: usize) -> io::Result<[bool; PAGES]> {
    const ENTRY_BYTES: usize = size_of::<u64>();
    const PRESENT: u64 = 1 << 63;
    let mut entries = [0; PAGES * ENTRY_BYTES];
    let at = start / PAGE * ENTRY_BYTES;
    File::open("/proc/self/pagemap")?.read_exact_at(&mut entries, at as u64)?;
    Ok(std::array::from_fn(|page| {
        let entry = &entries[page * ENTRY_BYTES..][..ENTRY_BYTES];
        u64::from_ne_bytes(entry.try_into().expect("eight bytes")) & PRESENT != 0
    }))
}

/// Blocks on the allocator's heap, one behind the other.
struct Blocks {
    start: *mut u8,
    /// `None` for one that was dropped.
    blocks: [Option<*mut u8>; PAGES / OF_A_BLOCK],
}

impl Blocks {
    /// Pages of its own for each, less what glibc writes before the next one.
    const LAYOUT: Layout = match Layout::from_size_align(OF_A_BLOCK * PAGE - 16, PAGE) {
        Ok(layout) => layout,
        Err(_) => panic!("a page is a power of two"),
    };

    fn ask() -> Self {
        let blocks: [*mut u8; PAGES / OF_A_BLOCK] = std::array::from_fn(|_| {
            // SAFETY: the layout has a size.
            let block = unsafe { alloc(Self::LAYOUT) };
            if block.is_null() {
                handle_alloc_error(Self::LAYOUT);
            }
            block
        });
        let is_behind = |two: &[*mut u8]| two[1].addr() == two[0].addr() + OF_A_BLOCK * PAGE;
        assert!(
            blocks.windows(2).all(is_behind),
            "glibc places blocks one behind the other; this allocator doesn't, so its pages can't be shown so"
        );
        Blocks {
            start: blocks[0],
            blocks: blocks.map(Some),
        }
    }

    fn write(&mut self) {
        for block in self.blocks.into_iter().flatten() {
            // SAFETY: the block is live, and has that size.
            unsafe { block.write_bytes(1, Self::LAYOUT.size()) };
        }
    }

    fn drop_some(&mut self, is_wanted: fn(usize) -> bool) {
        let wanted = self.blocks.iter_mut().enumerate();
        for (_, block) in wanted.filter(|(at, _)| is_wanted(*at)) {
            if let Some(block) = block.take() {
                // SAFETY: it was asked for with this layout, and is dropped once.
                unsafe { dealloc(block, Self::LAYOUT) };
            }
        }
    }

    fn show(&self, step: &str) -> io::Result<()> {
        let present = present(self.start.addr())?;
        let live = self.blocks.iter().flatten().count() * OF_A_BLOCK * PAGE;
        let page = |at: usize| match (present[at], self.blocks[at / OF_A_BLOCK]) {
            (false, _) => Page::Absent,
            (true, Some(_)) => Page::Live,
            (true, None) => Page::Kept,
        };
        show(step, live, std::array::from_fn(page))
    }
}

fn stay_on_this_processor() -> io::Result<()> {
    let mut this = CpuSet::new();
    this.set(sched_getcpu());
    Ok(sched_setaffinity(None, &this)?)
}

/// A mapping of the program's own, as allocators make them.
struct Mapping {
    /// So many pages, and one more that is never touched.
    start: *mut u8,
    /// Whether each page's content is still wanted.
    is_live: [bool; PAGES],
}

impl Mapping {
    fn new() -> io::Result<Self> {
        let (access, kind) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // SAFETY: the kernel chooses the place, so nothing of ours lies there.
        let start =
            unsafe { mmap_anonymous(std::ptr::null_mut(), (PAGES + 1) * PAGE, access, kind)? };
        Ok(Mapping {
            start: start.cast(),
            is_live: [false; PAGES],
        })
    }

    fn write(&mut self, is_wanted: fn(usize) -> bool) {
        for page in (0..PAGES).filter(|page| is_wanted(*page)) {
            // SAFETY: the mapping has that page, and it may be written to.
            unsafe { self.start.add(page * PAGE).write_volatile(1) };
            self.is_live[page] = true;
        }
    }

    fn free_lazily(&mut self) -> io::Result<()> {
        self.is_live = [false; PAGES];
        // A processor marks such pages 31 at a time. The rest is marked when it is next asked to set pages aside, be they none.
        stay_on_this_processor()?;
        self.advise(0..PAGES, Advice::LinuxFree)?;
        self.advise(PAGES..PAGES + 1, Advice::LinuxCold)
    }

    fn give_back(&mut self) -> io::Result<()> {
        self.is_live = [false; PAGES];
        self.advise(0..PAGES, Advice::LinuxDontNeed)
    }

    /// What the kernel does by itself when memory is short.
    fn page_out(&self) -> io::Result<()> {
        self.advise(0..PAGES, Advice::LinuxPageOut)
    }

    fn advise(&self, pages: Range<usize>, advice: Advice) -> io::Result<()> {
        // SAFETY: the mapping has these pages. What is lost by it is read by nobody.
        unsafe {
            let start = self.start.add(pages.start * PAGE);
            madvise(start.cast(), pages.len() * PAGE, advice)?;
        }
        Ok(())
    }

    fn show(&self, step: &str) -> io::Result<()> {
        let present = present(self.start.addr())?;
        let pages = std::array::from_fn(|at| match (present[at], self.is_live[at]) {
            (false, _) => Page::Absent,
            (true, true) => Page::Live,
            (true, false) => Page::LazilyFreed,
        });
        let freed = pages.iter().filter(|page| **page == Page::LazilyFreed);
        assert_eq!(
            self.lazily_freed()?,
            freed.count() * PAGE,
            "{step}: what the kernel says is freed lazily, and what this program freed so"
        );
        let live = self.is_live.iter().filter(|is_live| **is_live).count() * PAGE;
        show(step, live, pages)
    }

    /// In bytes, as the kernel has it.
    fn lazily_freed(&self) -> io::Result<usize> {
        let smaps = read_to_string("/proc/self/smaps")?;
        let start = format!("{:x}-", self.start.addr());
        let of_mapping = smaps.lines().skip_while(|line| !line.starts_with(&start));
        let freed = of_mapping.filter_map(|line| line.strip_prefix("LazyFree:"));
        let kilobytes = freed.map(|figure| figure.trim().trim_end_matches(" kB"));
        let first = kilobytes.flat_map(str::parse::<usize>).next();
        first.map(|kilobytes| kilobytes * 1_024).ok_or_else(|| {
            io::Error::other(
                "/proc/self/smaps has no LazyFree for this mapping: Linux 4.12 is needed",
            )
        })
    }
}
