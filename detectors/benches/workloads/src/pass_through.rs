//! An allocator that only forwards: what any wrapper costs at least.

use std::alloc::{GlobalAlloc, Layout};

/// Hands everything to the allocator inside it.
#[derive(Debug, Default, Clone, Copy)]
pub struct PassThrough<A>(pub A);

// SAFETY: each call goes as it came to an allocator that keeps the promises.
unsafe impl<A: GlobalAlloc> GlobalAlloc for PassThrough<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { self.0.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { self.0.dealloc(block, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { self.0.realloc(block, layout, new_size) }
    }
}
