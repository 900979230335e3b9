//! Queues whatever comes.

use crate::record::Record;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Lookups in one turn of the service.
pub const LOOKUPS: u64 = 8;

/// Records that the writer gets written in the same time: the disk is slower.
pub const WRITTEN: usize = 6;

// ANCHOR: audit
/// The audit log: lookups put records in, the writer takes them out.
#[derive(Debug)]
pub struct Audit {
    queue: UnboundedSender<Record>,
    waiting: UnboundedReceiver<Record>,
    written: u64,
}

impl Audit {
    /// Notes a lookup. Never waits: a lookup must not be slow because of the log.
    pub fn note(&mut self, number: u64) {
        // The receiver lives as long as the sender, so this can't fail.
        let _ = self.queue.send(Record::of(number));
    }

    /// Writes what the disk takes in one turn.
    pub fn write_batch(&mut self) {
        for _ in 0..WRITTEN {
            if let Ok(record) = self.waiting.try_recv() {
                self.written += u64::from(!record.line.is_empty());
            }
        }
    }
}
// ANCHOR_END: audit

impl Audit {
    /// An empty log.
    pub fn new() -> Self {
        let (queue, waiting) = unbounded_channel();
        Audit {
            queue,
            waiting,
            written: 0,
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
            audit.note(lookups);
        }
        audit.write_batch();
    }
}
