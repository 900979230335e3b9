//! Blocks that are lists of wakers: what waits, and hasn't been woken.
//!
//! A waker is two words: what its functions are given, and the address of a table of four functions. A `Box<dyn Fn()>` is two words as
//! well, but its table has a size and an alignment between functions. A `Bytes` has a table of functions alone, so what tells is what
//! the functions are called: those of a waker's table wake. Those of the standard library's waker that does nothing have no names,
//! so that one isn't known.

/// What a list of wakers is called, as a queue.
pub(super) const QUEUE: &str = "wakers";

/// Fewer in a block are no list: a future or a channel has one or two.
const FEWEST: u32 = 8;

const WAKER_BYTES: usize = 2 * size_of::<usize>();

/// So large a share of a list is wakers, at least: it may have doubled a moment ago, and each may have a number beside it.
const LEAST_SHARE: usize = 4;

/// Whether a block of this size may be a list of wakers.
pub(super) fn may_be_list(size: usize) -> bool {
    size >= FEWEST as usize * WAKER_BYTES
}

/// Whether a function is a waker's, by its name.
pub(super) fn wakes(name: &str) -> bool {
    name.contains("wake")
}

/// Whether most of these blocks' bytes are in lists of wakers. Each block: its size, and the wakers in it.
pub(super) fn are_lists(blocks: impl Iterator<Item = (usize, u32)>) -> bool {
    let (mut all, mut of_lists) = (0, 0);
    for (size, wakers) in blocks {
        all += size;
        let is_list = wakers >= FEWEST && LEAST_SHARE * wakers as usize * WAKER_BYTES >= size;
        of_lists += if is_list { size } else { 0 };
    }
    all > 0 && 2 * of_lists >= all
}

#[cfg(test)]
mod tests {
    use super::are_lists;

    #[test]
    fn a_list_is_mostly_wakers() {
        assert!(are_lists([(65_536, 2_100)].into_iter()));
        assert!(are_lists([(32_768, 600), (64, 0)].into_iter()));
        assert!(!are_lists([(65_536, 100)].into_iter()), "a large future");
        assert!(!are_lists([(48, 1), (48, 1)].into_iter()), "what has one");
        assert!(!are_lists([].into_iter()));
    }
}
