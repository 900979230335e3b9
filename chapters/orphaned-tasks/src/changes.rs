//! Where changes come from: a channel whose sender lives as long as the service.

use tokio::sync::broadcast;

/// A host has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub apex: String,
    pub host: String,
}

/// What the service hears of the search cluster. It lives as long as the service does.
#[derive(Debug)]
pub struct Changes {
    sender: broadcast::Sender<Change>,
}

impl Changes {
    /// No change yet.
    pub fn new() -> Self {
        Changes {
            sender: broadcast::channel(16).0,
        }
    }

    /// Hears of every change from here on.
    pub fn listen(&self) -> broadcast::Receiver<Change> {
        self.sender.subscribe()
    }

    /// Tells whoever listens, and returns how many do.
    pub fn tell(&self, change: Change) -> usize {
        self.sender.send(change).unwrap_or(0)
    }
}

impl Default for Changes {
    fn default() -> Self {
        Self::new()
    }
}
