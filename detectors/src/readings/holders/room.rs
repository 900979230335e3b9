//! How much of a block its holder uses, guessed from the words beside the pointer.
//!
//! A vector is three words: capacity, pointer and length. A hash table is four: a pointer to its control bytes, the number of
//! its buckets less one, how many more entries fit, and how many it has. That is how today's compiler and library lay them out;
//! no rule promises it, so what is told here is a hint.

/// Of this share at most, a room counts as unused.
const USED_AT_MOST: usize = 4;

/// The library gives a vector that begins to fill, or a hash table, room for so many entries. Nobody chose that room, or left it behind.
const FIRST_ROOM: usize = 8;

/// Bytes that a hash table reads at once: so many control bytes stand behind the last bucket's.
pub(super) const GROUP_BYTES: usize = 16;

/// What the words beside a pointer say of the block's use.
///
/// A deque is four words: capacity, pointer, where it begins, and length. Its first three look like a vector's, with the beginning for a
/// length. So who made the block decides which of the two readings counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Unused {
    /// Little of it is used, if a vector or a hash table keeps it.
    as_vector: bool,
    as_deque: AsDeque,
    /// Much of it is used, if a vector or a hash table keeps it: by another pointer to it than one that says the opposite.
    is_used: bool,
}

/// What they say if a deque keeps it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct AsDeque {
    /// Little of it is used.
    is_unused: bool,
    /// Something was taken from its front.
    was_taken_from: bool,
}

/// Whose a block is, told by who made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    ForDeque,
    /// Or for a hash table, or for something else: a vector's reading misleads of neither.
    ForVector,
}

impl Made {
    pub(super) fn by(functions: &[String]) -> Self {
        if functions
            .iter()
            .any(|function| function.contains("vec_deque"))
        {
            Made::ForDeque
        } else {
            Made::ForVector
        }
    }
}

impl std::ops::BitOrAssign for Unused {
    fn bitor_assign(&mut self, other: Self) {
        self.as_vector |= other.as_vector;
        self.as_deque.is_unused |= other.as_deque.is_unused;
        self.is_used |= other.is_used;
        self.as_deque.was_taken_from |= other.as_deque.was_taken_from;
    }
}

impl Unused {
    /// Whether little of a block is used that was made so.
    pub(super) fn is_told(self, made: Made) -> bool {
        match made {
            Made::ForVector => self.as_vector,
            Made::ForDeque => self.as_deque.is_unused,
        }
    }

    /// Whether it is told, and no other pointer to the block says the opposite.
    pub(super) fn is_sure(self, made: Made) -> bool {
        self.is_told(made) && !self.is_used
    }

    /// Whether it is a queue's room, if a deque keeps it.
    pub(super) fn is_of_queue(self) -> bool {
        self.as_deque.was_taken_from
    }

    /// `offset`: where in the block the pointer points. `beside`: the word so many words further on.
    pub(super) fn of(size: usize, offset: usize, beside: impl Fn(isize) -> Option<usize>) -> Self {
        let is_little = |length: usize, capacity: usize| {
            capacity > FIRST_ROOM && length <= capacity / USED_AT_MOST
        };
        let capacity = || {
            let capacity = beside(-1)?;
            let is_capacity = offset == 0 && capacity > 0 && size.is_multiple_of(capacity);
            is_capacity.then_some(capacity)
        };
        let is_unused_vector = || Some(is_little(beside(1)?, capacity()?));
        let is_unused_deque = || {
            let (capacity, begins, length) = (capacity()?, beside(1)?, beside(2)?);
            Some(begins < capacity && is_little(length, capacity))
        };
        let was_taken_from = || Some(was_taken_from(capacity()?, beside(1)?, beside(2)?));
        let is_unused_table = || {
            let (mask, room, entries) = (beside(1)?, beside(2)?, beside(3)?);
            let buckets = mask.checked_add(1)?;
            let is_table = offset > 0 && buckets.is_power_of_two() && is_table(size, buckets);
            (is_table && room <= buckets).then(|| is_little(entries, buckets))
        };
        let by_vector = [is_unused_vector(), is_unused_table()];
        Unused {
            as_vector: by_vector.contains(&Some(true)),
            as_deque: AsDeque {
                is_unused: is_unused_deque().unwrap_or(false),
                was_taken_from: was_taken_from().unwrap_or(false),
            },
            is_used: by_vector.contains(&Some(false)),
        }
    }
}

