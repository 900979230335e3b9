//! The instrument's own memory: from the system's allocator, whatever the program uses, so that it neither counts itself
//! nor waits for the allocator that it wraps.

use super::foreign::Beneath;
use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

static HELD: AtomicU64 = AtomicU64::new(0);

/// The part of it that the kernel was asked for, and not the C library.
static MAPPED: AtomicU64 = AtomicU64::new(0);

/// Bytes that the instrument holds; of large tables the kernel backs only what was touched.
pub(super) fn held() -> u64 {
    HELD.load(Relaxed)
}

/// How much of what the instrument holds is in maps of its own, and how much came from the C library's heap.
pub(crate) fn mapped_and_in_c() -> (u64, u64) {
    let mapped = MAPPED.load(Relaxed);
    (mapped, held().saturating_sub(mapped))
}

/// A value in memory of its own; `None` when the system has none left.
pub(super) fn make<T>(value: T) -> Option<NonNull<T>> {
    let place = bytes(Layout::new::<T>())?.cast::<T>();
    // SAFETY: fresh memory of that type's layout, which nobody else knows.
    unsafe { place.write(value) };
    Some(place)
}

/// Frees what [`make`] gave, without dropping it.
///
/// # Safety
///
/// `value` came from [`make`], and nobody uses it any more.
pub(super) unsafe fn free<T>(value: NonNull<T>) {
    let _beneath = Beneath::enter();
    let layout = Layout::new::<T>();
    HELD.fetch_sub(layout.size() as u64, Relaxed);
    // SAFETY: the caller's promise; `make` used this layout.
    unsafe { System.dealloc(value.as_ptr().cast(), layout) };
}

/// Zeroed memory; large pieces are given by the kernel page by page, as they are touched.
pub(super) fn zeroed(layout: Layout) -> Option<NonNull<u8>> {
    let _beneath = Beneath::enter();
    debug_assert!(layout.size() > 0);
    let place = if is_mapped(layout) {
        let place = map(layout.size())?;
        MAPPED.fetch_add(layout.size() as u64, Relaxed);
        place
    } else {
        // SAFETY: no layout here has size zero.
        NonNull::new(unsafe { System.alloc_zeroed(layout) })?
    };
    HELD.fetch_add(layout.size() as u64, Relaxed);
    Some(place)
}

/// Whether it is a map of its own.
///
/// A table of owners is as large as the addresses that it covers. glibc puts it into the heap when it is told to, or once the
/// program has freed a larger block that was mapped; there it pushes the next block out of what it covers, and that one wants
/// another table.
fn is_mapped(layout: Layout) -> bool {
    const LARGE_BYTES: usize = 1 << 20;
    cfg!(unix) && layout.size() >= LARGE_BYTES
}

#[cfg(unix)]
fn map(size: usize) -> Option<NonNull<u8>> {
    // SAFETY: asks for memory at an address that the kernel chooses.
    let place = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            size,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANON,
            -1,
            0,
        )
    };
    let place = NonNull::new(place).filter(|place| place.as_ptr() != libc::MAP_FAILED)?;
    // It is touched here and there. Where the kernel gives huge pages unasked, each touch would cost two megabytes.
    // SAFETY: it was mapped with this size above. A kernel without huge pages refuses, and nothing is lost.
    #[cfg(target_os = "linux")]
    unsafe {
        libc::madvise(place.as_ptr(), size, libc::MADV_NOHUGEPAGE)
    };
    Some(place.cast())
}

#[cfg(not(unix))]
fn map(_size: usize) -> Option<NonNull<u8>> {
    None
}

/// Memory of any content.
pub(super) fn bytes(layout: Layout) -> Option<NonNull<u8>> {
    let _beneath = Beneath::enter();
    debug_assert!(layout.size() > 0 && !is_mapped(layout));
    // SAFETY: no layout here has size zero.
    let place = NonNull::new(unsafe { System.alloc(layout) })?;
    HELD.fetch_add(layout.size() as u64, Relaxed);
    Some(place)
}

/// Frees what [`bytes`] or [`zeroed`] gave.
///
/// # Safety
///
/// `place` came from one of them with this layout, and nobody uses it any more.
pub(super) unsafe fn free_bytes(place: NonNull<u8>, layout: Layout) {
    let _beneath = Beneath::enter();
    HELD.fetch_sub(layout.size() as u64, Relaxed);
    #[cfg(unix)]
    if is_mapped(layout) {
        MAPPED.fetch_sub(layout.size() as u64, Relaxed);
        // SAFETY: the caller's promise; `zeroed` mapped it with this size. Nothing can be done if the kernel keeps it.
        unsafe { libc::munmap(place.as_ptr().cast(), layout.size()) };
        return;
    }
    // SAFETY: the caller's promise.
    unsafe { System.dealloc(place.as_ptr(), layout) };
}

#[cfg(all(test, target_os = "linux", not(miri)))]
mod tests {
    use super::{free_bytes, zeroed};
    use std::alloc::Layout;
    use std::path::Path;

    #[test]
    fn a_large_table_is_not_backed_by_huge_pages() {
        if !Path::new("/sys/kernel/mm/transparent_hugepage").exists() {
            eprintln!("this kernel has no huge pages");
            return;
        }
        let layout = Layout::array::<u8>(4 << 20).expect("it fits");
        let place = zeroed(layout).expect("the kernel has four megabytes");
        let address = place.as_ptr().addr();
        let maps = std::fs::read_to_string("/proc/self/smaps").expect("Linux tells");
        let mut is_inside = false;
        let flags = maps.lines().find(|line| {
            let range = line
                .split_once(' ')
                .and_then(|(range, _)| range.split_once('-'));
            let number = |text| usize::from_str_radix(text, 16).ok();
            if let Some((start, end)) =
                range.and_then(|(start, end)| number(start).zip(number(end)))
            {
                is_inside = (start..end).contains(&address);
            }
            is_inside && line.starts_with("VmFlags:")
        });
        assert!(
            flags.is_some_and(|flags| flags.contains(" nh")),
            "{flags:?}"
        );
        // SAFETY: it came from `zeroed` with this layout, and nobody else knows it.
        unsafe { free_bytes(place, layout) };
    }
}

/// Memory that is held for a worse moment, and never touched before: it is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Reserve {
    place: NonNull<u8>,
    layout: Layout,
}

// SAFETY: nobody reads or writes there.
unsafe impl Send for Reserve {}

impl Reserve {
    /// `None` when the system doesn't have that many bytes left.
    pub(crate) fn new(bytes: usize) -> Option<Self> {
        let layout = Layout::from_size_align(bytes, 1).ok()?;
        let place = zeroed(layout)?;
        Some(Reserve { place, layout })
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        // SAFETY: it came with this layout, and nobody else knows of it.
        unsafe { free_bytes(self.place, self.layout) };
    }
}
