//! Watches each case and prints what was told: a line of JSON each. `builds FOLDER` keeps profiles there, as a service would give them.

#[cfg(feature = "debug")]
mod port;
mod shop;

use detectors::{Evidence, Watch, contention};
use shop::Shop;
use std::sync::Arc;
use std::time::Duration;

#[cfg(not(feature = "dhat"))]
#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();

#[cfg(feature = "dhat")]
#[global_allocator]
static ALLOCATOR: detectors::DhatAllocator = detectors::DhatAllocator;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("it takes a FOLDER")?;
    let folder = std::path::Path::new(&folder);
    #[cfg(not(feature = "dhat"))]
    detectors::allocator::set_sampling_interval(Some(512));
    let cases: [(&str, fn()); 4] = [
        ("own", || Shop.visit("shop.example")),
        ("registry", || Shop.asks_a_registry()),
        ("vendored", || Shop.asks_the_vendored()),
        ("path", || Shop.asks_the_neighbour()),
    ];
    for (name, case) in cases {
        let evidence: Evidence = Watch::new(name).run(|| move || case());
        if let Err(failure) = evidence.check_steady() {
            eprintln!("{failure}");
        }
        evidence.write(folder.join(name))?;
    }
    #[cfg(not(feature = "dhat"))]
    detectors::allocator::profile()?.write(folder.join("heap.pb.gz"))?;
    waits()?;
    contention::block_profile().write(folder.join("block.pb.gz"))?;
    #[cfg(feature = "debug")]
    port::cpu_profile(&folder.join("cpu.pb.gz"))?;
    Ok(())
}

/// Has a thread wait for a lock. It may come late and find the lock free: then once more.
fn waits() -> Result<(), Box<dyn std::error::Error>> {
    let lock = Arc::new(contention::Mutex::new(()));
    while contention::block_profile().total("contentions")? == 0 {
        let held = lock.lock().map_err(|_| "nobody panics")?;
        let waiter = Arc::clone(&lock);
        let waiter = std::thread::spawn(move || Shop.waits(&waiter));
        std::thread::sleep(Duration::from_millis(1));
        drop(held);
        waiter.join().map_err(|_| "it doesn't panic")?;
    }
    Ok(())
}