/// Whether a deque with these words had more at its front once.
pub(super) fn was_taken_from(capacity: usize, begins: usize, length: usize) -> bool {
    let is_deque = (1..capacity).contains(&begins) && (1..=capacity).contains(&length);
    is_deque && !ends_like_one_filled_from_its_front(capacity, (begins + length) % capacity)
}

/// A deque that is filled from its front begins somewhere as well, and ends where its room did, or where the library moved its end to when
/// the room doubled: the library moves the shorter part of what was full.
fn ends_like_one_filled_from_its_front(capacity: usize, ends: usize) -> bool {
    let doublings = capacity.trailing_zeros();
    (0..=doublings).any(|doublings| {
        let rooms = (0..doublings).map(|so_many| capacity >> (doublings - so_many));
        let end = rooms.fold(0, |end, room| {
            let is_moved = end == 0 || end < room - end;
            end + if is_moved { room } else { 0 }
        });
        end % capacity == ends
    })
}

/// Whether the words beside a pointer are those of a hash table with entries. `size`: what the block has room for, which is up to a page
/// more than was asked for, where nobody noted it.
pub(super) fn holds_table(
    size: usize,
    offset: usize,
    beside: impl Fn(isize) -> Option<usize>,
) -> bool {
    const MORE_AT_MOST: usize = 4 << 10;
    let is_one = || {
        let (mask, room, entries) = (beside(1)?, beside(2)?, beside(3)?);
        let buckets = mask.checked_add(1).filter(|of| of.is_power_of_two())?;
        let end = offset.checked_add(buckets)?.checked_add(GROUP_BYTES)?;
        let counts_add_up = entries > 0 && entries.checked_add(room)? <= buckets;
        let is_in_block = end <= size && size - end < MORE_AT_MOST;
        // The entries lie before the pointer, and end at a multiple of what is read at once.
        let of_entries = offset >= buckets && offset.is_multiple_of(GROUP_BYTES);
        Some(counts_add_up && is_in_block && of_entries && offset % buckets < GROUP_BYTES)
    };
    is_one().unwrap_or(false)
}

/// How long the text is that a block has, if the words beside a pointer are those of one: a vector of bytes, in a block that has room for
/// as many and no more. `size`: what the block has room for, as it wasn't noted.
pub(super) fn length_of_text(
    size: usize,
    offset: usize,
    beside: impl Fn(isize) -> Option<usize>,
) -> Option<usize> {
    const MORE_AT_MOST: usize = 32;
    let (capacity, length) = (beside(-1)?, beside(1)?);
    // As many pointers would have no room.
    let is_of_bytes = capacity <= size && capacity > size / size_of::<usize>();
    let is_one = offset == 0 && is_of_bytes && size - capacity < MORE_AT_MOST;
    (is_one && (1..=capacity).contains(&length)).then_some(length)
}

