//! EXERCISE: the limiter that never forgets a customer.
//!
//! Each client may ask so many times a minute. The limiter keeps a counter for each client address, in a static map, and
//! begins a client's counter anew when its minute is over. A client that comes once has a counter for ever. After a scan of
//! the whole network there are millions.
//!
//! Your task: make it steady, and keep it working.
//!
//! ```text
//! cargo run -- check global-caches     is it fixed? (also tells what is still wrong)
//! cargo run -- hint global-caches      three hints, from a question to nearly the line
//! cargo run -- reset global-caches     start over
//! ```
//!
//! You may change everything in this file but the names and arguments of the public functions.

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
