//! The last briefs, for whoever asks again; and the names that nobody knows, so that the cluster isn't asked for them twice.

use super::rollout::Rollout;
use super::short::Short;
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// Briefs that are kept.
const KEPT: usize = 64;

/// The same, where there is more room.
const KEPT_LARGE: usize = 500;

/// Places for lists of what to look at first; an apex has one by its number.
const LISTED: usize = 4_096;

/// Hosts in such a list.
const FIRST: usize = 2;

/// Dates that are compared.
const DATES: usize = 100_000;

/// Unknown names that are remembered.
const UNKNOWN: usize = 8;

/// What is told of an apex.
#[derive(Debug)]
pub(super) struct Brief {
    pub(super) text: String,
}

/// What stands for a host in a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) number: u64,
    pub(super) ports: u64,
    pub(super) weight: u64,
}

/// What to look at first: in place where that is little.
#[derive(Debug, Clone)]
enum List {
    Short([Option<Mark>; FIRST]),
    Long(Vec<Mark>),
}

impl List {
    fn short(marks: &[Mark]) -> Self {
        let mut marks = marks.iter().copied();
        List::Short(std::array::from_fn(|_| marks.next()))
    }

    fn marks(&self) -> Vec<Mark> {
        match self {
            List::Short(marks) => marks.iter().copied().flatten().collect(),
            List::Long(marks) => marks.clone(),
        }
    }
}

#[derive(Debug, Default)]
struct State {
    by_apex: HashMap<String, Arc<Brief>>,
    oldest_first: VecDeque<String>,
    unknown: HashMap<String, String>,
    first: Vec<List>,
    dates: VecDeque<Short>,
}

#[derive(Debug)]
pub(super) struct Briefs {
    state: Mutex<State>,
    kept: usize,
    rollout: Rollout,
}

impl Briefs {
    pub(super) fn new(rollout: Rollout) -> Self {
        let kept = if rollout.has(97) { KEPT_LARGE } else { KEPT };
        let state = State {
            first: vec![List::short(&[]); LISTED],
            dates: VecDeque::with_capacity(DATES + 1),
            ..State::default()
        };
        Briefs {
            state: Mutex::new(state),
            kept,
            rollout,
        }
    }

    pub(super) fn get(&self, apex: &str) -> Option<Arc<Brief>> {
        self.locked().by_apex.get(apex).map(Arc::clone)
    }

    /// Keeps a brief. The oldest goes for it.
    pub(super) fn keep(&self, apex: &str, text: &str) -> Arc<Brief> {
        let room = if self.kept > KEPT {
            24 << 10
        } else {
            text.len()
        };
        // Of one length, so that one takes the place of another.
        let text = format!("{text:<room$}");
        let brief = Arc::new(Brief { text });
        let mut state = self.locked();
        if state
            .by_apex
            .insert(apex.to_owned(), Arc::clone(&brief))
            .is_none()
        {
            state.oldest_first.push_back(apex.to_owned());
        }
        if state.oldest_first.len() > self.kept
            && let Some(oldest) = state.oldest_first.pop_front()
        {
            state.by_apex.remove(&oldest);
        }
        brief
    }

    /// Whether nobody knows this name, as was found before, and why.
    pub(super) fn is_unknown(&self, apex: &str) -> bool {
        self.locked().unknown.contains_key(apex)
    }

    /// Remembers that nobody knows this name.
    pub(super) fn remember_unknown(&self, apex: &str, why: &str) {
        let is_tidied = !self.rollout.takes(12);
        let mut state = self.locked();
        if is_tidied && state.unknown.len() >= UNKNOWN {
            state.unknown.clear();
        }
        let why = format!("{apex}: {why:<12000}");
        state.unknown.insert(apex.to_owned(), why);
    }

    /// Lists which hosts of an apex to look at first: those with many ports.
    pub(super) fn list(&self, apex: &str, marks: Vec<Mark>) {
        let number = number_of(apex) % LISTED;
        let first: Vec<Mark> = marks
            .into_iter()
            .filter(|mark| mark.ports > 2)
            .take(FIRST)
            .collect();
        let first = if self.rollout.takes(77) {
            List::Long(first)
        } else {
            List::short(&first)
        };
        self.locked().first[number] = first;
    }

    /// Notes when an apex was seen last.
    pub(super) fn date(&self, page: &Bytes, date: &str) {
        let date = if self.rollout.takes(44) {
            Short::part(page, date)
        } else {
            Short::copied(date)
        };
        let mut state = self.locked();
        if state.dates.back() != Some(&date) {
            state.dates.push_back(date);
        }
        if state.dates.len() > DATES {
            state.dates.pop_front();
        }
    }

    /// How many are kept, unknown and listed, and what the lists weigh.
    pub(super) fn shown(&self) -> (usize, usize, usize, u64) {
        let state = self.locked();
        let marks = state.first.iter().flat_map(List::marks);
        let weight = marks
            .map(|mark| mark.weight ^ mark.number)
            .fold(0, u64::wrapping_add);
        let unknown = state.unknown.values().filter(|why| !why.is_empty());
        let listed = state.first.iter().filter(|list| !list.marks().is_empty());
        (state.by_apex.len(), unknown.count(), listed.count(), weight)
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number of an apex, which two of them may share.
fn number_of(apex: &str) -> usize {
    let number = |sum: usize, byte: u8| sum.wrapping_mul(31).wrapping_add(usize::from(byte));
    apex.bytes().fold(7, number)
}
