//! Not a solution: the map is bounded: who comes when it is full has no limit.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

/// How often a client may ask in a minute.
pub const REQUESTS_A_MINUTE: u32 = 60;

/// What one client did in its minute.
struct Minute {
    began_at: u64,
    requests: u32,
}

static CLIENTS: LazyLock<Mutex<HashMap<String, Minute>>> = LazyLock::new(Mutex::default);

/// Whether this client may ask at this second. A refused request counts as well.
pub fn may_ask(client: &str, second: u64) -> bool {
    let mut clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
    clients.retain(|_, minute| second < minute.began_at + 60);
    if clients.len() >= 500 && !clients.contains_key(client) {
        return true;
    }
    let minute = clients.entry(client.to_owned()).or_insert(Minute {
        began_at: second,
        requests: 0,
    });
    if second >= minute.began_at + 60 {
        minute.began_at = second;
        minute.requests = 0;
    }
    minute.requests = minute.requests.saturating_add(1);
    minute.requests <= REQUESTS_A_MINUTE
}
