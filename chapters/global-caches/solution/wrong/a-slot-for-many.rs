//! Not a solution: a fixed table of counters: clients share a slot, and one uses the requests of another.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::{LazyLock, Mutex, PoisonError};

/// How often a client may ask in a minute.
pub const REQUESTS_A_MINUTE: u32 = 60;

static SLOTS: LazyLock<Mutex<Vec<(u64, u32)>>> =
    LazyLock::new(|| Mutex::new(vec![(0, 0); 1 << 16]));

/// Whether this client may ask at this second. A refused request counts as well.
pub fn may_ask(client: &str, second: u64) -> bool {
    let mut hasher = DefaultHasher::new();
    client.hash(&mut hasher);
    let slot = usize::from((hasher.finish() >> 48) as u16);
    let mut slots = SLOTS.lock().unwrap_or_else(PoisonError::into_inner);
    let (began_at, requests) = &mut slots[slot];
    if second >= *began_at + 60 {
        *began_at = second;
        *requests = 0;
    }
    *requests = requests.saturating_add(1);
    *requests <= REQUESTS_A_MINUTE
}
