//! How much of a block its holder uses, guessed from the words beside the pointer.
//!
//! A vector is three words: capacity, pointer and length. A hash table is four: a pointer to its control bytes, the number of
//! its buckets less one, how many more entries fit, and how many it has. That is how today's compiler and library lay them out;
//! no rule promises it, so what is told here is a hint.

/// Of this share at most, a room counts as unused.
const USED_AT_MOST: usize = 4;

/// Bytes that a hash table reads at once: so many control bytes stand behind the last bucket's.
const GROUP_BYTES: usize = 16;

/// Whether the words beside a pointer say that little of the block is used. `offset`: where in the block it points. `beside`:
/// the word so many words further on.
pub(super) fn is_mostly_unused(
    size: usize,
    offset: usize,
    beside: impl Fn(isize) -> Option<usize>,
) -> bool {
    let is_unused_vector = || {
        let (capacity, length) = (beside(-1)?, beside(1)?);
        let is_capacity = capacity > 0 && size.is_multiple_of(capacity);
        Some(offset == 0 && is_capacity && length <= capacity / USED_AT_MOST)
    };
    let is_unused_table = || {
        let (mask, room, entries) = (beside(1)?, beside(2)?, beside(3)?);
        let buckets = mask.checked_add(1)?;
        let is_table = offset > 0 && buckets.is_power_of_two() && is_table(size, buckets);
        Some(is_table && room <= buckets && entries <= buckets / USED_AT_MOST)
    };
    is_unused_vector().unwrap_or(false) || is_unused_table().unwrap_or(false)
}

/// Whether a hash table of so many buckets is that large: entries, then a byte for each bucket and a group more.
pub(super) fn is_table(size: usize, buckets: usize) -> bool {
    let entries = size
        .checked_sub(buckets)
        .and_then(|rest| rest.checked_sub(GROUP_BYTES));
    entries.is_some_and(|entries| entries > 0 && entries.is_multiple_of(buckets))
}

#[cfg(test)]
mod tests {
    use super::is_mostly_unused;

    /// The words from the one before the pointer on; the pointer itself is 0 here.
    fn words(size: usize, offset: usize, words: &[usize]) -> bool {
        is_mostly_unused(size, offset, |further| {
            words.get(usize::try_from(further + 1).ok()?).copied()
        })
    }

    #[test]
    fn a_vector_with_much_room_and_little_in_it() {
        assert!(words(16_384, 0, &[2_048, 0, 5]), "8 bytes each");
        assert!(words(16_384, 0, &[16_384, 0, 0]), "emptied");
        assert!(!words(16_384, 0, &[2_048, 0, 2_000]), "full");
        assert!(
            !words(16_384, 64, &[2_048, 0, 5]),
            "a view, which points inside"
        );
        assert!(!words(16_384, 0, &[3_000, 0, 5]), "no size of an entry");
        assert!(
            !words(288, 0, &[1, 0, 12, 12]),
            "a shared list: its count stands before it"
        );
    }

    #[test]
    fn a_table_that_was_emptied() {
        let size = 1_024 * 24 + 1_024 + 16;
        assert!(words(size, 1_024 * 24, &[7, 0, 1_023, 896, 0]));
        assert!(!words(size, 1_024 * 24, &[7, 0, 1_023, 96, 800]));
    }

    #[test]
    fn the_border_of_what_was_read_tells_nothing() {
        assert!(!words(16_384, 0, &[2_048, 0]));
    }
}
