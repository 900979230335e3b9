//! What profiles say of each site, and how far that is from the truth.

use crate::workload::{self, Block, SITES, Site};
use detectors::Scope;
use detectors::allocator::{self, reseed_sampling, set_sampling_interval};
use detectors::heap::{Detail, ReadError};
use std::collections::HashMap;

/// Profiles at each interval.
pub(crate) const PROFILES: u32 = 40;

/// What one profile says of one site.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Estimate {
    pub(crate) objects: f64,
    pub(crate) bytes: f64,
    /// Live samples behind the figures, for each size that the site keeps.
    pub(crate) samples: [f64; 2],
}

/// The profiles of one interval.
#[derive(Debug)]
pub(crate) struct Sampled {
    pub(crate) interval: u32,
    pub(crate) profiles: Vec<[Estimate; SITES.len()]>,
}

impl Sampled {
    /// Runs the workload and takes a profile, again and again.
    pub(crate) fn at(interval: u32, kept: &mut Vec<Block>, names: &mut Names) -> Self {
        let profile = |seed: u32| {
            set_sampling_interval(Some(interval as usize));
            reseed_sampling(u64::from(seed));
            workload::serve(kept);
            // What reading allocates would be sampled too.
            set_sampling_interval(None);
            reseed_sampling(0);
            let estimates = read(interval, names);
            kept.clear();
            estimates
        };
        Sampled {
            interval,
            profiles: (0..PROFILES).map(profile).collect(),
        }
    }

    /// How many live samples a profile has, on average.
    pub(crate) fn samples(&self) -> f64 {
        let of_sites = self.profiles.iter().flatten();
        let all: f64 = of_sites.flat_map(|site| site.samples).sum();
        all / self.profiles.len() as f64
    }

    /// What each profile says of one site.
    pub(crate) fn of(&self, site: usize) -> impl Iterator<Item = Estimate> {
        self.profiles.iter().map(move |profile| profile[site])
    }
}

fn read(interval: u32, names: &mut Names) -> [Estimate; SITES.len()] {
    let mut estimates = [Estimate::default(); SITES.len()];
    for measured in allocator::estimates() {
        if let Some(site) = names.site(measured.stack) {
            let [_, _, objects, bytes] = measured.values;
            estimates[site].objects += objects;
            estimates[site].bytes += bytes;
        }
    }
    for (estimate, site) in estimates.iter_mut().zip(&SITES) {
        estimate.samples = samples(*estimate, site, interval);
    }
    estimates
}

/// How many samples an estimate is made of: each stands for the inverse of its chance.
fn samples(estimate: Estimate, site: &Site, interval: u32) -> [f64; 2] {
    let count = |objects: f64, bytes: u32| (objects * chance(f64::from(bytes), interval)).round();
    match *site.keeps {
        // Two sizes and two figures: so many objects of each size add up to both.
        [(_, short), (_, long)] => {
            let more = estimate.bytes - estimate.objects * f64::from(short);
            let long_ones = more / f64::from(long - short);
            let short_ones = estimate.objects - long_ones;
            [count(short_ones, short), count(long_ones, long)]
        }
        [(_, bytes), ..] => [count(estimate.bytes / f64::from(bytes), bytes), 0.0],
        [] => [0.0; 2],
    }
}

/// How likely a block is to be sampled.
pub(crate) fn chance(bytes: f64, interval: u32) -> f64 {
    -(-bytes / f64::from(interval)).exp_m1()
}

/// Live bytes of each site by a scope's count, which sees every block.
pub(crate) fn truth(
    kept: &mut Vec<Block>,
    names: &mut Names,
) -> Result<[u64; SITES.len()], ReadError> {
    let scope = Scope::new(Detail::Stacks)?;
    workload::serve(kept);
    let mut truth = [0; SITES.len()];
    scope.each_site(&mut |reading| {
        if let Some(site) = names.site(Scope::stack_of(reading.site)) {
            truth[site] += reading.bytes;
        }
    });
    kept.clear();
    Ok(truth)
}

/// The sites of stacks, each resolved once.
#[derive(Debug, Default)]
pub(crate) struct Names(HashMap<Vec<usize>, Option<usize>>);

impl Names {
    fn site(&mut self, stack: &[usize]) -> Option<usize> {
        if let Some(site) = self.0.get(stack) {
            return *site;
        }
        let mut functions = Vec::new();
        for &return_address in stack {
            backtrace::resolve(std::ptr::without_provenance_mut(return_address), |symbol| {
                functions.extend(symbol.name().map(|name| format!("{name:#}")));
            });
        }
        let site = Site::of(&functions);
        self.0.insert(stack.to_vec(), site);
        site
    }
}
