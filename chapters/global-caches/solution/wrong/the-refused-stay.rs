//! Not a solution: counters that are over go, but for those of clients that were refused once.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

/// How often a client may ask in a minute.
pub const REQUESTS_A_MINUTE: u32 = 60;

/// What one client did in its minute.
struct Minute {
    began_at: u64,
    requests: u32,
}

#[derive(Default)]
struct Clients {
    minutes: HashMap<String, Minute>,
    pruned_at: u64,
}

impl Clients {
    /// Drops what is over, once a minute: a minute's clients are the most that is ever kept, twice over.
    fn prune(&mut self, second: u64) {
        if second >= self.pruned_at + 60 {
            self.minutes.retain(|_, minute| {
                second < minute.began_at + 60 || minute.requests > REQUESTS_A_MINUTE
            });
            self.minutes.shrink_to(64);
            self.pruned_at = second;
        }
    }
}

static CLIENTS: LazyLock<Mutex<Clients>> = LazyLock::new(Mutex::default);

/// Whether this client may ask at this second. A refused request counts as well.
pub fn may_ask(client: &str, second: u64) -> bool {
    let mut clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
    clients.prune(second);
    let minute = clients.minutes.entry(client.to_owned()).or_insert(Minute {
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
