//! Right as well: clients lie in the order of their minutes as well, and the oldest go as their minute is over.

use std::collections::{HashMap, VecDeque};
use std::sync::{LazyLock, Mutex, PoisonError};

/// How often a client may ask in a minute.
pub const REQUESTS_A_MINUTE: u32 = 60;

#[derive(Default)]
struct Clients {
    requests: HashMap<String, u32>,
    /// When each client's minute began: the oldest first.
    began_at: VecDeque<(u64, String)>,
}

static CLIENTS: LazyLock<Mutex<Clients>> = LazyLock::new(Mutex::default);

/// Whether this client may ask at this second. A refused request counts as well.
pub fn may_ask(client: &str, second: u64) -> bool {
    let mut clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
    while clients
        .began_at
        .front()
        .is_some_and(|(began_at, _)| second >= began_at + 60)
    {
        if let Some((_, over)) = clients.began_at.pop_front() {
            clients.requests.remove(&over);
        }
    }
    if !clients.requests.contains_key(client) {
        clients.began_at.push_back((second, client.to_owned()));
    }
    let requests = clients.requests.entry(client.to_owned()).or_default();
    *requests = requests.saturating_add(1);
    *requests <= REQUESTS_A_MINUTE
}
