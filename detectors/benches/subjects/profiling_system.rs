//! A subject of the allocator's benchmark: this library's allocator around the system's allocator.
mod mode;

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator<std::alloc::System> =
    detectors::ProfilingAllocator::new(std::alloc::System);

fn main() {
    allocator_workloads::main(mode::set);
}
