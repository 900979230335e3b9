//! From the readings of calls with more and more items to a verdict.

use super::items::Meter;
use super::{Peak, PeakEvidence, PeakReading};
use crate::model::class::Class;
use crate::model::finding::{Finding, Instrument};
use crate::model::judge::{Floor, Floors, Motion, PARTS};
use crate::model::kind::{Kind, NotRead};
use crate::model::reading::ReadError;
use crate::model::verdict::Verdict;
use crate::model::words::{amount, listed, one_of};
use crate::verdicts::sites;

/// Every kind that a reading tells of.
const KINDS: [Kind; 6] = [
    Kind::Tasks,
    Kind::Sockets,
    Kind::Descriptors,
    Kind::Threads,
    Kind::Blocks,
    Kind::Bytes,
];

/// Fewer than one in so many items is a pool that grows now and then, and nothing that piles up.
const LEAST_PER_ITEM: f64 = 0.1;

/// A site that explains less than this share of the peak is not worth a reader's time.
const LEAST_SHARE: f64 = 0.05;

impl Peak {
    pub(super) fn judge(&self, readings: Vec<PeakReading>, meter: &mut Meter) -> PeakEvidence {
        let allowed = |kind| match kind {
            Kind::Bytes => self.bytes_per_item,
            // Where bytes are allowed, so are the blocks that they lie in.
            Kind::Blocks => f64::INFINITY,
            _ => LEAST_PER_ITEM,
        };
        let of = |motion, read: fn(&PeakReading, Kind) -> Option<i64>| -> Vec<Kind> {
            KINDS
                .into_iter()
                .filter(|&kind| {
                    line(&readings, |reading| read(reading, kind)).is_some_and(|line| {
                        line.motion() == motion && line.per_iteration() > allowed(kind)
                    })
                })
                .collect()
        };
        let grows = of(Motion::Growing, PeakReading::get);
        let stays = of(Motion::Growing, PeakReading::resting);
        let unclear = of(Motion::Unclear, PeakReading::get);
        let last = readings[readings.len() - 1].items;
        let mut evidence = self.empty(meter);
        if let Some(kind) = grows.first() {
            evidence.verdict = if stays.is_empty() {
                Verdict::Pressure
            } else {
                Verdict::Leak
            };
            evidence.findings = findings(&readings, &grows, meter, last);
            // What has to be closed or ended is cleanup put off; memory alone is what the work keeps at once.
            let is_memory = matches!(kind, Kind::Bytes | Kind::Blocks);
            evidence.class = match evidence.verdict {
                Verdict::Leak if is_memory => None,
                _ if is_memory => Some(Class::MemoryPressure),
                _ => Some(Class::DeferredCleanup),
            };
            evidence.because = because_it_grows(&readings, &grows, &stays);
        } else if let Some(kind) = unclear.first() {
            evidence.because =
                format!("the peak of {kind} rose with the items, but not in a straight line");
        } else {
            evidence.verdict = Verdict::Steady;
            evidence.because = format!(
                "the peak of a call with {last} items is that of a call with {}",
                readings[0].items
            );
        }
        evidence.readings = readings;
        evidence
    }

    pub(super) fn unread(&self, error: &ReadError, meter: &Meter) -> PeakEvidence {
        PeakEvidence {
            because: format!("nothing could be read: {error}"),
            ..self.empty(meter)
        }
    }

    fn empty(&self, meter: &Meter) -> PeakEvidence {
        let mut not_read = meter.not_read();
        not_read.push(NotRead {
            kind: Kind::Resident,
            why: "a peak is of what is live: a Watch and detectors::memory tell of resident memory"
                .to_owned(),
        });
        if !meter.source.reads_sites() {
            not_read.push(NotRead {
                kind: Kind::Bytes,
                why: "sites were not read: this instrument knows them only when all is over"
                    .to_owned(),
            });
        }
        PeakEvidence {
            name: self.name.clone(),
            verdict: Verdict::Inconclusive,
            class: None,
            because: String::new(),
            findings: Vec::new(),
            readings: Vec::new(),
            instrument: Instrument {
                name: meter.source.name().to_owned(),
                stacks: meter.source.stacks(),
                lacks: meter.source.lacks(),
            },
            not_read,
        }
    }
}

impl PeakEvidence {
    /// How much more of a kind there is at the peak for each item; 0 when it wasn't read.
    pub fn per_item(&self, kind: Kind) -> f64 {
        per_item(&self.readings, kind)
    }
}

fn per_item(readings: &[PeakReading], kind: Kind) -> f64 {
    line(readings, |reading| reading.get(kind)).map_or(0.0, |line| line.per_iteration())
}

/// One figure over the items, for the growth rule; `None` when it wasn't read.
fn line(readings: &[PeakReading], figure: impl Fn(&PeakReading) -> Option<i64>) -> Option<Floors> {
    let mut line = Floors::with_capacity(readings.len());
    for reading in readings {
        line.push(Floor {
            middle: reading.items as u64,
            parts: [figure(reading)?; PARTS],
        });
    }
    Some(line)
}

fn because_it_grows(readings: &[PeakReading], grows: &[Kind], stays: &[Kind]) -> String {
    let amounts = |kinds: &[Kind]| {
        let each: Vec<String> = kinds
            .iter()
            .map(|&kind| amount(per_item(readings, kind), one_of(kind)))
            .collect();
        listed(&each)
    };
    let (first, last) = (readings[0].items, readings[readings.len() - 1].items);
    let text = format!(
        "at its peak the call has {} more for each item, from {first} items to {last}",
        amounts(grows)
    );
    if stays.is_empty() {
        format!("{text}, and all of it is gone when the call has returned")
    } else {
        format!(
            "{text}, and {} stay when the call has returned",
            amounts(stays)
        )
    }
}

/// What grows, by group or site of what was there when the last item was done.
fn findings(readings: &[PeakReading], grows: &[Kind], meter: &Meter, items: usize) -> Vec<Finding> {
    let each = |value: f64| value / items as f64;
    let mut findings = Vec::new();
    for &kind in grows.iter().filter(|kind| **kind != Kind::Bytes) {
        let groups = meter.groups(kind);
        findings.extend(groups.iter().map(|(group, more)| Finding {
            kind,
            per_iteration: Some(each(*more)),
            cum_per_iteration: None,
            site: Some(group.to_string()),
            at: group.at.clone(),
            outlook: None,
        }));
        if groups.is_empty() {
            findings.push(unplaced(kind, per_item(readings, kind)));
        }
    }
    if grows.contains(&Kind::Bytes) {
        let held = sites::held(meter.stacks(), items, LEAST_SHARE);
        if held.is_empty() {
            findings.push(unplaced(Kind::Bytes, per_item(readings, Kind::Bytes)));
        }
        findings.extend(held);
    }
    findings
}

fn unplaced(kind: Kind, per_item: f64) -> Finding {
    Finding {
        kind,
        per_iteration: Some(per_item),
        cum_per_iteration: None,
        site: None,
        at: None,
        outlook: None,
    }
}
