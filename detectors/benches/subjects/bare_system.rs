//! A subject of the allocator's benchmark: the system's allocator, bare.

#[global_allocator]
static ALLOCATOR: std::alloc::System = std::alloc::System;

fn main() {
    allocator_workloads::main(|_| ());
}
