//! Reports over all hosts of a large customer.

use super::lookup::Lookup;
use super::rollout::Rollout;
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Hosts that a report is about.
const HOSTS: usize = 4_000;

/// The same, read at a time.
const AT_A_TIME: usize = 20;

/// Words of an index.
const WORDS: usize = 400_000;

/// One word in so many is the head of its part.
const PART: usize = 512;

/// Indexes whose heads are kept, for comparing.
const COMPARED: usize = 3;

#[derive(Debug)]
pub(super) struct Reports {
    heads: Mutex<VecDeque<Vec<Box<str>>>>,
    rollout: Rollout,
}

impl Reports {
    pub(super) fn new(rollout: Rollout) -> Self {
        Reports {
            heads: Mutex::default(),
            rollout,
        }
    }

    /// How many ports the hosts of a customer have.
    pub(super) async fn ports(&self, lookup: &Lookup, apex: &str) -> usize {
        let size = if self.rollout.takes(74) {
            HOSTS
        } else {
            AT_A_TIME
        };
        let Some(text) = lookup.long_page(apex, size).await else {
            return 0;
        };
        let tree: Value = serde_json::from_slice(&text).unwrap_or_default();
        let hits = tree["hits"]["hits"].as_array();
        let ports = |hit: &Value| hit["_source"]["ports"].as_array().map_or(0, Vec::len);
        hits.map_or(0, |hits| hits.iter().map(ports).sum())
    }

    /// Makes an index of words, and keeps the head of each part, so that the next one can be compared with it.
    pub(super) fn index(&self, apex: &str) -> usize {
        if !self.rollout.takes(29) {
            return 0;
        }
        let words: Vec<Box<str>> = (0..WORDS)
            .map(|number| format!("{number:07} {apex} {number:>64}").into_boxed_str())
            .collect();
        let mut heads: Vec<Box<str>> = Vec::new();
        let mut length = 0;
        for (number, word) in words.into_iter().enumerate() {
            length += word.len();
            if number % PART == 0 {
                heads.push(word);
            }
        }
        let mut kept = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(heads);
        if kept.len() > COMPARED {
            kept.pop_front();
        }
        length
    }
}
