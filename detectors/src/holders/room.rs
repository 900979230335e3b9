//! How much of a block its holder uses, guessed from the words beside the pointer.
//!
//! A vector is three words: pointer, capacity and length. A hash table is a pointer to its control bytes, the number of its
//! buckets less one, and how many entries it has. Their order is the compiler's business, so all are looked for.

/// Of this share at most, a room counts as unused.
const USED_AT_MOST: usize = 4;

/// Bytes that a hash table reads at once: so many control bytes stand behind the last bucket's.
const GROUP_BYTES: usize = 16;

/// Whether words beside a pointer say that little of the block is used. `offset`: where in the block it points.
pub(super) fn is_mostly_unused(
    size: usize,
    offset: usize,
    around: impl Iterator<Item = usize>,
) -> bool {
    let mut words = [usize::MAX; 6];
    for (place, word) in words.iter_mut().zip(around) {
        *place = word;
    }
    let has_at_most = |most: usize, but: usize| {
        words
            .iter()
            .enumerate()
            .any(|(at, &word)| at != but && word <= most)
    };
    words.iter().enumerate().any(|(at, &word)| {
        let is_capacity = offset == 0 && word > 0 && size.is_multiple_of(word) && word <= size;
        let unused_vector = is_capacity && has_at_most(word / USED_AT_MOST, at);
        let buckets = word.wrapping_add(1);
        let is_mask =
            offset > 0 && word > 0 && buckets.is_power_of_two() && is_table(size, buckets);
        unused_vector || is_mask && has_at_most(buckets / USED_AT_MOST, at)
    })
}

/// Whether a hash table of so many buckets is that large: entries, then a byte for each bucket and a group more.
fn is_table(size: usize, buckets: usize) -> bool {
    let entries = size
        .checked_sub(buckets)
        .and_then(|rest| rest.checked_sub(GROUP_BYTES));
    entries.is_some_and(|entries| entries > 0 && entries.is_multiple_of(buckets))
}

#[cfg(test)]
mod tests {
    use super::is_mostly_unused;

    fn beside(size: usize, offset: usize, words: [usize; 2]) -> bool {
        is_mostly_unused(size, offset, words.into_iter())
    }

    #[test]
    fn a_vector_with_much_room_and_little_in_it() {
        assert!(beside(16_384, 0, [2_048, 5]), "8 bytes each");
        assert!(beside(16_384, 0, [0, 16_384]), "emptied, in any order");
        assert!(!beside(16_384, 0, [2_048, 2_000]), "full");
        assert!(
            !beside(16_384, 64, [2_048, 5]),
            "a view, which points inside"
        );
        assert!(!beside(16_384, 0, [3_000, 5]), "no size of an entry");
    }

    #[test]
    fn a_table_that_was_emptied() {
        let size = 1_024 * 24 + 1_024 + 16;
        assert!(beside(size, 1_024 * 24, [1_023, 0]));
        assert!(!beside(size, 1_024 * 24, [1_023, 800]));
    }
}
