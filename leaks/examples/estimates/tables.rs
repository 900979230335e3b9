//! The figures as tables.

use crate::sampled::{Estimate, PROFILES, Sampled, chance};
use crate::workload::SITES;
use std::fmt::Write;

type Truth = [u64; SITES.len()];

/// What one sample stands for, by the size of its block.
pub(crate) fn chances(interval: u32) -> String {
    let mut table = String::from("block     chance to be hit   one hit stands for\n");
    for size in [16, 4 << 10, 300 << 10, 8 << 20] {
        let size = f64::from(size);
        let chance = chance(size, interval);
        let blocks = chance.recip();
        let blocks = if blocks < 1_000.0 {
            format!("{blocks:.1}")
        } else {
            count(blocks)
        };
        let _ = writeln!(
            table,
            "{:>6} {:>19} {:>20} = {}",
            bytes(size),
            format!("{:.3} %", 100.0 * chance),
            format!("{blocks} blocks"),
            bytes(size / chance)
        );
    }
    table
}

/// Each interval: its samples, and how far the figures are off.
pub(crate) fn intervals(sampled: &[Sampled], truth: &Truth) -> String {
    let mut table = String::from(
        "a sample each   samples   mean total   total off by   ids off by   sites not seen\n",
    );
    let ids = SITES.iter().position(|site| site.name == "ids");
    let ids = ids.expect("a site of many small blocks");
    let all: f64 = truth.iter().map(|bytes| *bytes as f64).sum();
    for one in sampled {
        let totals: Vec<f64> = one
            .profiles
            .iter()
            .map(|profile| profile.iter().map(|site| site.bytes).sum::<f64>() / all)
            .collect();
        let of_sites = || one.profiles.iter().flatten();
        let unseen = of_sites().filter(|site| site.bytes == 0.0).count();
        let _ = writeln!(
            table,
            "{:>13} {:>9} {:>12} {:>14} {:>12} {:>16}",
            bytes(f64::from(one.interval)),
            count(one.samples()),
            percent(mean(totals.iter().copied())),
            percent(off_by(&totals)),
            percent(off_by(&shares(one, ids, truth))),
            format!("{unseen} of {}", of_sites().count())
        );
    }
    table
}

/// Each site at one interval.
pub(crate) fn sites(one: &Sampled, truth: &Truth) -> String {
    let mut table = String::from(
        "site      keeps                          live  samples   off by  1/sqrt(n)   lowest  highest\n",
    );
    for (number, site) in SITES.iter().enumerate() {
        let live = truth[number] as f64;
        let shares = shares(one, number, truth);
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
            "{:<9} {:<27} {:>7} {:>8.1} {:>8} {:>10} {:>8} {:>8}",
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
    let (number, site, [(_, short), (_, long)]) = SITES
        .iter()
        .enumerate()
        .find_map(|(number, site)| Some((number, site, *site.keeps.as_array()?)))
        .expect("a site of two sizes");
    let row = |name: &str, objects: f64, held: f64| {
        format!("{name:<34} {:>9} {:>9}\n", count(objects), bytes(held))
    };
    let means = |name: &str, of: &dyn Fn(Estimate) -> (f64, f64)| {
        row(
            name,
            mean(one.of(number).map(|estimate| of(estimate).0)),
            mean(one.of(number).map(|estimate| of(estimate).1)),
        )
    };
    let by_average = |estimate: Estimate| {
        let [short_hits, long_hits] = estimate.samples;
        let hits = short_hits + long_hits;
        let hit_bytes = short_hits * f64::from(short) + long_hits * f64::from(long);
        let chance = chance(hit_bytes / hits, one.interval);
        (hits / chance, hit_bytes / chance)
    };
    [
        format!(
            "{:<34} {:>9} {:>9}\n",
            format!("{}, mean of {PROFILES} profiles", site.name),
            "objects",
            "bytes"
        ),
        row("live", f64::from(site.blocks()), site.bytes() as f64),
        means("each sample by its own chance", &|estimate| {
            (estimate.objects, estimate.bytes)
        }),
        means("all by the chance of the average", &by_average),
    ]
    .concat()
}

/// What each profile says of a site, as a share of the truth.
fn shares(one: &Sampled, site: usize, truth: &Truth) -> Vec<f64> {
    one.of(site)
        .map(|estimate| estimate.bytes / truth[site] as f64)
        .collect()
}

pub(crate) fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (count, sum) = values.fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
    sum / count
}

/// How far shares of the truth are from 1: the root of the mean of the squares.
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
