//! A subject of the allocator's benchmark: jemalloc, bare, as pprof-alloc compiles it.

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    allocator_workloads::main(|_| ());
}
