//! One process, three figures: virtual, resident and live memory, step by step.
//!
//! `cargo run --example three_figures`. Linux only, since it reads `/proc/self/statm`.

use std::hint::black_box;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const MEGABYTE: usize = 1 << 20;

fn main() -> std::io::Result<()> {
    let _profiler = dhat::Profiler::builder().testing().build();
    let start = Figures::read()?;
    println!(
        "{:<47} {:>8} {:>9} {:>9}",
        "megabytes above the start", "virtual", "resident", "live"
    );
    let show = |step: &str| -> std::io::Result<()> {
        let now = Figures::read()?;
        let above = |now: usize, start: usize| now.saturating_sub(start).div_euclid(MEGABYTE);
        println!(
            "{step:<47} {:>8} {:>9} {:>9}",
            above(now.address_space, start.address_space),
            above(now.resident, start.resident),
            above(now.live, start.live),
        );
        Ok(())
    };

    // ANCHOR: steps
    let mut buffer: Vec<u8> = Vec::with_capacity(64 * MEGABYTE);
    show("1. ask for 64 MB")?;

    buffer.resize(64 * MEGABYTE, 1);
    show("2. write to all of it")?;

    drop(black_box(buffer));
    show("3. drop it")?;

    drop(black_box(vec![1_u8; 20 * MEGABYTE]));
    show("4. write to one block of 20 MB, and drop it")?;

    drop(black_box(vec![1_u8; 20 * MEGABYTE]));
    show("5. the same again")?;

    let blocks: Vec<Box<[u8; 4096]>> = (0..16_384).map(|_| written()).collect();
    show("6. allocate 16,384 blocks of 4,096 B")?;

    let kept: Vec<_> = blocks.into_iter().step_by(100).collect();
    show("7. drop 99 of each 100")?;

    detectors::memory::give_back();
    show("8. ask the allocator to give back")?;

    drop(kept);
    let pair = |_| (written::<4_000>(), written::<64>());
    let pairs: Vec<_> = (0..16_384).map(pair).collect();
    show("9. allocate 16,384 of 4,000 B, 64 B beside each")?;

    let kept: Vec<_> = pairs.into_iter().map(|(_, small)| small).collect();
    show("10. drop the large one of each pair")?;

    detectors::memory::give_back();
    show("11. ask the allocator again")?;

    drop(kept);
    detectors::memory::give_back();
    show("12. drop the small ones too, and ask")?;
    // ANCHOR_END: steps

    Ok(())
}

/// A block that the program has written to, so that there are pages behind it.
#[expect(
    clippy::unnecessary_box_returns,
    reason = "the block is what this makes"
)]
fn written<const SIZE: usize>() -> Box<[u8; SIZE]> {
    Box::new(black_box([1; SIZE]))
}

/// In bytes.
struct Figures {
    address_space: usize,
    resident: usize,
    live: usize,
}

impl Figures {
    /// The kernel's two figures, and dhat's.
    fn read() -> std::io::Result<Self> {
        let live = dhat::HeapStats::get().curr_bytes;
        let statm = std::fs::read_to_string("/proc/self/statm")?;
        let mut pages = statm.split(' ').map(|figure| figure.parse().unwrap_or(0));
        // The kernel counts in pages of 4 kB here.
        let mut bytes = || pages.next().unwrap_or(0) * 4_096;
        Ok(Figures {
            address_space: bytes(),
            resident: bytes(),
            live,
        })
    }
}
