//! What clients were told and haven't acknowledged.

use std::collections::{HashMap, VecDeque};

/// Receipts that wait for their acknowledgement, at most: the oldest go first.
const RECEIPTS_MAX: usize = 100_000;

/// What a client was told, until the client acknowledges it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Tells it from all others; a later one has a higher number.
    pub number: u64,
    /// Who was told.
    pub client: String,
    /// What.
    pub text: String,
}

#[derive(Debug, Default)]
pub(super) struct Receipts {
    pending: HashMap<u64, Receipt>,
    /// Their numbers, oldest first, with whom each is for.
    order: VecDeque<(u64, String)>,
}

impl Receipts {
    pub(super) fn add(&mut self, receipt: Receipt) {
        let number = receipt.number;
        self.order.push_back((number, receipt.client.clone()));
        self.pending.insert(number, receipt);
        while self.pending.len() > RECEIPTS_MAX {
            let Some((oldest, _)) = self.order.pop_front() else {
                break;
            };
            self.pending.remove(&oldest);
        }
    }

    /// Returns whether it was there.
    pub(super) fn remove(&mut self, number: u64) -> bool {
        self.pending.remove(&number).is_some()
    }

    /// Those of a client, oldest first.
    pub(super) fn of(&self, client: &str) -> Vec<Receipt> {
        let all = self.pending.values();
        let mut receipts: Vec<Receipt> = all
            .filter(|receipt| receipt.client == client)
            .cloned()
            .collect();
        receipts.sort_by_key(|receipt| receipt.number);
        receipts
    }
}
