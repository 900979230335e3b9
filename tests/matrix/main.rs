//! Every chapter through every instrument, by the profiling allocator: the verdict and the class are right, and nothing accuses
//! what is mended.

mod chart;
mod harness;
mod rows;

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();

/// Whether the class must be told, and not only never a wrong one.
const TELLS_CLASSES: bool = true;

fn main() -> std::process::ExitCode {
    rows::main()
}
