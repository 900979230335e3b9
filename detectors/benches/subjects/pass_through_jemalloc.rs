//! A subject of the allocator's benchmark: a wrapper that does nothing, around jemalloc. No other can cost less.

#[global_allocator]
static ALLOCATOR: allocator_workloads::PassThrough<tikv_jemallocator::Jemalloc> =
    allocator_workloads::PassThrough(tikv_jemallocator::Jemalloc);

fn main() {
    allocator_workloads::main(|_| ());
}
