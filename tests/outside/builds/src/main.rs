//! Watches each case and prints what was told: a line of JSON each. `builds FOLDER` keeps profiles there, as a service would give them.

mod shop;

use detectors::{Evidence, Watch};
use shop::Shop;

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
    Ok(())
}
