//! Caches whose entries are never the same, and tables that fill as their users come by chance: what they hold goes up and down, or up
//! by less each time. They leak nothing, and hide no leak beside them.
//!
//! `DETECTORS_SEEDS=100 cargo test -p detectors-proofs --test elsewhere noisy_caches::` watches as many seeds of each.

use crate::random::Random;
use detectors::{Evidence, Verdict, Watch};
use std::collections::HashMap;

/// One in so many may stay open.
const OPEN_OF: usize = 10;

/// How many seeds are watched.
fn seeds() -> u64 {
    const FEW: u64 = 4;
    std::env::var("DETECTORS_SEEDS").map_or(FEW, |told| {
        told.parse().expect("DETECTORS_SEEDS is a number")
    })
}

/// Watches one seed after another, and counts the verdicts.
fn with_each_seed(watched: impl Fn(u64) -> Evidence) -> Vec<Evidence> {
    (0..seeds()).map(watched).collect()
}

fn are_calm(all: &[Evidence]) {
    let open = all
        .iter()
        .filter(|evidence| evidence.verdict == Verdict::Inconclusive);
    let open = open.count();
    let wrong = all
        .iter()
        .find(|evidence| !evidence.verdict.is_calm() && evidence.verdict != Verdict::Inconclusive);
    if let Some(wrong) = wrong {
        panic!(
            "{}: {}, {}\n{}",
            wrong.name,
            wrong.verdict,
            wrong.because,
            wrong.windows_table()
        );
    }
    let open_max = all.len().div_ceil(OPEN_OF);
    assert!(open <= open_max, "{open} of {} are open", all.len());
}

/// Each is accused, and the line of this file is named.
fn all_leak(all: &[Evidence]) {
    for evidence in all {
        let names_it = evidence.findings.iter().any(|finding| {
            finding
                .site
                .as_ref()
                .is_some_and(|site| site.contains("leak_one"))
        });
        assert!(
            evidence.verdict == Verdict::Leak && names_it,
            "{}: {}, {}\n{}\n{}",
            evidence.name,
            evidence.verdict,
            evidence.because,
            evidence.windows_table(),
            evidence.findings_list()
        );
    }
}

/// Entries of any size, of which the oldest go, and now and then a third of all: their time was over.
struct Cache {
    random: Random,
    entries: HashMap<usize, Vec<u8>>,
}

impl Cache {
    fn new(seed: u64) -> Self {
        Cache {
            random: Random::new(seed),
            entries: HashMap::new(),
        }
    }

    fn answer(&mut self) {
        let random = &mut self.random;
        for _ in 0..5 {
            let size = random.below(2_000) + 1;
            self.entries.insert(random.below(1_000), vec![7; size]);
        }
        while self.entries.len() > 300 {
            self.entries.remove(&random.below(1_000));
        }
        if random.below(150) == 0 {
            let of_three = random.below(3);
            self.entries.retain(|key, _| key % 3 != of_three);
        }
    }
}

/// Users of whom each has a session from its first visit on.
fn visit(random: &mut Random, sessions: &mut HashMap<usize, Box<[u8; 100]>>, users: usize) {
    let user = random.below(users);
    sessions.entry(user).or_insert_with(|| Box::new([7; 100]));
}

#[inline(never)]
#[expect(clippy::vec_box, reason = "a block for each entry")]
fn leak_one(kept: &mut Vec<Box<[u8; 40]>>) {
    kept.push(Box::new([7; 40]));
}

detectors::tests! {
    fn a_cache_that_is_never_the_same() {
        are_calm(&with_each_seed(|seed| {
            Watch::new(format!("seed {seed}")).run(|| {
                let mut cache = Cache::new(seed);
                move || cache.answer()
            })
        }));
    }

    /// Its noise is larger than what leaks in a window.
    fn a_leak_beside_a_cache_that_is_never_the_same() {
        all_leak(&with_each_seed(|seed| {
            Watch::new(format!("seed {seed}")).run(|| {
                let mut cache = Cache::new(seed);
                let mut kept = Vec::new();
                move || {
                    cache.answer();
                    leak_one(&mut kept);
                }
            })
        }));
    }

    /// It is as large as an entry of the noise, and made by the same line: up to so many of them come and go in an iteration.
    #[deadline(seconds = 600)]
    fn a_leak_beside_heavy_noise_is_never_called_calm() {
        for (noise, seeds) in [(3_000, 0..seeds()), (10_000, 8..10)] {
            let all = seeds.map(|seed| {
                Watch::new(format!("up to {noise}, seed {seed}")).warm_up(20).run(|| {
                    let mut random = Random::new(seed);
                    let (mut kept, mut scratch) = (Vec::with_capacity(10_000), Vec::with_capacity(10_000));
                    move || {
                        leak_one(&mut kept);
                        scratch.clear();
                        (0..random.below(noise)).for_each(|_| leak_one(&mut scratch));
                    }
                })
            });
            for evidence in all {
                let (verdict, table) = (evidence.verdict, evidence.windows_table());
                assert!(!verdict.is_calm(), "{}: {verdict}\n{table}", evidence.name);
            }
        }
    }

    /// Half of the users have come when the watch ends, or most, or all.
    #[deadline(seconds = 600)]
    fn sessions_of_users_who_come_by_chance() {
        for users in [300, 500, 800] {
            let all = with_each_seed(|seed| {
                Watch::new(format!("{users} users, seed {seed}")).run(|| {
                    let mut random = Random::new(seed);
                    let mut sessions = HashMap::new();
                    move || visit(&mut random, &mut sessions, users)
                })
            });
            // Who comes last comes late: nobody knows yet whether all have come.
            for evidence in all {
                let (verdict, table) = (evidence.verdict, evidence.windows_table());
                assert_ne!(verdict, Verdict::Leak, "{}\n{table}", evidence.name);
            }
        }
    }

    /// A leak that strikes by chance is as fast at the end as it was at first.
    fn a_leak_that_strikes_by_chance() {
        all_leak(&with_each_seed(|seed| {
            Watch::new(format!("seed {seed}")).run(|| {
                let mut random = Random::new(seed);
                let mut kept = Vec::with_capacity(10_000);
                move || {
                    if random.below(5) == 0 {
                        leak_one(&mut kept);
                    }
                }
            })
        }));
    }
}
