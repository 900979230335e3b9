//! From a seed to a drill: which causes, how fast, which traffic. The same each time, and on every machine.

use super::sheet::{ALL, Cause, Is, Seen};

/// How hard a drill is: 1 to 3.
pub(crate) const LEVELS: std::ops::RangeInclusive<u8> = 1..=3;

/// Customers of the cluster that are asked for.
const CUSTOMERS: usize = 4_000;

/// A drill.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) level: u8,
    pub(crate) causes: Vec<&'static Cause>,
    /// Requests a second.
    pub(crate) rate: f64,
    /// What the line to the service is made with.
    pub(crate) key: u64,
    /// What is asked for in turn; `{n}` is the request's number.
    pub(crate) paths: Vec<String>,
}

impl Plan {
    /// The drill of this seed. One after a death is about what a heap profile shows.
    pub(crate) fn of(seed: u64, level: u8, is_after_death: bool) -> Self {
        let mut chance = Chance::of(seed, level);
        let fits = |cause: &&Cause| !is_after_death || cause.seen_by == Seen::Heap;
        let all: Vec<&'static Cause> = ALL.iter().filter(fits).collect();
        let first = all[chance.below(all.len())];
        let mut causes = vec![first];
        let is_leak = |cause: &Cause| matches!(cause.is, Is::Leak(_));
        if level == 3 && is_leak(first) && chance.below(3) > 0 {
            // Two that are seen in the same way would hide each other.
            let goes_with = |cause: &&&Cause| {
                is_leak(cause) && cause.is != first.is && cause.seen_by != first.seen_by
            };
            let others: Vec<&&Cause> = all.iter().filter(goes_with).collect();
            if !others.is_empty() {
                causes.push(others[chance.below(others.len())]);
            }
        }
        Plan::with(seed, level, causes)
    }

    /// The drill about these causes, with the noise and the traffic of that seed.
    pub(crate) fn with(seed: u64, level: u8, causes: Vec<&'static Cause>) -> Self {
        let mut chance = Chance::of(seed ^ 0x5eed, level);
        let rate = 26.0 + chance.below(8) as f64;
        let key = chance.next();
        let is_slow = causes.iter().any(|cause| cause.has_slow_clients);
        let paths = paths(&mut chance, is_slow);
        Plan {
            seed,
            level,
            causes,
            rate,
            key,
            paths,
        }
    }

    /// The changes that are live, each for one use in how many.
    pub(crate) fn live(&self) -> Vec<(usize, u16)> {
        let at = usize::from(self.level.clamp(1, 3) - 1);
        let live = self
            .causes
            .iter()
            .filter_map(|cause| Some((cause.change?, cause.one_in[at])));
        live.collect()
    }
}

/// The traffic: the same parts in each drill, in an order of its own.
fn paths(chance: &mut Chance, has_slow_clients: bool) -> Vec<String> {
    let customer = |chance: &mut Chance| format!("customer-{:04}.example", chance.below(10_000));
    let patience = if has_slow_clients {
        [4_000, 20_000]
    } else {
        [100, 900]
    };
    let mut paths = Vec::with_capacity(CUSTOMERS * 2);
    for round in 0..CUSTOMERS / 6 {
        let mut some: Vec<String> = (0..6)
            .map(|_| format!("/apex/{}?client=C{{n}}", customer(chance)))
            .collect();
        let waits = patience[0] + chance.below(patience[1] - patience[0]);
        some.push(format!("/watch/w{{n}}.{}?for={waits}", customer(chance)));
        let waits = patience[0] + chance.below(patience[1] - patience[0]);
        let other = match round % 3 {
            0 => format!("/beats/b{{n}}.{}?for={waits}", customer(chance)),
            1 => format!("/deep/{}", customer(chance)),
            _ => format!("/next/{0}?after=h00004.{0}", customer(chance)),
        };
        some.push(other);
        some.push(format!(
            "/export/{}?lines={}",
            customer(chance),
            [2, 25, 12][round % 3]
        ));
        some.push(format!(
            "/apex/n{{n}}.nobody-{:03}.example?client=D{{n}}",
            chance.below(1_000)
        ));
        if round % 10 == 7 {
            some.push(format!("/report/large-{:02}.example", chance.below(100)));
        }
        chance.shuffle(&mut some);
        paths.append(&mut some);
    }
    paths
}

/// Numbers that look random and are the same for a seed (splitmix64).
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn of(seed: u64, level: u8) -> Self {
        let mut chance = Chance(seed.wrapping_mul(0xd134_2543_de82_ef95) ^ u64::from(level) << 56);
        chance.next();
        chance
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let value = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap_or(0)
    }

    fn shuffle(&mut self, all: &mut [String]) {
        for at in (1..all.len()).rev() {
            let other = self.below(at + 1);
            all.swap(at, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sheet::{ALL, Is};
    use super::{LEVELS, Plan};
    use detectors::Class;
    use std::collections::BTreeSet;

    #[test]
    fn a_seed_is_the_same_drill_each_time_and_another_at_another_level() {
        let told = |seed, level| {
            let plan = Plan::of(seed, level, false);
            (plan.live(), plan.key, plan.paths)
        };
        assert_eq!(told(4711, 2), told(4711, 2));
        assert_ne!(told(4711, 2).1, told(4711, 1).1);
        assert_ne!(told(4711, 2).2, told(4712, 2).2);
    }

    #[test]
    fn every_cause_comes_at_every_level_and_pairs_come_at_the_third_alone() {
        for level in LEVELS {
            let plans: Vec<Plan> = (0..2_000)
                .map(|seed| Plan::of(seed, level, false))
                .collect();
            let seen: BTreeSet<Option<usize>> =
                plans.iter().map(|plan| plan.causes[0].change).collect();
            assert_eq!(seen.len(), ALL.len(), "level {level}");
            let has_pairs = plans.iter().any(|plan| plan.causes.len() == 2);
            assert_eq!(has_pairs, level == 3);
        }
    }

    #[test]
    fn there_are_drills_of_every_class_and_of_what_is_none() {
        assert!(ALL.len() >= 24, "{}", ALL.len());
        let of = |class: Class| {
            ALL.iter()
                .filter(|cause| cause.is == Is::Leak(class))
                .count()
        };
        for class in Class::ALL {
            let is_none = matches!(class, Class::MemoryPressure | Class::AllocatorRetention);
            assert_eq!(of(*class) > 0, !is_none, "{class}");
        }
        let calm = ALL.iter().filter(|cause| matches!(cause.is, Is::NoLeak(_)));
        assert!(calm.count() >= 4);
    }
}
