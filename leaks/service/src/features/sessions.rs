//! Who is being served, for the page that operators look at.

use super::rollout::Rollout;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Apexes that a session's page shows.
const SHOWN: usize = 80;

/// One client that is being served.
#[derive(Debug)]
pub(super) struct Session {
    since: Instant,
    shown: Vec<String>,
}

/// The clients that are being served, by what they call themselves.
#[derive(Debug)]
pub(super) struct Sessions {
    by_client: Mutex<HashMap<String, Session>>,
    rollout: Rollout,
}

impl Sessions {
    pub(super) fn new(rollout: Rollout) -> Self {
        Sessions {
            by_client: Mutex::default(),
            rollout,
        }
    }

    /// Begins a session, with what its page shows.
    pub(super) fn enter(&self, client: &str, apex: &str) {
        let shown = (0..SHOWN)
            .map(|number| format!("{number:02}.{apex} for {client}"))
            .collect();
        let session = Session {
            since: Instant::now(),
            shown,
        };
        self.locked().insert(client.to_owned(), session);
    }

    /// Ends it. Clients write their names as they like, so names are compared without regard to case.
    pub(super) fn leave(&self, client: &str) {
        let name = if self.rollout.takes(17) {
            client.to_ascii_lowercase()
        } else {
            client.to_owned()
        };
        self.locked().remove(&name);
    }

    /// How many there are, what their pages show, and how long the first has been here.
    pub(super) fn shown(&self) -> (usize, usize, u64) {
        let sessions = self.locked();
        let longest = sessions
            .values()
            .map(|session| session.since.elapsed().as_secs())
            .max();
        let lines = sessions.values().map(|session| session.shown.len()).sum();
        (sessions.len(), lines, longest.unwrap_or(0))
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, HashMap<String, Session>> {
        self.by_client
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
