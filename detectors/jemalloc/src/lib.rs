//! Tells [`detectors`] what jemalloc holds, and how to ask for it back.
//!
//! In a program whose global allocator is jemalloc, one line at its start:
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: detectors::ProfilingAllocator<tikv_jemallocator::Jemalloc> =
//!     detectors::ProfilingAllocator::new(tikv_jemallocator::Jemalloc);
//!
//! fn main() {
//!     detectors::memory::set_underlying(&detectors_jemalloc::Jemalloc);
//!     let held = detectors::memory::underlying().and_then(|allocator| allocator.figures());
//!     println!("{held:?}");
//! }
//! ```
//!
//! From there on [`Accounts`](detectors::memory::Accounts) tell live blocks, fragmentation and jemalloc's own tables apart;
//! [`Retention`](detectors::memory::Retention) tells pages whose time has run out from pages that are lazily freed; and
//! `/freememory` of `detectors::debug` purges.
//!
//! It is a package of its own because jemalloc is C, and whoever is on another allocator shouldn't compile it.
#![warn(missing_docs)]

use detectors::memory::{AllocatorFigures, Underlying};
use std::ffi::{CStr, CString};
use std::ptr::{from_mut, null_mut};
use tikv_jemalloc_sys::mallctl;

/// The allocator beneath a program that declares `tikv_jemallocator::Jemalloc`: see
/// [`set_underlying`](detectors::memory::set_underlying).
///
/// Figures are jemalloc's own: <https://jemalloc.net/jemalloc.3.html>, section *mallctl namespace*.
#[derive(Debug, Clone, Copy)]
pub struct Jemalloc;

impl Underlying for Jemalloc {
    fn name(&self) -> &'static str {
        "jemalloc"
    }

    fn figures(&self) -> Option<AllocatorFigures> {
        // Its figures stand still until the epoch is moved on.
        let _: u64 = exchange(c"epoch", Some(1))?;
        let figure = |name| exchange::<usize>(name, None).map(|bytes| bytes as u64);
        let in_use = figure(c"stats.allocated")?;
        let mut figures = AllocatorFigures::new(figure(c"stats.resident")?, in_use);
        figures.metadata = figure(c"stats.metadata");
        figures.fragmentation = figure(c"stats.active").map(|active| active.saturating_sub(in_use));
        Some(figures)
    }

    fn decay(&self) -> Option<&'static str> {
        call(c"arena.4096.decay").then_some("arena.decay")
    }

    fn purge(&self) -> Option<&'static str> {
        call(c"arena.4096.purge").then_some("arena.purge")
    }

    fn how_to_run_timers(&self) -> Option<&'static str> {
        Some("background_thread:true in _RJEM_MALLOC_CONF")
    }

    fn how_to_free_at_once(&self) -> Option<&'static str> {
        Some("muzzy_decay_ms:0 in _RJEM_MALLOC_CONF")
    }
}

/// The same allocator, which when asked gives pages back in the way that jemalloc is configured for.
///
/// [`Jemalloc`] purges: asked, it returns every free page at once, by `MADV_DONTNEED`. `AsConfigured` has jemalloc apply its own rule to every
/// dirty page, as if the page's time had come. Where `muzzy_decay_ms` isn't 0, that is `MADV_FREE`: the pages are given up, and stay in the
/// resident figure until the system takes them. A Go program of the versions 1.12 to 1.15 answers `debug.FreeOSMemory()` in this way.
#[derive(Debug, Clone, Copy)]
pub struct AsConfigured;

impl Underlying for AsConfigured {
    fn name(&self) -> &'static str {
        Jemalloc.name()
    }

    fn figures(&self) -> Option<AllocatorFigures> {
        Jemalloc.figures()
    }

    fn decay(&self) -> Option<&'static str> {
        Jemalloc.decay()
    }

    fn purge(&self) -> Option<&'static str> {
        let arenas: u32 = exchange(c"arenas.narenas", None)?;
        let mut were_asked = false;
        for arena in 0..arenas {
            let name = CString::new(format!("arena.{arena}.dirty_decay_ms")).ok()?;
            // A time of 0 makes all dirty pages of the arena due, and jemalloc gives up what is due at once. An arena that no thread has
            // used yet has no time, and no pages.
            if let Some(time) = exchange(&name, Some(0_isize)) {
                were_asked |= exchange(&name, Some(time)).is_some();
            }
        }
        were_asked.then_some("arena.dirty_decay_ms")
    }

    fn how_to_run_timers(&self) -> Option<&'static str> {
        Jemalloc.how_to_run_timers()
    }

    fn how_to_free_at_once(&self) -> Option<&'static str> {
        Jemalloc.how_to_free_at_once()
    }
}

/// Reads a value by its name, and sets it when there is a new one. `None` when this build of jemalloc doesn't have it.
fn exchange<T: Copy + Default>(name: &CStr, new: Option<T>) -> Option<T> {
    let (mut old, mut length) = (T::default(), size_of::<T>());
    let mut new = new;
    let (new, new_length) = match &mut new {
        Some(new) => (from_mut(new).cast(), size_of::<T>()),
        None => (null_mut(), 0),
    };
    let old_at = from_mut(&mut old).cast();
    // SAFETY: the name ends with a zero, both values are as long as is said, and jemalloc refuses a length that isn't its own.
    let refused = unsafe { mallctl(name.as_ptr(), old_at, &raw mut length, new, new_length) };
    (refused == 0 && length == size_of::<T>()).then_some(old)
}

/// Does what the name says, in all arenas: 4096 stands for each of them (`MALLCTL_ARENAS_ALL`).
fn call(name: &CStr) -> bool {
    // SAFETY: the name ends with a zero, and these calls take and give nothing.
    0 == unsafe { mallctl(name.as_ptr(), null_mut(), null_mut(), null_mut(), 0) }
}
