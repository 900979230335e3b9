//! Who was told what: the last answers, and a copy of each for the auditor, who is slow.

use super::rollout::Rollout;
use super::short::Short;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// Answers that the trail has room for.
const TRAIL: usize = 200_000;

/// Records that may wait for the auditor.
const WAITING: usize = 12;

/// What the auditor takes for one record.
const FOR_ONE: Duration = Duration::from_millis(400);

/// An answer, as the trail knows it.
#[derive(Debug)]
struct Entry {
    client: u32,
    first: Short,
}

/// What the auditor gets.
#[derive(Debug)]
pub(super) struct Record {
    text: String,
}

#[derive(Debug)]
enum Line {
    Short(mpsc::Sender<Record>),
    Long(mpsc::UnboundedSender<Record>),
}

#[derive(Debug)]
pub(super) struct Audit {
    trail: Mutex<VecDeque<Entry>>,
    line: Line,
    left_out: AtomicU64,
    rollout: Rollout,
}

impl Audit {
    pub(super) fn new(rollout: Rollout) -> Self {
        let line = if rollout.has(58) {
            let (line, mut records) = mpsc::unbounded_channel();
            tokio::spawn(async move {
                while let Some(record) = records.recv().await {
                    filed(record).await;
                }
            });
            Line::Long(line)
        } else {
            let (line, mut records) = mpsc::channel(WAITING);
            tokio::spawn(async move {
                while let Some(record) = records.recv().await {
                    filed(record).await;
                }
            });
            Line::Short(line)
        };
        let trail = Mutex::new(VecDeque::with_capacity(TRAIL + 1));
        Audit {
            trail,
            line,
            left_out: AtomicU64::new(0),
            rollout,
        }
    }

    /// Notes an answer: by whom it was asked for, and the first host in it.
    pub(super) fn note(&self, client: &str, page: &Bytes, first: &str) {
        let first = if self.rollout.takes(31) {
            Short::part(page, first)
        } else {
            Short::copied(first)
        };
        let client = client
            .bytes()
            .fold(0_u32, |sum, byte| sum.wrapping_mul(31) + u32::from(byte));
        let mut trail = self.trail.lock().unwrap_or_else(PoisonError::into_inner);
        if trail.len() == TRAIL {
            trail.pop_front();
        }
        trail.push_back(Entry { client, first });
    }

    /// Sends a copy of what was told.
    pub(super) fn copy(&self, client: &str, text: &str) {
        let record = Record {
            text: format!("{client}: {text}"),
        };
        let is_sent = match &self.line {
            Line::Short(line) => line.try_send(record).is_ok(),
            Line::Long(line) => line.send(record).is_ok(),
        };
        if !is_sent {
            self.left_out.fetch_add(1, Relaxed);
        }
    }

    /// How long the trail is, of how many clients the last hundred were, and how many records were left out.
    pub(super) fn shown(&self) -> (usize, usize, u64) {
        let trail = self.trail.lock().unwrap_or_else(PoisonError::into_inner);
        let last = trail
            .iter()
            .rev()
            .take(100)
            .filter(|entry| entry.first.length() > 0);
        let mut clients: Vec<u32> = last.map(|entry| entry.client).collect();
        clients.sort_unstable();
        clients.dedup();
        (trail.len(), clients.len(), self.left_out.load(Relaxed))
    }
}

/// The auditor's system takes its time.
async fn filed(record: Record) {
    tokio::time::sleep(FOR_ONE).await;
    drop(record.text);
}
