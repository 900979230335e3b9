//! Keeps a megabyte, and writes the heap profile that says who does: `allocator-alone FILE`.

use detectors::allocator::{self, stats};
use detectors::memory;

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();

#[inline(never)]
fn remember() -> Vec<Box<[u8]>> {
    (0..1_024).map(|_| vec![1; 1 << 10].into()).collect()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).ok_or("it takes a FILE")?;
    allocator::set_sampling_interval(Some(4 << 10));
    let before = stats().live_bytes;
    let remembered = remember();
    assert!(stats().live_bytes - before >= 1 << 20);
    allocator::profile()?.write(&file)?;
    if cfg!(target_os = "linux") {
        println!("{}", memory::Accounts::now()?);
        println!("{:?}", memory::Retention::find(1 << 30)?);
    }
    println!("{:?} gives back", memory::give_back());
    drop(remembered);
    Ok(())
}
