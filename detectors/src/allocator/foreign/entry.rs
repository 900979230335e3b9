//! What the program's symbols call: the C library's own function, and a note of what it gave.
//!
//! Each has its C library's contract. A block is forgotten before it goes, since its address may be another's at once.
#![allow(
    clippy::missing_safety_doc,
    reason = "the contract is the C library's, and only the program's own symbols call these"
)]

use super::{By, IS_CALLED, forget, gone, is_noted, maps, record};
use crate::allocator::scope;
use libc::{c_int, c_void};
use std::ptr::null_mut;
use std::sync::atomic::Ordering::Relaxed;

unsafe extern "C" {
    fn __libc_malloc(size: usize) -> *mut c_void;
    fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
    fn __libc_realloc(block: *mut c_void, size: usize) -> *mut c_void;
    fn __libc_free(block: *mut c_void);
    fn __libc_memalign(alignment: usize, size: usize) -> *mut c_void;
}

/// The program's own symbols, whose frames end what is C's of a stack. Those that `libc` doesn't declare.
mod program {
    use libc::c_void;

    unsafe extern "C" {
        pub(super) fn valloc(size: usize) -> *mut c_void;
        pub(super) fn pvalloc(size: usize) -> *mut c_void;
    }
}

/// The address of a function.
macro_rules! address {
    ($function:path) => {
        $function as *const () as usize
    };
}

/// Notes what was given, where it was given to C.
#[inline]
fn given(block: *mut c_void, size: usize, entry: usize) -> *mut c_void {
    if is_noted() && !block.is_null() {
        record(block.addr(), size, By::Malloc, entry);
    }
    block
}

#[inline]
pub unsafe fn malloc(size: usize) -> *mut c_void {
    if !IS_CALLED.load(Relaxed) {
        IS_CALLED.store(true, Relaxed);
    }
    // SAFETY: the caller's promise.
    given(unsafe { __libc_malloc(size) }, size, address!(libc::malloc))
}

#[inline]
pub unsafe fn calloc(count: usize, size: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    let block = unsafe { __libc_calloc(count, size) };
    given(block, count.saturating_mul(size), address!(libc::calloc))
}

#[inline]
pub unsafe fn free(block: *mut c_void) {
    if is_noted() && !block.is_null() {
        forget(block.addr());
    }
    // SAFETY: the caller's promise.
    unsafe { __libc_free(block) }
}

#[inline]
pub unsafe fn realloc(block: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { move_to(block, size, address!(libc::realloc)) }
}

#[inline]
pub unsafe fn reallocarray(block: *mut c_void, count: usize, size: usize) -> *mut c_void {
    let Some(size) = count.checked_mul(size) else {
        set_error(libc::ENOMEM);
        return null_mut();
    };
    // SAFETY: the caller's promise.
    unsafe { move_to(block, size, address!(libc::reallocarray)) }
}

unsafe fn move_to(block: *mut c_void, size: usize, entry: usize) -> *mut c_void {
    if !is_noted() {
        // SAFETY: the caller's promise.
        return unsafe { __libc_realloc(block, size) };
    }
    if block.is_null() {
        // SAFETY: the caller's promise.
        return given(unsafe { __libc_realloc(block, size) }, size, entry);
    }
    let before = scope::lift_noted(block.addr());
    // SAFETY: the caller's promise.
    let moved = unsafe { __libc_realloc(block, size) };
    match before {
        // No size gives it back.
        Some(before) if moved.is_null() && size == 0 => gone(before),
        Some(before) if moved.is_null() => before.put_back(block.addr()),
        _ if moved.is_null() => {}
        _ => super::moved(before, moved.addr(), size, By::Malloc, entry),
    }
    moved
}

#[inline]
pub unsafe fn posix_memalign(place: *mut *mut c_void, alignment: usize, size: usize) -> c_int {
    if !alignment.is_power_of_two() || !alignment.is_multiple_of(size_of::<usize>()) {
        return libc::EINVAL;
    }
    // SAFETY: the caller's promise.
    let block = unsafe { __libc_memalign(alignment, size) };
    if block.is_null() {
        return libc::ENOMEM;
    }
    given(block, size, address!(libc::posix_memalign));
    // SAFETY: the caller's promise: there is room for an address.
    unsafe { *place = block };
    0
}

