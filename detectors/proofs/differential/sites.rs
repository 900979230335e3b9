//! Twenty places that allocate, each a function that stays one.

use std::alloc::Layout;
use std::hint::black_box;

/// A block, and the place that it came from.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) address: *mut u8,
    pub(crate) layout: Layout,
    pub(crate) site: usize,
}

// SAFETY: a block is its owner's alone, whichever thread that is.
unsafe impl Send for Block {}

/// What a site is asked to do.
#[derive(Debug, Clone, Copy)]
enum Step {
    Alloc(Layout),
    AllocZeroed(Layout),
    Realloc(*mut u8, Layout, usize),
}

macro_rules! sites {
    ($($name:ident)+) => {
        $(#[inline(never)]
        fn $name(step: Step) -> *mut u8 {
            // Its own name keeps it from being merged with its neighbours.
            black_box(stringify!($name));
            black_box(perform(black_box(step)))
        })+

        static SITES: &[fn(Step) -> *mut u8] = &[$($name),+];
    };
}

sites! {
    site_00 site_01 site_02 site_03 site_04 site_05 site_06 site_07 site_08 site_09
    site_10 site_11 site_12 site_13 site_14 site_15 site_16 site_17 site_18 site_19
}

fn perform(step: Step) -> *mut u8 {
    // SAFETY: sizes are not zero, and blocks come from here with the layout that is kept beside them.
    let address = unsafe {
        match step {
            Step::Alloc(layout) => std::alloc::alloc(layout),
            Step::AllocZeroed(layout) => std::alloc::alloc_zeroed(layout),
            Step::Realloc(block, layout, new_size) => std::alloc::realloc(block, layout, new_size),
        }
    };
    assert!(!address.is_null(), "there is memory for the test");
    address
}

pub(crate) fn count() -> usize {
    SITES.len()
}

impl Block {
    pub(crate) fn alloc(site: usize, layout: Layout, zeroed: bool) -> Self {
        let step = if zeroed {
            Step::AllocZeroed(layout)
        } else {
            Step::Alloc(layout)
        };
        let address = SITES[site](step);
        Block {
            address,
            layout,
            site,
        }
    }

    /// At the site `at`, which need not be the block's own.
    pub(crate) fn realloc(&mut self, at: usize, new_size: usize) {
        self.address = SITES[at](Step::Realloc(self.address, self.layout, new_size));
        self.layout =
            Layout::from_size_align(new_size, self.layout.align()).expect("it is small enough");
    }

    pub(crate) fn free(self) {
        // SAFETY: it is live, and has this layout.
        unsafe { std::alloc::dealloc(self.address, self.layout) };
    }
}
