//! No leak: what was freed is resident still.
//!
//! Every night the lookup service reads a feed of all hosts, and keeps one record of each batch. [`leaky`] drops the rest and
//! leaves it to the allocator; [`fixed`] asks the allocator for it. [`ways`] holds the same night in other ways, of which some
//! help and some only seem to.

pub mod feed;
pub mod fixed;
pub mod leaky;
pub mod ways;

/// A night may need that much for its moment: here it isn't the peak that is in question, but what stays of it.
pub const NIGHT_BYTES: u64 = 1 << 30;
