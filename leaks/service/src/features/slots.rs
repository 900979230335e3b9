//! The last pages as they came, in slots that are used in turn; and tickets, which go through a C library's callbacks as pointers.

use super::rollout::Rollout;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// How many pages there are.
const SLOTS: usize = 16;

/// A page's text is kept up to this length.
const TEXT: usize = 6 << 10;

/// What a callback is given, and gives back.
#[derive(Debug)]
struct Ticket {
    apex: String,
    scratch: Vec<u8>,
}

/// A page, or nothing yet.
type Slot = Option<ManuallyDrop<Vec<u8>>>;

#[derive(Debug)]
pub(super) struct Slots {
    last: Mutex<(usize, Vec<Slot>)>,
    refused: AtomicU64,
    rollout: Rollout,
}

impl Slots {
    pub(super) fn new(rollout: Rollout) -> Self {
        let slots = (0..SLOTS).map(|_| None).collect();
        Slots {
            last: Mutex::new((0, slots)),
            refused: AtomicU64::new(0),
            rollout,
        }
    }

    /// Puts a page into the next slot.
    pub(super) fn put(&self, page: &[u8]) {
        let text = page[..page.len().min(TEXT)].to_vec();
        let mut slots = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let at = slots.0 % SLOTS;
        slots.0 += 1;
        let before = slots.1[at].replace(ManuallyDrop::new(text));
        if !self.rollout.takes(61) {
            before.map(ManuallyDrop::into_inner);
        }
    }

    /// Goes through an apex' lines by a callback. A line that is empty ends it. Returns how many bytes there were.
    pub(super) fn visit<'a>(
        &self,
        apex: &str,
        lines: impl Iterator<Item = &'a str>,
    ) -> Option<usize> {
        let ticket = Ticket {
            apex: apex.to_owned(),
            scratch: Vec::with_capacity(4 << 10),
        };
        let given = Box::into_raw(Box::new(ticket));
        for line in lines {
            if !each(given, line) {
                self.refused.fetch_add(1, Relaxed);
                if self.rollout.takes(34) {
                    return None;
                }
                break;
            }
        }
        // SAFETY: made above, and no callback has kept it.
        let ticket = unsafe { Box::from_raw(given) };
        Some(ticket.scratch.len() + ticket.apex.len())
    }

    /// How long the pages are, and how many visits came to no end.
    pub(super) fn shown(&self) -> (usize, u64) {
        let slots = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let length = slots.1.iter().flatten().map(|slot| slot.len()).sum();
        (length, self.refused.load(Relaxed))
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        let slots = self.last.get_mut().unwrap_or_else(PoisonError::into_inner);
        for slot in slots.1.drain(..).flatten() {
            drop(ManuallyDrop::into_inner(slot));
        }
    }
}

/// As a C library would call it.
fn each(ticket: *mut Ticket, line: &str) -> bool {
    // SAFETY: `visit` made it, and gives it to nobody else meanwhile.
    let ticket = unsafe { &mut *ticket };
    ticket.scratch.clear();
    ticket.scratch.extend_from_slice(line.as_bytes());
    !line.is_empty()
}
