//! Remembers ids by copying their sixteen bytes.

use crate::backend::{Answer, ID_BYTES, SearchCluster};
use detectors::Kept;
use std::collections::{HashSet, VecDeque};

/// The last 100,000 ids, which is 1.6 MB, and now it is.
pub const REMEMBERED_MAX: usize = 100_000;

// ANCHOR: index
/// An id's own sixteen bytes, inline: no block at all.
type Id = [u8; ID_BYTES];

/// The ids seen lately, so that no customer is told of the same host twice.
#[derive(Debug)]
pub struct SeenIds {
    known: HashSet<Id>,
    oldest_first: VecDeque<Id>,
}

impl SeenIds {
    /// Fetches the next page and returns how many of its hits are new.
    pub fn refresh(&mut self, cluster: &mut SearchCluster) -> serde_json::Result<usize> {
        let page = cluster.next_page();
        let answer = Answer::parse(&page)?;
        let mut new = 0;
        for hit in answer.hits() {
            // A copy: when this function ends, the page is free.
            let id = to_id(hit.id)?;
            if self.known.insert(id) {
                self.oldest_first.push_back(id);
                self.forget_oldest();
                new += 1;
            }
        }
        Ok(new)
    }
    // ANCHOR_END: index

    /// An index with room for all that it will remember.
    pub fn new() -> Self {
        SeenIds {
            known: HashSet::with_capacity(REMEMBERED_MAX + 1),
            oldest_first: VecDeque::with_capacity(REMEMBERED_MAX + 1),
        }
    }

    /// Whether the id was seen lately.
    pub fn contains(&self, id: &str) -> bool {
        to_id(id).is_ok_and(|id| self.known.contains(&id))
    }

    /// The bytes of the ids that are remembered.
    pub fn kept(&self) -> Kept {
        Kept::bytes(self.oldest_first.len() * ID_BYTES).of_at_most(REMEMBERED_MAX * ID_BYTES)
    }

    fn forget_oldest(&mut self) {
        if self.oldest_first.len() > REMEMBERED_MAX
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

/// The id's bytes, when it is as long as the cluster's ids are.
fn to_id(id: &str) -> serde_json::Result<Id> {
    id.as_bytes().try_into().map_err(|_| {
        serde::de::Error::custom(format!("an id has {ID_BYTES} characters, not {}", id.len()))
    })
}

impl Default for SeenIds {
    fn default() -> Self {
        Self::new()
    }
}

/// One iteration is one page, as the service's poll loop would fetch it.
///
/// # Panics
///
/// When the cluster's answer can't be parsed, which would be a bug of this crate.
pub fn workload() -> impl FnMut() -> Kept {
    let mut cluster = SearchCluster::default();
    let mut seen = SeenIds::new();
    move || {
        seen.refresh(&mut cluster)
            .expect("the cluster's pages are valid");
        seen.kept()
    }
}
