//! The figures as tables.

use crate::sampled::{Estimate, PROFILES, Sampled, chance};
use crate::workload::SITES;
use std::fmt::Write;

type Truth = [u64; SITES.len()];

/// Each rate: what it costs in samples, and how far its figures are off.
pub(crate) fn rates(sampled: &[Sampled], truth: &Truth) -> String {
    let mut table = String::from(
        "a sample each   samples   mean of all   total off by   a site off by   sites not seen\n",
    );
    let all: f64 = truth.iter().map(|bytes| *bytes as f64).sum();
    for one in sampled {
        let totals: Vec<f64> = one
            .profiles
            .iter()
            .map(|profile| profile.iter().map(|site| site.bytes).sum::<f64>() / all)
            .collect();
        let of_sites: Vec<f64> = one
            .profiles
            .iter()
            .flat_map(|profile| shares(profile, truth))
            .collect();
        let unseen = of_sites.iter().filter(|share| **share == 0.0).count();
        let samples = mean(one.profiles.iter().map(|profile| {
            let of_site = |site: &Estimate| site.samples.iter().sum::<f64>();
            profile.iter().map(of_site).sum()
        }));
        let _ = writeln!(
            table,
            "{:>13} {:>9} {:>13} {:>14} {:>15} {:>16}",
            bytes(f64::from(one.rate)),
            count(samples),
            percent(mean(totals.iter().copied())),
            percent(off_by(&totals)),
            percent(off_by(&of_sites)),
            format!("{unseen} of {}", of_sites.len())
        );
    }
    table
}

/// Each site at one rate.
pub(crate) fn sites(one: &Sampled, truth: &Truth) -> String {
    let mut table = String::from(
        "site        keeps                               live  samples   off by   1/sqrt(n)    lowest   highest\n",
    );
    for (number, site) in SITES.iter().enumerate() {
        let live = truth[number] as f64;
        let shares: Vec<f64> = one
            .of(number)
            .map(|estimate| estimate.bytes / live)
            .collect();
        let samples = mean(one.of(number).map(|estimate| estimate.samples.iter().sum()));
        let (lowest, highest) = shares.iter().fold((f64::MAX, 0_f64), |(low, high), share| {
            (low.min(*share), high.max(*share))
        });
        let keeps: Vec<String> = site
            .keeps
            .iter()
            .map(|&(blocks, size)| {
                format!("{} x {}", count(f64::from(blocks)), bytes(f64::from(size)))
            })
            .collect();
        let _ = writeln!(
            table,
            "{:<11} {:<30} {:>9} {:>8.1} {:>8} {:>11} {:>9} {:>9}",
            site.name,
            keeps.join(", "),
            bytes(live),
            samples,
            percent(off_by(&shares)),
            percent(samples.sqrt().recip()),
            bytes(lowest * live),
            bytes(highest * live)
        );
    }
    table
}

/// A site of two sizes, scaled in two ways.
pub(crate) fn average(one: &Sampled) -> String {
    let (number, site, [(short_ones, short), (long_ones, long)]) = SITES
        .iter()
        .enumerate()
        .find_map(|(number, site)| Some((number, site, *site.keeps.as_array()?)))
        .expect("a site of two sizes");
    let row = |name: &str, objects: f64, size: f64| {
        format!("{name:<34} {:>9} {:>9}\n", count(objects), bytes(size))
    };
    let each_by_its_chance = (
        mean(one.of(number).map(|estimate| estimate.objects)),
        mean(one.of(number).map(|estimate| estimate.bytes)),
    );
    let by_average: Vec<(f64, f64)> = one
        .of(number)
        .map(|estimate| {
            let [short_ones, long_ones] = estimate.samples;
            let objects = short_ones + long_ones;
            let size = short_ones * f64::from(short) + long_ones * f64::from(long);
            let chance = chance(size / objects, one.rate);
            (objects / chance, size / chance)
        })
        .collect();
    let by_average = (
        mean(by_average.iter().map(|(objects, _)| *objects)),
        mean(by_average.iter().map(|(_, size)| *size)),
    );
    format!(
        "{:<34} {:>9} {:>9}\n{}{}{}",
        format!("{}, mean of {PROFILES} profiles", site.name),
        "objects",
        "bytes",
        row(
            "live",
            f64::from(short_ones + long_ones),
            site.bytes() as f64
        ),
        row(
            "each sample by its own chance",
            each_by_its_chance.0,
            each_by_its_chance.1
        ),
        row(
            "all by the chance of the average",
            by_average.0,
            by_average.1
        ),
    )
}

fn shares(profile: &[Estimate; SITES.len()], truth: &Truth) -> Vec<f64> {
    profile
        .iter()
        .zip(truth)
        .map(|(estimate, truth)| estimate.bytes / *truth as f64)
        .collect()
}

pub(crate) fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (count, sum) = values.fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
    sum / count
}

/// The root of the mean square of what shares of the truth are off from 1.
fn off_by(shares: &[f64]) -> f64 {
    mean(shares.iter().map(|share| (share - 1.0).powi(2))).sqrt()
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// With a comma between thousands.
pub(crate) fn count(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// As in pprof, a kB is 1,024 bytes.
pub(crate) fn bytes(value: f64) -> String {
    let (value, unit) = match value {
        value if value >= f64::from(1 << 20) => (value / f64::from(1 << 20), "MB"),
        value if value >= 1_024.0 => (value / 1_024.0, "kB"),
        value => (value, "B"),
    };
    if value.fract() == 0.0 || value >= 100.0 {
        format!("{value:.0} {unit}")
    } else {
        format!("{value:.1} {unit}")
    }
}
