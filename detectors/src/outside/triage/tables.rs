//! What a service's hash tables take in between two doublings. No count of memory tells it: the room is there already.

use super::sampling::GrowingGroup;
use super::service::Fetches;
use crate::model::kind::Kind;
use crate::readings::tables::OfSite;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Where the debug port tells it.
const PATH: &str = "/tables";

/// What each site's tables hold, over a look.
#[derive(Debug, Default)]
pub(super) struct Followed {
    /// Whether the service tells it at all.
    is_told: bool,
    by_site: BTreeMap<String, Site>,
    /// How often it was read.
    readings: u32,
}

/// While there is no table, one reading in so many asks: each answer costs the service something.
const WITHOUT_TABLES: u32 = 8;

#[derive(Debug)]
struct Site {
    /// When it was read first, or in the middle of the look, and what there was.
    from: (Instant, u64),
    now: u64,
    /// Whether it was missing in the reading before: a table that doubles just then is.
    was_missing: bool,
}

impl Followed {
    pub(super) fn begin(&mut self, asks: &dyn Fetches) {
        let told = ask(asks);
        self.is_told = told.is_some();
        self.by_site.clear();
        self.take(told.unwrap_or_default(), Instant::now());
    }

    /// What all of them hold now, in bytes; `None` where the service doesn't tell it.
    pub(super) fn read(&mut self, asks: &dyn Fetches) -> Option<u64> {
        if !self.is_told {
            return None;
        }
        self.readings += 1;
        if self.by_site.is_empty() && !self.readings.is_multiple_of(WITHOUT_TABLES) {
            return Some(0);
        }
        // One answer that doesn't come leaves all as they were.
        if let Some(told) = ask(asks) {
            self.take(told, Instant::now());
        }
        Some(self.by_site.values().map(|site| site.now).sum())
    }

    fn take(&mut self, told: Vec<OfSite>, at: Instant) {
        let mut by_site: BTreeMap<String, u64> = BTreeMap::new();
        for of_site in told {
            let filled = of_site.filled_bytes();
            *by_site.entry(of_site.site).or_default() += filled;
        }
        self.by_site.retain(|name, site| {
            let is_missing = !by_site.contains_key(name);
            let stays = !(is_missing && site.was_missing);
            site.was_missing = is_missing;
            stays
        });
        for (name, filled) in by_site {
            let site = self.by_site.entry(name).or_insert(Site {
                from: (at, filled),
                now: filled,
                was_missing: false,
            });
            site.now = filled;
        }
    }

    /// What comes from here on is what goes on to the end.
    pub(super) fn mark(&mut self) {
        let now = Instant::now();
        for site in self.by_site.values_mut() {
            site.from = (now, site.now);
        }
    }

    /// The sites whose tables take in more, the most first.
    pub(super) fn grown(&self) -> Vec<GrowingGroup> {
        let group = |(name, site): (&String, &Site)| {
            let more = site.now.saturating_sub(site.from.1);
            let time = site.from.0.elapsed().max(Duration::from_millis(1));
            (more > 0).then(|| GrowingGroup {
                kind: Kind::Bytes,
                name: name.clone(),
                per_second: more as f64 / time.as_secs_f64(),
                site: None,
            })
        };
        let mut grown: Vec<GrowingGroup> = self.by_site.iter().filter_map(group).collect();
        grown.sort_by(|a, b| b.per_second.total_cmp(&a.per_second));
        grown
    }

    /// Whether tables of this site are read: how full they are is no question then.
    pub(super) fn knows(&self, site: &str) -> bool {
        self.by_site.contains_key(site)
    }
}

fn ask(asks: &dyn Fetches) -> Option<Vec<OfSite>> {
    serde_json::from_slice(&asks.ask(PATH).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::{Followed, OfSite};
    use std::time::Instant;

    fn of(entries: u64, buckets: u64) -> Vec<OfSite> {
        vec![OfSite {
            site: "shop::seen (shop.rs:7)".to_owned(),
            tables: 1,
            bytes: buckets * 17 + 16,
            buckets,
            entries,
        }]
    }

    #[test]
    fn a_table_that_is_missing_once_has_not_gone() {
        let mut followed = Followed::default();
        let mut held = |told: Vec<OfSite>| {
            followed.take(told, Instant::now());
            followed.by_site.values().map(|site| site.now).sum::<u64>()
        };
        assert_eq!(held(of(500_000, 1 << 20)), 8_500_000);
        assert_eq!(held(Vec::new()), 8_500_000, "it doubles");
        assert_eq!(held(of(900_000, 1 << 21)), 15_300_000);
        assert_eq!(held(Vec::new()), 15_300_000);
        assert_eq!(held(Vec::new()), 0, "it was freed");
    }

    #[test]
    fn what_came_since_the_middle_grows_by_its_site() {
        let mut followed = Followed::default();
        followed.take(of(500_000, 1 << 20), Instant::now());
        followed.mark();
        assert!(followed.grown().is_empty());
        followed.take(of(510_000, 1 << 20), Instant::now());
        let grown = followed.grown();
        assert_eq!(grown[0].name, "shop::seen (shop.rs:7)");
        assert!(grown[0].per_second > 0.0);
        assert!(followed.knows("shop::seen (shop.rs:7)") && !followed.knows("shop::other"));
    }
}
