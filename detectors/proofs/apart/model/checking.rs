//! An inner allocator that checks what it is asked, and refuses some of it.

use crate::random::Random;
use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::HashMap;
use std::ptr::null_mut;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What it does is the same for every value of the type.
#[derive(Debug)]
pub(crate) struct Checking;

#[derive(Debug)]
struct State {
    live: Option<HashMap<usize, Layout>>,
    /// Of so many requests one is refused; 0 for none.
    refuse_one_in: usize,
    random: Option<Random>,
    /// The next request is refused, once this is done.
    refuse_after: Option<fn()>,
    /// Pages to take blocks from instead of the system's, if there are any left.
    pages: usize,
    pages_end: usize,
}

static STATE: Mutex<State> = Mutex::new(State {
    live: None,
    refuse_one_in: 0,
    random: None,
    refuse_after: None,
    pages: 0,
    pages_end: 0,
});

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Checking {
    /// From here on, one of so many requests is refused; 0 for none.
    pub(crate) fn refuse_one_in(requests: usize, seed: u64) {
        let mut state = state();
        state.refuse_one_in = requests;
        state.random = Some(Random::new(seed));
    }

    /// Refuses the next request, after doing that.
    pub(crate) fn refuse_after(work: fn()) {
        state().refuse_after = Some(work);
    }

    /// From here on, blocks come from fresh addresses of these, one behind the other.
    pub(crate) fn take_from(pages: &'static [u8]) {
        let mut state = state();
        state.pages = pages.as_ptr().expose_provenance();
        state.pages_end = state.pages + pages.len();
    }

    /// Blocks that were asked for and not given back.
    pub(crate) fn live() -> usize {
        state().live.as_ref().map_or(0, HashMap::len)
    }
}

/// Whether the next request is refused by [`Checking::refuse_after`].
fn refuses_after_work() -> bool {
    let work = state().refuse_after.take();
    work.map(|work| work()).is_some()
}

impl State {
    fn refuses(&mut self) -> bool {
        let one_in = self.refuse_one_in;
        one_in > 0
            && self
                .random
                .as_mut()
                .is_some_and(|random| random.below(one_in) == 0)
    }

    fn place(&mut self, layout: Layout) -> *mut u8 {
        if self.pages_end > 0 {
            let at = self.pages.next_multiple_of(layout.align());
            assert!(at + layout.size() <= self.pages_end, "the pages are enough");
            self.pages = at + layout.size();
            return std::ptr::with_exposed_provenance_mut(at);
        }
        // SAFETY: the size isn't zero, which `GlobalAlloc`'s callers promise.
        unsafe { System.alloc(layout) }
    }

    fn keep(&mut self, block: *mut u8, layout: Layout) {
        let others = self
            .live
            .get_or_insert_default()
            .insert(block.addr(), layout);
        assert_eq!(others, None, "a live block is given once");
    }

    fn let_go(&mut self, block: *mut u8, layout: Layout) {
        let known = self.live.get_or_insert_default().remove(&block.addr());
        assert_eq!(
            known,
            Some(layout),
            "a block goes back with the layout that it came with"
        );
    }
}

/// What a block holds that nobody has written to, and one that is gone.
const JUNK: u8 = 0xa5;

/// More of a block needs no junk to be found out.
const JUNK_MAX: usize = 1 << 12;

// SAFETY: every block comes from `System`, or from pages of its own, with the asked layout.
unsafe impl GlobalAlloc for Checking {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if refuses_after_work() {
            return null_mut();
        }
        let mut state = state();
        if state.refuses() {
            return null_mut();
        }
        let block = state.place(layout);
        state.keep(block, layout);
        if state.pages_end == 0 {
            // SAFETY: within the fresh block.
            unsafe { block.write_bytes(JUNK, layout.size().min(JUNK_MAX)) };
        }
        block
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        let block = unsafe { self.alloc(layout) };
        if !block.is_null() {
            // SAFETY: within the fresh block.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let mut state = state();
        state.let_go(block, layout);
        if state.pages_end == 0 {
            // SAFETY: the caller gives the block back; it has this layout, as was checked.
            unsafe {
                block.write_bytes(JUNK, layout.size().min(JUNK_MAX));
                System.dealloc(block, layout);
            }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if refuses_after_work() {
            return null_mut();
        }
        let mut state = state();
        assert_eq!(state.pages_end, 0, "no test reallocates in these pages");
        if state.refuses() {
            return null_mut();
        }
        state.let_go(block, layout);
        // SAFETY: the caller's promise; it has this layout, as was checked.
        let moved = unsafe { System.realloc(block, layout, new_size) };
        assert!(!moved.is_null(), "there is memory for the test");
        let new_layout =
            Layout::from_size_align(new_size, layout.align()).expect("the caller's promise");
        state.keep(moved, new_layout);
        moved
    }
}
