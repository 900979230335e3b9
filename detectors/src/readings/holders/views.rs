//! How much of a block is seen through views: `Bytes`, which share a block and keep all of it alive.
//!
//! A `Bytes` is four words: the address of a table of functions, where its bytes begin, how many they are, and what it shares. That is how
//! today's compiler lays `bytes` out; no rule promises it, and a test of the author's suite holds it.

/// Where the table's address stands, from the pointer on: before it today, behind all others as it is written.
pub(super) const TABLES: [isize; 2] = [-1, 3];

/// Of this share at most, a block counts as kept for little.
const SHOWN_AT_MOST: usize = 4;

/// A pointer that may be a view's.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    /// The block that it shows a part of.
    pub(super) of: u32,
    /// How much of it.
    pub(super) bytes: usize,
}

/// How much of a block a pointer shows that may be a view's. `offset`: where in the block it points. `beside`: the word so many words
/// further on.
pub(super) fn shown(
    size: usize,
    offset: usize,
    beside: impl Fn(isize) -> Option<usize>,
) -> Option<usize> {
    let bytes = beside(1)?;
    (bytes <= size.checked_sub(offset)?).then_some(bytes)
}

/// Whether views show so little of a block that most of it is kept for nothing. `shown`: by all of them together.
pub(super) fn show_little(shown: usize, size: usize) -> bool {
    shown > 0 && shown <= size / SHOWN_AT_MOST
}

/// Whether a table is a view's, by a function of it. What a buffer was frozen to, such as the body of an answer that came in parts, has the
/// buffer's own.
pub(super) fn is_of_view(name: &str) -> bool {
    const OF_VIEWS: [&str; 2] = ["bytes::bytes::", "bytes::bytes_mut::shared_v_"];
    let path = name.trim_start_matches(['<', '&']);
    OF_VIEWS.iter().any(|of| path.starts_with(of))
}

#[cfg(test)]
mod tests {
    use super::{show_little, shown};

    #[test]
    fn a_view_shows_what_lies_within_its_block() {
        let read = |size, offset| shown(size, offset, |_| Some(16));
        assert_eq!(read(4_096, 64), Some(16));
        assert_eq!(read(4_096, 4_090), None);
    }

    #[test]
    fn little_is_a_quarter_at_most() {
        assert!(show_little(16, 4_096));
        assert!(!show_little(2_048, 4_096));
        assert!(!show_little(0, 4_096), "nobody shows any of it");
    }
}
