//! How far a sampled heap profile is from the truth, at four intervals.
//!
//! `cargo run --example estimates` prints the figures; `cargo run --example estimates -- estimates.svg` draws them too. The
//! samples of each profile begin from a seed of their own, so the output is the same each time.

mod plot;
mod sampled;
mod tables;
mod workload;

use sampled::{Names, Sampled};
use std::error::Error;
use workload::{SITES, Site};

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();

const INTERVALS: [u32; 4] = [4 << 10, 64 << 10, 512 << 10, 4 << 20];

fn main() -> Result<(), Box<dyn Error>> {
    let mut kept = workload::holder();
    let mut names = Names::default();
    let sampled = INTERVALS.map(|interval| Sampled::at(interval, &mut kept, &mut names));
    // Scopes come last: once there was one, every block costs more.
    let truth = sampled::truth(&mut kept, &mut names)?;
    if truth != SITES.each_ref().map(Site::bytes) {
        return Err(format!("the scope counts {truth:?}, which isn't what the sites keep").into());
    }
    let lost = detectors::allocator::stats().lost;
    if lost != detectors::allocator::Lost::default() {
        return Err(format!("samples found no room: {lost:?}").into());
    }

    // Go's interval, and ours unless told otherwise.
    let usual = &sampled[2];
    let tables = [
        tables::chances(usual.interval),
        tables::intervals(&sampled, &truth),
        tables::sites(usual, &truth),
        tables::average(usual),
    ];
    print!("{}", tables.join("\n"));
    if let Some(file) = std::env::args_os().nth(1) {
        std::fs::write(file, plot::draw(&sampled, &truth))?;
    }
    Ok(())
}
