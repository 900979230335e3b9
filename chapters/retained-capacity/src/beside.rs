//! Collections that have shrunk or emptied, each with and without its room: what each keeps is measured in
//! `tests/by_dhat/beside.rs`.

use crate::backend::{Certificate, CertificateId, Day};
use std::collections::{BTreeMap, HashMap, VecDeque};

// ANCHOR: collect
/// Each id is written over the certificates that were read already. The block stays as large as it was.
pub fn collect_vec(certificates: Vec<Certificate<'_>>) -> Vec<CertificateId> {
    let soon = certificates.into_iter().filter(Certificate::expires_soon);
    soon.map(|certificate| certificate.id).collect()
}

/// The same, and then the room is given back.
pub fn collect_and_shrink(certificates: Vec<Certificate<'_>>) -> Vec<CertificateId> {
    let mut soon = collect_vec(certificates);
    soon.shrink_to_fit();
    soon
}

/// A boxed slice has no room, so collecting into one gives it back.
pub fn collect_box(certificates: Vec<Certificate<'_>>) -> Box<[CertificateId]> {
    let soon = certificates.into_iter().filter(Certificate::expires_soon);
    soon.map(|certificate| certificate.id).collect()
}

/// `iter` only borrows the certificates, so the ids need a block of their own.
pub fn collect_borrowed(certificates: &[Certificate<'_>]) -> Vec<CertificateId> {
    let soon = certificates
        .iter()
        .filter(|certificate| certificate.expires_soon());
    soon.map(|certificate| certificate.id).collect()
}

/// A day is aligned to four bytes and a certificate to eight: then nothing is written over, by the rule of today.
pub fn collect_days(certificates: Vec<Certificate<'_>>) -> Vec<Day> {
    let soon = certificates.into_iter().filter(Certificate::expires_soon);
    soon.map(|certificate| certificate.expires_on).collect()
}
// ANCHOR_END: collect

/// The items that a vector or a map held at its largest moment.
pub const MANY: usize = 100_000;

/// The items that are wanted.
pub const FEW: usize = 10;

// ANCHOR: vectors
/// Forgets the end.
pub fn truncate(mut hits: Vec<u64>) -> Vec<u64> {
    hits.truncate(FEW);
    hits
}

/// Takes the end out.
pub fn drain(mut hits: Vec<u64>) -> Vec<u64> {
    hits.drain(FEW..);
    hits
}

/// Keeps what passes.
pub fn retain(mut hits: Vec<u64>) -> Vec<u64> {
    hits.retain(|&hit| hit < FEW as u64);
    hits
}

/// Empties it.
pub fn clear(mut hits: Vec<u64>) -> Vec<u64> {
    hits.clear();
    hits
}

/// Any of them, and then the room is given back.
pub fn truncate_and_shrink(mut hits: Vec<u64>) -> Vec<u64> {
    hits.truncate(FEW);
    hits.shrink_to_fit();
    hits
}
// ANCHOR_END: vectors

// ANCHOR: maps
/// Sessions by id.
pub type Sessions = HashMap<u64, u64>;

/// Takes out entry by entry.
pub fn remove_each(mut sessions: Sessions) -> Sessions {
    for id in 0..MANY as u64 {
        sessions.remove(&id);
    }
    sessions
}

/// Ends what has expired, which tonight is everything.
pub fn retain_none(mut sessions: Sessions) -> Sessions {
    sessions.retain(|_, _| false);
    sessions
}

/// The same, and then the room is given back where more than half of it is unused.
pub fn retain_none_and_shrink(mut sessions: Sessions) -> Sessions {
    sessions.retain(|_, _| false);
    if sessions.capacity() > 2 * sessions.len() {
        sessions.shrink_to_fit();
    }
    sessions
}

/// A tree has a block for each handful of entries, and frees all but one of them on the way.
pub fn remove_each_from_tree(mut sessions: BTreeMap<u64, u64>) -> BTreeMap<u64, u64> {
    for id in 0..MANY as u64 {
        sessions.remove(&id);
    }
    sessions
}
// ANCHOR_END: maps

/// Buffers in a pool: as many requests as run at once.
pub const BUFFERS: usize = 8;

/// What nearly every request needs.
pub const USUAL_BYTES: usize = 4 << 10;

/// What one request of [`ONE_LARGE_IN`] needs.
pub const LARGEST_BYTES: usize = 1 << 20;

/// One request of so many is large.
pub const ONE_LARGE_IN: usize = 101;

// ANCHOR: pool
/// Buffers for the bodies of requests, used again and again.
#[derive(Debug)]
pub struct Pool {
    free: VecDeque<Vec<u8>>,
    /// A buffer that has grown beyond is not taken back.
    buffer_bytes_max: usize,
}

impl Pool {
    /// An empty buffer.
    pub fn take(&mut self) -> Vec<u8> {
        self.free.pop_front().unwrap_or_default()
    }

    /// Takes a buffer back, for the next request.
    pub fn give_back(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() <= self.buffer_bytes_max {
            buffer.clear();
            self.free.push_back(buffer);
        }
    }
    // ANCHOR_END: pool

    /// Takes every buffer back, however large it has grown.
    pub fn without_a_cap() -> Self {
        Self::with_cap(usize::MAX)
    }

    /// Takes buffers back up to a size.
    pub fn with_cap(buffer_bytes_max: usize) -> Self {
        Pool {
            free: VecDeque::with_capacity(BUFFERS),
            buffer_bytes_max,
        }
    }

    /// Serves a round of requests at once, of which those are large whose number says so.
    pub fn serve(&mut self, first_request: usize) {
        let mut used: [Vec<u8>; BUFFERS] = std::array::from_fn(|_| self.take());
        for (request, buffer) in (first_request..).zip(&mut used) {
            let large = request.is_multiple_of(ONE_LARGE_IN);
            buffer.resize(if large { LARGEST_BYTES } else { USUAL_BYTES }, 0);
        }
        for buffer in used {
            self.give_back(buffer);
        }
    }
}
