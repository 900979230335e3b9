//! What differs from call to call, and from run to run.

use fastrand::Rng;

/// A key below the bound. Small ones come more often, as popular pages do.
pub(crate) fn key(random: &mut Rng, bound: usize) -> usize {
    random.usize(..bound).min(random.usize(..bound))
}

/// A text of so many characters at least, and fewer than the other bound.
pub(crate) fn text(random: &mut Rng, least: usize, bound: usize) -> String {
    let length = random.usize(least..bound);
    std::iter::repeat_with(|| random.lowercase())
        .take(length)
        .collect()
}

/// Bytes, so many at least, and fewer than the other bound.
pub(crate) fn bytes(random: &mut Rng, least: usize, bound: usize) -> Vec<u8> {
    text(random, least, bound).into_bytes()
}
