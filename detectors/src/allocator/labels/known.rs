//! Which labels there are, and which sets of them threads are under: a bounded number of each, so that a thread's set is one byte.
//!
//! | a set's number | is |
//! |---|---|
//! | 0 | none |
//! | up to 64 | one label with a value of its own |
//! | up to 80 | one label with the value `other`: each key has one |
//! | up to 255 | several labels, each with another key, in the order in which keys were first seen |

use super::apart;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU8, AtomicU64};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Labels with a value of their own.
pub(super) const LABELS_MAX: usize = 64;

/// The last one is `other`, for those that find no room.
pub(super) const KEYS_MAX: usize = 16;

const NUMBERS: usize = LABELS_MAX + KEYS_MAX;

/// Numbers of sets are below this.
pub(super) const SETS: usize = 256;

/// From here up there is only room for sets in which a label found none.
const SETS_WITH_OTHER: usize = 224;

/// A longer value is cut.
pub(super) const VALUE_BYTES_MAX: usize = 128;

const OTHER: &str = "other";

static KNOWN: RwLock<Known> = RwLock::new(Known {
    keys: Vec::new(),
    labels: Vec::new(),
    sets: Vec::new(),
    numbers: BTreeMap::new(),
});

/// The set that comes of a set and one label more, as far as it was asked for; 0 for what nobody asked for yet.
static WITH: [[AtomicU8; NUMBERS]; SETS] = [const { [const { AtomicU8::new(0) }; NUMBERS] }; SETS];

/// Labels, and sets, that found no room.
static LOST: AtomicU64 = AtomicU64::new(0);

struct Known {
    keys: Vec<Key>,
    /// By number: the place of the key, and the value.
    labels: Vec<(usize, Box<str>)>,
    /// Those of several labels, by number.
    sets: Vec<Vec<u8>>,
    numbers: BTreeMap<Vec<u8>, u8>,
}

struct Key {
    name: &'static str,
    values: BTreeMap<Box<str>, u8>,
}

fn read() -> RwLockReadGuard<'static, Known> {
    KNOWN.read().unwrap_or_else(PoisonError::into_inner)
}

fn write() -> RwLockWriteGuard<'static, Known> {
    KNOWN.write().unwrap_or_else(PoisonError::into_inner)
}

/// The number of a label; that of its key's `other` where there is no room for more.
pub(super) fn number(key: &'static str, value: &str) -> u8 {
    let value = cut(value);
    let (number, is_lost) = {
        let found = read().find(key, value);
        found.unwrap_or_else(|| apart(|| write().add(key, value)))
    };
    if is_lost {
        LOST.fetch_add(1, Relaxed);
    }
    number
}

/// The number of the set that has what this set has, and that label in place of one with the same key.
pub(super) fn with(set: u8, label: u8) -> u8 {
    let known = &WITH[usize::from(set)][usize::from(label)];
    match known.load(Relaxed) {
        0 => {
            let made = apart(|| write().with(set, label));
            known.store(made, Relaxed);
            made
        }
        made => made,
    }
}

