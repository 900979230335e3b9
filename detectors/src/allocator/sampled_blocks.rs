//! The sampled blocks that are live, with their sizes.
//!
//! A sample doesn't keep its block's size: whoever frees the block brings it. What a site's samples stand for together gives the size
//! back where all of them are of one size: one table, or the shards of one.

use super::sampling::{SAMPLES, weight};
use super::stacks::sites::SITES;
use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;

/// Live sampled blocks of one site, which are all of one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SampledBlocks {
    /// The site's number, which stays the same.
    pub(crate) site: usize,
    /// Where each begins. It may be freed by the time that this is read.
    pub(crate) starts: Vec<usize>,
    /// The sizes that one of them may have, in bytes: mostly one, and never more than a few.
    pub(crate) sizes: Vec<usize>,
}

/// Those of which each is at least so large. A site whose blocks come and go just then may be missing.
pub(crate) fn sampled_blocks(bytes_min: usize) -> Vec<SampledBlocks> {
    let mut by_site: HashMap<usize, (Vec<usize>, usize)> = HashMap::new();
    SAMPLES.each(|address, sample| {
        let (starts, interval) = by_site.entry(sample.site as usize).or_default();
        starts.push(address);
        // Of samples at several intervals none is told.
        *interval = match *interval {
            0 => sample.interval(),
            same if same == sample.interval() => same,
            _ => usize::MAX,
        };
    });
    let of_site = |(site, (starts, interval)): (usize, (Vec<usize>, usize))| {
        let counted = &SITES.get(site)?.counted;
        let freed = counted.free_bytes.load(Relaxed);
        let live = counted.alloc_bytes.load(Relaxed).saturating_sub(freed);
        let sizes = sizes_of(live, starts.len() as u64, interval);
        let is_large = sizes.first().is_some_and(|size| *size >= bytes_min);
        is_large.then_some(SampledBlocks {
            site,
            starts,
            sizes,
        })
    };
    by_site.into_iter().filter_map(of_site).collect()
}

/// The stack of a site, innermost first.
pub(crate) fn stack_of(site: usize) -> &'static [usize] {
    SITES.get(site).map_or(&[], |site| site.frames())
}

/// The sizes that each of so many blocks may have, if all have one: those whose samples stand for as much together.
fn sizes_of(bytes: u64, blocks: u64, interval: usize) -> Vec<usize> {
    /// Within these a weight rises by less than a byte for a byte.
    const AT_MOST: usize = 4;
    if blocks == 0 || !bytes.is_multiple_of(blocks) || interval == usize::MAX {
        return Vec::new();
    }
    let each = bytes / blocks;
    let stands_for = |size: usize| weight(size, interval).1;
    // A block stands for itself at least.
    let (mut low, mut high) = (0, usize::try_from(each).unwrap_or(usize::MAX));
    while low < high {
        let middle = low + (high - low) / 2;
        if stands_for(middle) < each {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let fitting = (low..low + AT_MOST).take_while(|size| stands_for(*size) == each);
    fitting.collect()
}

#[cfg(test)]
mod tests {
    use super::{sizes_of, weight};

    #[test]
    fn a_size_is_given_back_by_what_its_samples_stand_for() {
        const INTERVAL: usize = 512 << 10;
        for size in [300_000, 1_114_128, 8_912_912, 17_825_808, 71_303_184] {
            for blocks in [1, 3, 16] {
                let told = blocks * weight(size, INTERVAL).1;
                let sizes = sizes_of(told, blocks, INTERVAL);
                assert!(sizes.contains(&size), "{size} x {blocks}: {sizes:?}");
                assert!(sizes.len() < 4, "{sizes:?}");
            }
        }
        let of_two = weight(300_000, INTERVAL).1 + weight(300_001, INTERVAL).1 + 1;
        assert!(!sizes_of(of_two, 2, INTERVAL).contains(&300_002));
        assert!(sizes_of(7, 2, INTERVAL).is_empty(), "not all of one size");
        assert!(sizes_of(0, 0, INTERVAL).is_empty());
    }
}
