//! A subject of the allocator's benchmark: pprof-alloc around the system's allocator, at its default of 512 KiB.

#[global_allocator]
static ALLOCATOR: pprof_alloc::PprofAlloc = pprof_alloc::PprofAlloc::new().with_pprof();

fn main() {
    allocator_workloads::main(|_| ());
}
