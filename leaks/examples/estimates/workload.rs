//! A service's memory in small: seven sites, whose blocks and counts differ as much as a service's do.

use std::hint::black_box;

pub(crate) type Block = Box<[u8]>;

/// A function that allocates, and what it keeps live.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) name: &'static str,
    /// How many blocks of how many bytes.
    pub(crate) keeps: &'static [(u32, u32)],
}

/// The smallest first.
pub(crate) const SITES: [Site; 7] = [
    Site {
        name: "sessions",
        keeps: &[(64, 1 << 10)],
    },
    Site {
        name: "pages",
        keeps: &[(64, 4 << 10)],
    },
    Site {
        name: "records",
        keeps: &[(4_096, 200)],
    },
    Site {
        name: "ids",
        keeps: &[(131_072, 16)],
    },
    Site {
        name: "documents",
        keeps: &[(16, 300 << 10)],
    },
    Site {
        name: "index",
        keeps: &[(1, 8 << 20)],
    },
    Site {
        name: "answers",
        keeps: &[(131_072, 64), (32, 256 << 10)],
    },
];

impl Site {
    /// Which site allocated by this stack: the functions' names, and the place in [`SITES`].
    pub(crate) fn of(functions: &[String]) -> Option<usize> {
        let is_here = |site: &Site| {
            let name = format!("::workload::{}", site.name);
            functions.iter().any(|function| function.ends_with(&name))
        };
        SITES.iter().position(is_here)
    }

    pub(crate) fn blocks(&self) -> u32 {
        self.keeps.iter().map(|(blocks, _)| blocks).sum()
    }

    pub(crate) fn bytes(&self) -> u64 {
        let bytes = |&(blocks, bytes)| u64::from(blocks) * u64::from(bytes);
        self.keeps.iter().map(bytes).sum()
    }
}

/// A holder with room for everything that [`serve`] keeps, so that it never grows while that is measured.
pub(crate) fn holder() -> Vec<Block> {
    let blocks: u32 = SITES.iter().map(Site::blocks).sum();
    Vec::with_capacity(blocks as usize)
}

/// Serves requests. Of each kind every second block is kept, and the other one is dropped at once.
pub(crate) fn serve(kept: &mut Vec<Block>) {
    const REQUESTS: u32 = 4_096;
    for request in 1..=REQUESTS {
        // Spread over the whole run, as requests of many kinds are.
        let each = |requests: u32| u32::from(request.is_multiple_of(requests));
        keep(kept, 32, |_| ids());
        keep(kept, 1, |_| records());
        keep(kept, each(64), |_| sessions());
        keep(kept, each(64), |_| pages());
        keep(kept, each(256), |_| documents());
        keep(kept, each(REQUESTS), |_| index());
        // In one loop, so that short and long ones come by the same stack.
        let short = 32;
        keep(kept, short + each(128), |number| {
            answers(if number < short { 64 } else { 256 << 10 })
        });
    }
}

fn keep(kept: &mut Vec<Block>, blocks: u32, make: impl Fn(u32) -> Block) {
    for number in 0..blocks {
        kept.push(make(number));
        drop(make(number));
    }
}

#[inline(never)]
fn sessions() -> Block {
    block(1 << 10)
}

#[inline(never)]
fn pages() -> Block {
    block(4 << 10)
}

#[inline(never)]
fn records() -> Block {
    block(200)
}

#[inline(never)]
fn ids() -> Block {
    block(16)
}

#[inline(never)]
fn documents() -> Block {
    block(300 << 10)
}

#[inline(never)]
fn index() -> Block {
    block(8 << 20)
}

/// One line, two sizes: many answers are short, and a few are long.
#[inline(never)]
fn answers(bytes: usize) -> Block {
    block(bytes)
}

#[expect(
    clippy::inline_always,
    reason = "the caller is then the function that allocates, whatever the build"
)]
#[inline(always)]
fn block(bytes: usize) -> Block {
    black_box(vec![0; bytes].into_boxed_slice())
}