#[inline]
pub unsafe fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    let block = unsafe { __libc_memalign(alignment, size) };
    given(block, size, address!(libc::aligned_alloc))
}

#[inline]
pub unsafe fn memalign(alignment: usize, size: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    let block = unsafe { __libc_memalign(alignment, size) };
    given(block, size, address!(libc::memalign))
}

#[inline]
pub unsafe fn valloc(size: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    let block = unsafe { __libc_memalign(page_size(), size) };
    given(block, size, address!(program::valloc))
}

#[inline]
pub unsafe fn pvalloc(size: usize) -> *mut c_void {
    let Some(size) = size.max(1).checked_next_multiple_of(page_size()) else {
        set_error(libc::ENOMEM);
        return null_mut();
    };
    // SAFETY: the caller's promise.
    let block = unsafe { __libc_memalign(page_size(), size) };
    given(block, size, address!(program::pvalloc))
}

fn page_size() -> usize {
    rustix::param::page_size()
}

fn set_error(number: c_int) {
    // SAFETY: the C library gives a thread the address of its own error number.
    unsafe { *libc::__errno_location() = number };
}

/// The kernel is asked without the C library, whose own function of this name is hidden by the program's.
#[inline]
pub unsafe fn mmap(
    at: *mut c_void,
    length: usize,
    rights: c_int,
    flags: c_int,
    file: c_int,
    offset: i64,
) -> *mut c_void {
    // SAFETY: the caller's promise.
    let given = unsafe { libc::syscall(libc::SYS_mmap, at, length, rights, flags, file, offset) };
    if given != -1 && is_noted() {
        let asked = maps::Asked { rights, flags };
        maps::mapped(place(given).addr(), length, asked, address!(libc::mmap));
    }
    place(given)
}

#[inline]
pub unsafe fn mmap64(
    at: *mut c_void,
    length: usize,
    rights: c_int,
    flags: c_int,
    file: c_int,
    offset: i64,
) -> *mut c_void {
    // SAFETY: the caller's promise.
    let given = unsafe { libc::syscall(libc::SYS_mmap, at, length, rights, flags, file, offset) };
    if given != -1 && is_noted() {
        let asked = maps::Asked { rights, flags };
        maps::mapped(place(given).addr(), length, asked, address!(libc::mmap64));
    }
    place(given)
}

#[inline]
pub unsafe fn munmap(at: *mut c_void, length: usize) -> c_int {
    // Another thread may have the addresses at once, so the note goes first; and comes back where the kernel refuses.
    let noted = is_noted().then(|| maps::lift(at.addr(), length));
    // SAFETY: the caller's promise.
    let refused = unsafe { libc::syscall(libc::SYS_munmap, at, length) };
    if let Some(noted) = noted {
        maps::unmapped(noted, refused == 0);
    }
    if refused == 0 { 0 } else { -1 }
}

#[inline]
pub unsafe fn mremap(
    at: *mut c_void,
    length: usize,
    wanted: usize,
    flags: c_int,
    new_at: *mut c_void,
) -> *mut c_void {
    let before = is_noted().then(|| scope::lift_noted(at.addr()));
    // SAFETY: the caller's promise. Without a fixed place the kernel doesn't look at the last word, which the caller may not have given.
    let given = unsafe { libc::syscall(libc::SYS_mremap, at, length, wanted, flags, new_at) };
    match before {
        None | Some(None) if given == -1 => {}
        None => {}
        Some(Some(before)) if given == -1 => before.put_back(at.addr()),
        Some(before) => {
            let pages = maps::whole_pages(wanted);
            super::moved(
                before,
                place(given).addr(),
                pages,
                By::Mmap,
                address!(libc::mremap),
            );
        }
    }
    place(given)
}

/// An address, as the kernel gives it.
fn place(given: libc::c_long) -> *mut c_void {
    std::ptr::with_exposed_provenance_mut(usize::from_ne_bytes(given.to_ne_bytes()))
}
