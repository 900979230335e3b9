//! A subject of the allocator's benchmark: this library's allocator around jemalloc.
mod mode;

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator<tikv_jemallocator::Jemalloc> =
    detectors::ProfilingAllocator::new(tikv_jemallocator::Jemalloc);

fn main() {
    allocator_workloads::main(mode::set);
}
