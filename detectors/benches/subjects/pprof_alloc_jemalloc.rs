//! A subject of the allocator's benchmark: pprof-alloc around jemalloc. It wants `PPROF_ALLOC_BACKEND=wrapper`, or the work is
//! left to jemalloc's own profiler.

#[global_allocator]
static ALLOCATOR: pprof_alloc::PprofAlloc = pprof_alloc::PprofAlloc::new()
    .with_default(pprof_alloc::Allocator::Jemalloc)
    .with_pprof();

fn main() {
    allocator_workloads::main(|_| ());
}
