//! What was waited for, by stack, since the process began.

use crate::allocator::stacks::sites::{Site, Sites};
use crate::allocator::{self, Stack};
use crate::profile::Profile;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Who had to wait, since the process began: each wait by the stack that waited, with how long it took.
///
/// A wait is in it once it has ended. Where nothing has waited, the profile is empty.
pub fn block_profile() -> Profile {
    profile("waits", |waits| &waits.of_waiters)
}

/// Who let others wait, since the process began: each release of a lock that was waited for, by the stack that released it, with
/// how long others had waited for it while it was held.
///
/// Each nanosecond that somebody waits is one holder's: that of the next to release the lock. Three who wait for a second make
/// three. Where nothing has waited, the profile is empty.
pub fn mutex_profile() -> Profile {
    profile("holders that were waited for", |waits| &waits.of_holders)
}

/// Waits that are in no profile, since their stack was a new one when the table was full.
pub fn lost() -> u64 {
    SITES.lost()
}

/// Where something waited, or was waited for.
static SITES: Sites<Waits> = Sites::new();

#[derive(Default)]
struct Waits {
    of_waiters: Sum,
    of_holders: Sum,
}

#[derive(Default)]
struct Sum {
    contentions: AtomicU64,
    nanoseconds: AtomicU64,
}

impl Sum {
    fn add(&self, waited: Duration) {
        let nanoseconds = u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX);
        self.contentions.fetch_add(1, Relaxed);
        self.nanoseconds.fetch_add(nanoseconds, Relaxed);
    }
}

/// The number of this very stack's site, by which a wait can be told later.
pub(super) fn site_here() -> usize {
    SITES.number(Stack::here().frames())
}

/// A wait at that site has ended.
pub(super) fn waited_at(site: usize, waited: Duration) {
    if let Some(site) = SITES.get(site) {
        site.counted.of_waiters.add(waited);
    }
}

/// At that site a lock is released, for which others have waited so long together.
pub(super) fn held_at(site: usize, waited: Duration) {
    if let Some(site) = SITES.get(site) {
        site.counted.of_holders.add(waited);
    }
}

fn profile(name: &str, which: fn(&Waits) -> &Sum) -> Profile {
    allocator::uncounted(|| {
        let of_site = |site: &Site<Waits>| {
            let sum = which(&site.counted);
            let value = |counter: &AtomicU64| counter.load(Relaxed).cast_signed();
            let values = [value(&sum.contentions), value(&sum.nanoseconds)];
            (values[0] > 0).then(|| (site.frames().to_vec(), values))
        };
        let stacks: Vec<_> = SITES.iter().filter_map(|(_, site)| of_site(site)).collect();
        let profile = Profile::of_waits(name, &stacks);
        crate::profile::give_back();
        profile
    })
}
