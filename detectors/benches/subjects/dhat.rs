//! A subject of the allocator's benchmark: dhat with its profiler on, around the system's allocator, the only one it wraps.

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

fn main() {
    let _profiler = dhat::Profiler::builder().testing().build();
    allocator_workloads::main(|_| ());
}
