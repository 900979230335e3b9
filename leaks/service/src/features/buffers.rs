//! A buffer for each client, in which its answers are written, so that no answer needs a new one.

use super::rollout::Rollout;
use std::sync::{Mutex, PoisonError};

/// Places for buffers; a client has one by its number.
const CLIENTS: usize = 16_384;

#[derive(Debug)]
pub(super) struct Buffers {
    by_client: Mutex<Vec<String>>,
    rollout: Rollout,
}

impl Buffers {
    pub(super) fn new(rollout: Rollout) -> Self {
        let by_client = Mutex::new(vec![String::new(); CLIENTS]);
        Buffers { by_client, rollout }
    }

    /// Writes an answer into the client's buffer, and returns a copy to be sent.
    pub(super) fn written(&self, client: &str, write: impl FnOnce(&mut String)) -> String {
        let number = |sum: usize, byte: u8| sum.wrapping_mul(31).wrapping_add(usize::from(byte));
        let number = client.bytes().fold(7, number);
        let mut by_client = self
            .by_client
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let buffer = &mut by_client[number % CLIENTS];
        write(buffer);
        let answer = buffer.as_str().to_owned();
        buffer.clear();
        if !self.rollout.takes(53) {
            buffer.shrink_to(0);
        }
        answer
    }

    /// How many clients have written something, and what there is room for.
    pub(super) fn shown(&self) -> (usize, usize) {
        let by_client = self
            .by_client
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let room = by_client.iter().map(String::capacity);
        (room.clone().filter(|room| *room > 0).count(), room.sum())
    }
}
