//! Asks the allocator for what the night needed, once the night is over.

use crate::feed::{self, Night};
use crate::leaky::{self, Seen, latest_of};

// ANCHOR: refresh
/// Reads the night's feed, and returns the host of each batch that was seen last.
pub fn refresh(night: Night) -> serde_json::Result<Vec<Seen>> {
    let latest = feed::read(night, latest_of).into_iter().collect();
    // No request waits for this, and the next night is hours away.
    detectors::memory::give_back();
    latest
}
// ANCHOR_END: refresh

/// One iteration is one request. Between some of them lies a night.
///
/// # Panics
///
/// When the feed is no JSON.
pub fn workload() -> impl FnMut() {
    leaky::nights(refresh)
}
