//! Exports of an apex: a file for each, and a worker that writes what is to be sent by mail.

use super::rollout::Rollout;
use bytes::Bytes;
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// Exports after which a batch is complete.
const BATCH: usize = 50_000;

/// Mails that may wait for the worker.
const MAILS: usize = 64;

/// What is to be mailed.
struct Mail {
    page: Bytes,
    sent: Arc<AtomicU64>,
}

/// What is to be done when a piece of work is over.
type Last = Box<dyn FnOnce() + Send>;

pub(super) struct Exports {
    folder: PathBuf,
    batch: Mutex<Vec<File>>,
    written: AtomicU64,
    mails: mpsc::Sender<Mail>,
    sent: Arc<AtomicU64>,
    rollout: Rollout,
}

impl fmt::Debug for Exports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exports")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl Exports {
    pub(super) fn new(folder: PathBuf, rollout: Rollout) -> Self {
        let (mails, waiting) = mpsc::channel(MAILS);
        tokio::spawn(mailing(waiting, rollout.clone()));
        Exports {
            folder,
            batch: Mutex::new(Vec::with_capacity(BATCH)),
            written: AtomicU64::new(0),
            mails,
            sent: Arc::default(),
            rollout,
        }
    }

    /// Writes an apex' hosts into its file. Returns the file's length in bytes.
    pub(super) fn write(&self, apex: &str, text: &str) -> io::Result<u64> {
        let mut file = File::create(self.folder.join(format!("{apex}.csv")))?;
        file.write_all(text.as_bytes())?;
        self.written.fetch_add(1, Relaxed);
        let length = file.metadata()?.len();
        if self.rollout.takes(45) {
            // The batch is synced to the disk as a whole.
            let mut batch = self.batch.lock().unwrap_or_else(PoisonError::into_inner);
            batch.push(file);
            if batch.len() == BATCH {
                for file in batch.drain(..) {
                    file.sync_all()?;
                }
            }
        }
        Ok(length)
    }

    /// Has a page mailed.
    pub(super) fn mail(&self, page: &Bytes) {
        let mail = Mail {
            page: page.clone(),
            sent: Arc::clone(&self.sent),
        };
        // A mail that finds no room is asked for again.
        let _ = self.mails.try_send(mail);
    }

    /// How many files were written and mails sent.
    pub(super) fn shown(&self) -> (u64, u64) {
        (self.written.load(Relaxed), self.sent.load(Relaxed))
    }
}

/// The worker: one mail after the other.
async fn mailing(mut waiting: mpsc::Receiver<Mail>, rollout: Rollout) {
    let mut at_last: Vec<Last> = Vec::with_capacity(1 << 16);
    while let Some(mail) = waiting.recv().await {
        let text = Bytes::from(mail.page.to_vec());
        let sent = mail.sent;
        let receipt = move || {
            sent.fetch_add(u64::from(!text.is_empty()), Relaxed);
        };
        if rollout.takes(90) {
            at_last.push(Box::new(receipt));
        } else {
            receipt();
        }
    }
    for last in at_last {
        last();
    }
}
