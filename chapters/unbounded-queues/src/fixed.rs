//! Queues so many, and lets the next one wait.

use crate::record::Record;
use tokio::sync::mpsc::{Receiver, Sender, channel};

pub use crate::leaky::{LOOKUPS, WRITTEN};

/// Records that may wait: eight turns of the service.
pub const WAITING_MAX: usize = 64;

// ANCHOR: audit
/// The audit log: lookups put records in, the writer takes them out.
#[derive(Debug)]
pub struct Audit {
    queue: Sender<Record>,
    waiting: Receiver<Record>,
    written: u64,
    waits: u64,
}

impl Audit {
    /// Notes a lookup. When the queue is full, the lookup waits: it gives its turn to the writer, which takes a batch out.
    pub async fn note(&mut self, number: u64) {
        let record = Record::of(number);
        if self.queue.capacity() == 0 {
            self.waits += 1;
            self.write_batch().await;
        }
        // The receiver lives as long as the sender, so this can't fail.
        let _ = self.queue.send(record).await;
    }

    /// Writes what the disk takes in one turn.
    pub async fn write_batch(&mut self) {
        for _ in 0..WRITTEN {
            if let Ok(record) = self.waiting.try_recv() {
                self.written += u64::from(!record.line.is_empty());
            }
        }
        // A turn of the disk: others go on meanwhile.
        tokio::task::yield_now().await;
    }
}
// ANCHOR_END: audit

impl Audit {
    /// An empty log.
    pub fn new() -> Self {
        let (queue, waiting) = channel(WAITING_MAX);
        Audit {
            queue,
            waiting,
            written: 0,
            waits: 0,
        }
    }

    /// Records that were written.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Records that wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How often a lookup had to wait.
    pub fn waits(&self) -> u64 {
        self.waits
    }
}

impl Default for Audit {
    fn default() -> Self {
        Self::new()
    }
}

/// One iteration is one turn of the service: some lookups, then a batch of the log.
pub async fn workload() -> impl AsyncFnMut() {
    let mut audit = Audit::new();
    let mut lookups = 0;
    async move || {
        for _ in 0..LOOKUPS {
            lookups += 1;
            audit.note(lookups).await;
        }
        audit.write_batch().await;
    }
}
