//! A subject of the allocator's benchmark: a wrapper that does nothing, around the system's allocator. No other can cost less.

#[global_allocator]
static ALLOCATOR: allocator_workloads::PassThrough<std::alloc::System> =
    allocator_workloads::PassThrough(std::alloc::System);

fn main() {
    allocator_workloads::main(|_| ());
}