/// Whether these bytes, the first of a text, can be read.
pub(super) fn is_legible(bytes: &[u8]) -> bool {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        // The last letter may be cut off.
        Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    let is_letter = |letter: char| !letter.is_control() || "\n\r\t".contains(letter);
    !text.is_empty() && text.chars().all(is_letter)
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
    use super::{Made, Unused, is_legible, length_of_text, was_taken_from};
    use std::collections::VecDeque;

    const VECTORS: [&str; 1] = ["alloc::vec::Vec<T>::with_capacity"];
    const DEQUES: [&str; 1] = ["alloc::collections::vec_deque::VecDeque<T,A>::grow"];

    /// The words from the one before the pointer on; the pointer itself is 0 here.
    fn words(size: usize, offset: usize, words: &[usize], makers: [&str; 1]) -> bool {
        let unused = Unused::of(size, offset, |further| {
            words.get(usize::try_from(further + 1).ok()?).copied()
        });
        unused.is_told(Made::by(&makers.map(str::to_owned)))
    }

    #[test]
    fn a_vector_with_much_room_and_little_in_it() {
        let vector = |size, offset, beside: &[usize]| words(size, offset, beside, VECTORS);
        assert!(vector(16_384, 0, &[2_048, 0, 5]), "8 bytes each");
        assert!(vector(16_384, 0, &[16_384, 0, 0]), "emptied");
        assert!(!vector(16_384, 0, &[2_048, 0, 2_000]), "full");
        assert!(!vector(96, 0, &[4, 0, 1]), "one entry, of the first four");
        assert!(
            !vector(16_384, 64, &[2_048, 0, 5]),
            "a view, which points inside"
        );
        assert!(!vector(16_384, 0, &[3_000, 0, 5]), "no size of an entry");
        assert!(
            !vector(288, 0, &[1, 0, 12, 12]),
            "a shared list: its count stands before it"
        );
    }

    #[test]
    fn a_deques_beginning_is_no_length() {
        let deque = |beside: &[usize]| words(16_384, 0, beside, DEQUES);
        assert!(!deque(&[2_048, 0, 0, 1_600]), "78 % full");
        assert!(
            !deque(&[2_048, 0, 5, 1_600]),
            "78 % full, and not from the start"
        );
        assert!(deque(&[2_048, 0, 0, 5]));
        assert!(deque(&[2_048, 0, 2_000, 5]), "little, near the end");
        assert!(
            !deque(&[2_048, 0, 2_048, 5]),
            "a deque begins within its room"
        );
    }

    /// No rule says how the library makes room. Now and then a queue ends where another deque would.
    #[test]
    fn a_deque_that_is_read_begins_where_no_other_does() {
        const MOST: usize = 1_000;
        let taken = |fill: &dyn Fn(&mut VecDeque<usize>, usize)| {
            let mut deque: VecDeque<usize> = VecDeque::new();
            let was_taken_from = |deque: &VecDeque<usize>| {
                // SAFETY: four words, each of them initialized: two of the buffer, where it begins, and its length.
                let words: [usize; 4] = unsafe { std::mem::transmute_copy(deque) };
                was_taken_from(words[0], words[2], words[3])
            };
            (0..MOST)
                .filter(|number| {
                    fill(&mut deque, *number);
                    was_taken_from(&deque)
                })
                .count()
        };
        let of_queues = taken(&|deque, number| {
            deque.extend([number; 2]);
            deque.pop_front();
        });
        assert!(10 * of_queues >= 9 * MOST, "{of_queues} of {MOST}");
        assert_eq!(taken(&VecDeque::push_back), 0);
        assert_eq!(taken(&VecDeque::push_front), 0);
        assert_eq!(
            taken(&|deque, number| {
                if number == 0 {
                    *deque = VecDeque::with_capacity(96);
                }
                deque.push_front(number);
            }),
            0
        );
    }

    /// What the readings above rest on: no rule says how a deque is laid out.
    #[test]
    fn a_deque_is_laid_out_as_it_is_read() {
        let mut deque: VecDeque<u64> = VecDeque::with_capacity(64);
        deque.extend(0..10);
        deque.drain(..3);
        let start = (&raw const *deque.as_slices().0.first().expect("seven")).addr() - 3 * 8;
        // SAFETY: four words, each of them initialized: two of the buffer, where it begins, and its length.
        let words: [usize; 4] = unsafe { std::mem::transmute_copy(&deque) };
        assert_eq!(words, [64, start, 3, 7]);
    }

    #[test]
    fn a_table_that_was_emptied() {
        let size = 1_024 * 24 + 1_024 + 16;
        let table = |beside: &[usize]| words(size, 1_024 * 24, beside, VECTORS);
        assert!(table(&[7, 0, 1_023, 896, 0]));
        assert!(!table(&[7, 0, 1_023, 96, 800]));
    }

    /// A copy of a vector's three words from before it was filled says the opposite of the vector itself.
    #[test]
    fn pointers_that_disagree_are_not_sure() {
        let of = |length: usize| {
            Unused::of(16_384, 0, |further| match further {
                -1 => Some(2_048),
                _ => Some(length),
            })
        };
        let made = Made::by(&VECTORS.map(str::to_owned));
        let (mut both, little) = (of(5), of(5));
        both |= of(2_000);
        assert!(little.is_told(made) && little.is_sure(made));
        assert!(both.is_told(made) && !both.is_sure(made));
    }

    /// What `holds_table` rests on: no rule says how a table is laid out.
    #[test]
    fn a_hash_table_is_laid_out_as_it_is_read() {
        use std::collections::HashMap;
        fn holds<K: std::hash::Hash + Eq>(keys: impl Iterator<Item = K>) -> bool {
            let mut map: HashMap<
                K,
                [u8; 3],
                std::hash::BuildHasherDefault<std::hash::DefaultHasher>,
            > = HashMap::default();
            map.extend(keys.map(|key| (key, [0; 3])));
            // SAFETY: four words, each of them initialized: the table's pointer and its three counts. The hasher has no size.
            let words: [usize; 4] = unsafe { std::mem::transmute_copy(&map) };
            let buckets = words[1] + 1;
            let entries =
                (buckets * size_of::<(K, [u8; 3])>()).next_multiple_of(super::GROUP_BYTES);
            // As glibc rounds it up.
            let size = (entries + buckets + super::GROUP_BYTES + 8).next_multiple_of(16) - 8;
            super::holds_table(size, entries, |further| {
                words.get(usize::try_from(further).ok()?).copied()
            })
        }
        for entries in [3, 100, 5_000] {
            assert!(holds(0..entries), "{entries}");
            assert!(holds((0..entries).map(|key| key.to_string())), "{entries}");
        }
        assert!(!super::holds_table(4_096, 64, |_| Some(5)));
    }

    #[test]
    fn the_border_of_what_was_read_tells_nothing() {
        assert!(!words(16_384, 0, &[2_048, 0], VECTORS));
        assert!(!words(16_384, 0, &[2_048, 0, 5], DEQUES));
    }

    /// The least that glibc gives is 24 bytes.
    #[test]
    fn a_text_is_told_by_its_words_and_its_letters() {
        let length = |size, capacity: usize, length: usize| {
            length_of_text(size, 0, |further| match further {
                -1 => Some(capacity),
                1 => Some(length),
                _ => None,
            })
        };
        assert_eq!(length(24, 4, 4), Some(4)); // "8080"
        assert_eq!(length(104, 90, 12), Some(12));
        assert_eq!(length(24, 3, 3), None); // may be three pointers
        assert_eq!(length(24, 20, 0), None); // nothing to read
        assert_eq!(length(104, 90, 91), None);
        assert_eq!(length(808, 200, 200), None); // of larger elements
        assert_eq!(length_of_text(24, 8, |_| Some(4)), None); // into the middle
        assert!(is_legible(b"8080") && is_legible("Zürich, ü".as_bytes()));
        assert!(is_legible(&"aü".as_bytes()[..2]));
        // A small number, and an address.
        assert!(!is_legible(&7_u64.to_ne_bytes()));
        assert!(!is_legible(&0x7f55_b801_4820_u64.to_ne_bytes()));
    }
}