/// The labels of each set that there is.
pub(super) fn sets() -> Vec<(u8, Vec<(&'static str, String)>)> {
    let known = read();
    let singles = (0..known.labels.len()).chain(LABELS_MAX..LABELS_MAX + known.keys.len());
    let several = (0..known.sets.len()).map(|at| NUMBERS + at);
    let numbers = singles.chain(several).map(|at| byte(at + 1));
    let named = numbers.map(|set| {
        let labels = known.labels_of(set).into_iter();
        (set, labels.map(|label| known.named(label)).collect())
    });
    named.collect()
}

pub(in crate::allocator) fn lost() -> u64 {
    LOST.load(Relaxed)
}

fn byte(number: usize) -> u8 {
    u8::try_from(number).expect("there are fewer than 256 sets")
}

fn cut(value: &str) -> &str {
    &value[..value.floor_char_boundary(VALUE_BYTES_MAX)]
}

impl Known {
    /// The number of a label that needs no room, and whether it is one that found none.
    fn find(&self, key: &str, value: &str) -> Option<(u8, bool)> {
        let place = self.keys.iter().position(|known| known.name == key);
        let Some(place) = place else {
            let is_full = self.keys.len() == KEYS_MAX;
            return is_full.then(|| (other_of(KEYS_MAX - 1), true));
        };
        if value == OTHER {
            return Some((other_of(place), false));
        }
        let known = self.keys[place].values.get(value);
        let is_full = self.labels.len() == LABELS_MAX;
        known
            .map(|number| (*number, false))
            .or_else(|| is_full.then(|| (other_of(place), true)))
    }

    fn add(&mut self, key: &'static str, value: &str) -> (u8, bool) {
        if !self.keys.iter().any(|known| known.name == key) {
            let is_last = self.keys.len() + 1 >= KEYS_MAX;
            let name = if is_last { OTHER } else { key };
            let values = BTreeMap::new();
            if self.keys.len() < KEYS_MAX {
                self.keys.push(Key { name, values });
            }
        }
        if let Some(found) = self.find(key, value) {
            return found;
        }
        let Some(place) = self.keys.iter().position(|known| known.name == key) else {
            return (other_of(KEYS_MAX - 1), true);
        };
        let number = byte(self.labels.len());
        self.labels.push((place, value.into()));
        self.keys[place].values.insert(value.into(), number);
        (number, false)
    }

    fn with(&mut self, set: u8, label: u8) -> u8 {
        let key = self.key_of(label);
        let rest = self.labels_of(set);
        let rest = rest.into_iter().filter(|label| self.key_of(*label) != key);
        let rest: Vec<u8> = rest.collect();
        let and = |this: &Self, label| {
            let mut labels = rest.clone();
            labels.push(label);
            labels.sort_unstable_by_key(|label| this.key_of(*label));
            labels
        };
        let wanted = and(self, label);
        if let Some(number) = self.set(wanted, SETS_WITH_OTHER) {
            return number;
        }
        LOST.fetch_add(1, Relaxed);
        let with_other = and(self, other_of(key));
        self.set(with_other, SETS).unwrap_or(set)
    }

    /// The number of a set, which is made while numbers below `end` are left.
    fn set(&mut self, labels: Vec<u8>, end: usize) -> Option<u8> {
        if let [label] = labels[..] {
            return Some(label + 1);
        }
        if let Some(number) = self.numbers.get(&labels) {
            return Some(*number);
        }
        let number = NUMBERS + 1 + self.sets.len();
        let number = (number < end).then(|| byte(number))?;
        self.sets.push(labels.clone());
        self.numbers.insert(labels, number);
        Some(number)
    }

    fn labels_of(&self, set: u8) -> Vec<u8> {
        match usize::from(set) {
            0 => Vec::new(),
            one if one <= NUMBERS => vec![set - 1],
            several => self.sets[several - NUMBERS - 1].clone(),
        }
    }

    /// The place of a label's key.
    fn key_of(&self, label: u8) -> usize {
        let label = usize::from(label);
        match label.checked_sub(LABELS_MAX) {
            Some(key) => key,
            None => self.labels[label].0,
        }
    }

    fn named(&self, label: u8) -> (&'static str, String) {
        let value = self.labels.get(usize::from(label));
        let value = value.map_or(OTHER, |(_, value)| value);
        (self.keys[self.key_of(label)].name, value.to_owned())
    }
}

fn other_of(key: usize) -> u8 {
    byte(LABELS_MAX + key)
}

#[cfg(test)]
mod tests {
    use super::{KEYS_MAX, Known, LABELS_MAX, NUMBERS, SETS, SETS_WITH_OTHER, other_of};
    use std::collections::BTreeMap;

    fn nothing() -> Known {
        Known {
            keys: Vec::new(),
            labels: Vec::new(),
            sets: Vec::new(),
            numbers: BTreeMap::new(),
        }
    }

    fn names(known: &Known, set: u8) -> String {
        let labels = known.labels_of(set).into_iter();
        let names = labels.map(|label| {
            let (key, value) = known.named(label);
            format!("{key}={value}")
        });
        names.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_is_more_than_there_is_room_for_falls_under_other() {
        let mut known = nothing();
        for value in 0..10_000 {
            let (number, is_lost) = known.add("tenant", &format!("t{value}"));
            assert_eq!(is_lost, value >= LABELS_MAX, "{value}");
            if is_lost {
                assert_eq!(number, other_of(0));
            }
        }
        assert_eq!(known.add("tenant", "t7"), (7, false), "it has room already");
        // A key that comes late has no value of its own, and is told from the first one all the same.
        assert_eq!(known.add("route", "/apex"), (other_of(1), true));
        assert_eq!(names(&known, other_of(1) + 1), "route=other");
        assert_eq!(known.labels.len(), LABELS_MAX);
    }

    #[test]
    fn keys_that_find_no_room_are_one() {
        let mut known = nothing();
        let keys: Vec<&'static str> = (0..40).map(|at| &*format!("key{at}").leak()).collect();
        for (at, key) in keys.iter().enumerate() {
            let (number, is_lost) = known.add(key, "value");
            assert_eq!(is_lost, at >= KEYS_MAX - 1, "{at}");
            let expected = if is_lost {
                "other=other"
            } else {
                &*format!("{key}=value")
            };
            assert_eq!(names(&known, number + 1), expected);
        }
    }

    #[test]
    fn a_set_is_the_same_in_whichever_order_it_came_about() {
        let mut known = nothing();
        let [route, tenant, neighbour] = [("route", "/"), ("tenant", "a"), ("tenant", "b")]
            .map(|(key, value)| known.add(key, value).0);
        let first = known.with(0, route);
        let both = known.with(first, tenant);
        assert_eq!(names(&known, both), "route=/ tenant=a");
        let other_way = known.with(0, tenant);
        assert_eq!(known.with(other_way, route), both);
        assert_eq!(known.with(both, tenant), both);
        let inner = known.with(both, neighbour);
        assert_eq!(
            names(&known, inner),
            "route=/ tenant=b",
            "the inner value of a key counts"
        );
    }

    #[test]
    fn a_set_that_finds_no_room_falls_under_other_of_its_last_key() {
        let mut known = nothing();
        let routes: Vec<u8> = (0..32)
            .map(|at| known.add("route", &format!("{at}")).0)
            .collect();
        let tenants: Vec<u8> = (0..32)
            .map(|at| known.add("tenant", &format!("{at}")).0)
            .collect();
        for route in &routes {
            for tenant in &tenants {
                let outer = known.with(0, *route);
                let set = names(&known, known.labels_of(outer)[0] + 1);
                let both = known.with(outer, *tenant);
                let both = names(&known, both);
                assert!(both.starts_with(&set), "{both} has lost {set}");
            }
        }
        assert!(known.sets.len() < SETS - NUMBERS);
        assert!(known.sets.len() >= SETS_WITH_OTHER - NUMBERS - 1);
        let last = known.with(routes[31] + 1, tenants[31]);
        assert_eq!(names(&known, last), "route=31 tenant=other");
    }
}
