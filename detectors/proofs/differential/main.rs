//! dhat is the witness: whatever a process allocates, our scope and dhat count the same, to the byte, in total and by site.
//!
//! Both are at work at once, so that there is no other run to differ from: dhat is the allocator that the profiling one wraps.
//! A process for each test, since dhat and a scope of the process count everything in it.

mod both;
#[path = "../random.rs"]
mod random;
mod real;
mod sequences;
mod sites;

use detectors::ProfilingAllocator;
use detectors::allocator::uncounted;
use std::alloc::{GlobalAlloc, Layout};

#[global_allocator]
static ALLOCATOR: ProfilingAllocator<Quiet> = ProfilingAllocator::new(Quiet);

/// dhat, whose own tables come from the global allocator too and are no part of the program's heap.
#[derive(Debug)]
struct Quiet;

// SAFETY: every call is passed on to an allocator, with what it was given.
unsafe impl GlobalAlloc for Quiet {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        uncounted(|| unsafe { dhat::Alloc.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        uncounted(|| unsafe { dhat::Alloc.alloc_zeroed(layout) })
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        uncounted(|| unsafe { dhat::Alloc.dealloc(block, layout) });
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        uncounted(|| unsafe { dhat::Alloc.realloc(block, layout, new_size) })
    }
}

detectors::tests! {
    fn one_thread() {
        sequences::one_thread();
    }

    fn threads_that_take_turns() {
        sequences::threads_that_take_turns();
    }

    fn threads_at_once() {
        sequences::threads_at_once();
    }

    fn after_a_threads_variables_are_gone() {
        sequences::after_a_threads_variables_are_gone();
    }

    fn while_blocks_are_sampled() {
        sequences::while_blocks_are_sampled();
    }

    fn json_is_parsed_and_written() {
        real::json();
    }

    fn a_client_asks_a_server() {
        real::requests();
    }

    fn text_is_searched() {
        real::regular_expressions();
    }

    fn data_is_compressed() {
        real::compression();
    }
}
