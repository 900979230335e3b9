//! A subject of the allocator's benchmark: a profiling allocator around system.
mod mode;

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator<std::alloc::System> =
    detectors::ProfilingAllocator::new(std::alloc::System);

fn main() {
    allocator_workloads::main(mode::set);
}
