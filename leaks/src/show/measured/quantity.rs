//! What a plot shows: live memory, or what tells more than that of this verdict.

use super::axis::Axis;
use crate::show::scale;
use detectors::{Evidence, Kind, Reading, Sample, Verdict};

/// One figure of each sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantity {
    Memory,
    /// The highest live memory so far.
    Peak,
    Resident,
    Count(Kind),
}

impl Quantity {
    /// Live memory, unless it isn't what the verdict is about.
    pub(crate) fn of(evidence: &Evidence) -> Self {
        let heap = |kind| matches!(kind, Kind::Bytes | Kind::Blocks);
        match evidence.findings.first() {
            _ if evidence.verdict == Verdict::Pressure => Quantity::Peak,
            _ if evidence.verdict == Verdict::Retention => Quantity::Resident,
            // What each of them keeps of the heap is little, and not what the process runs out of.
            Some(first) if first.kind == Kind::Descriptors => Quantity::Count(first.kind),
            // More stays where no Rust allocator sees it than where one does.
            Some(first) if first.kind == Kind::Resident => Quantity::Resident,
            // Nothing stays at all: what there was within the iterations is all there is to see.
            None if evidence.timeline.iter().all(|sample| sample.bytes == 0) => Quantity::Peak,
            Some(first) if !evidence.findings.iter().any(|finding| heap(finding.kind)) => {
                Quantity::Count(first.kind)
            }
            _ => Quantity::Memory,
        }
    }

    pub(crate) fn title(self) -> String {
        match self {
            Quantity::Memory => {
                "live memory after each iteration, above what was live at the start".to_owned()
            }
            Quantity::Peak => {
                "the highest live memory so far, above what was live at the start".to_owned()
            }
            Quantity::Resident => "resident memory after each iteration".to_owned(),
            Quantity::Count(kind) => {
                format!("{kind} after each iteration, above what there was at the start")
            }
        }
    }

    pub(crate) fn value(self, sample: &Sample) -> f64 {
        match self {
            Quantity::Memory => sample.bytes as f64,
            Quantity::Peak => sample.peak_bytes as f64,
            Quantity::Resident => sample.resident_bytes.unwrap_or(0) as f64,
            Quantity::Count(kind) => sample.counts.get(kind).unwrap_or(0) as f64,
        }
    }

    pub(crate) fn floor(self, window: &Reading) -> f64 {
        match self {
            Quantity::Memory | Quantity::Peak => window.floor_bytes as f64,
            Quantity::Resident => window.resident_bytes.unwrap_or(0) as f64,
            Quantity::Count(kind) => window.floor_counts.get(kind).unwrap_or(0) as f64,
        }
    }

    pub(crate) fn axis(self, low: f64, high: f64, steps: usize) -> Axis {
        match self {
            Quantity::Memory | Quantity::Peak | Quantity::Resident => Axis::bytes(low, high, steps),
            Quantity::Count(_) => Axis::counts(high, steps),
        }
    }

    /// A value with its unit: `24 KiB`, `12 descriptors`.
    pub(crate) fn text(self, value: f64) -> String {
        match self {
            Quantity::Memory | Quantity::Peak | Quantity::Resident => scale::bytes(value),
            Quantity::Count(kind) => format!("{value:.0} {kind}"),
        }
    }

    /// A value for each iteration: `24 KiB`, `1 of the descriptors`.
    pub(crate) fn per_iteration(self, value: f64) -> String {
        match self {
            Quantity::Memory | Quantity::Peak | Quantity::Resident => scale::bytes(value.round()),
            Quantity::Count(kind) => format!("{value:.1} {kind}"),
        }
    }

    /// What the value at a line's end is called: `24 KiB live`.
    pub(crate) fn at_the_end(self, value: f64) -> String {
        match self {
            Quantity::Memory => format!("{} live", self.text(value)),
            Quantity::Peak => format!("{} at once", self.text(value)),
            Quantity::Resident => format!("{} resident", self.text(value)),
            Quantity::Count(_) => self.text(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Quantity;
    use detectors::{Evidence, Kind};

    #[test]
    fn a_leak_of_descriptors_is_drawn_as_descriptors_whatever_they_keep_of_the_heap() {
        let finding = |kind: &str| serde_json::json!({ "kind": kind, "per_iteration": 2.0, "site": null, "at": null });
        let of = |kinds: &[&str]| {
            let findings: Vec<_> = kinds.iter().map(|kind| finding(kind)).collect();
            let evidence: Evidence = serde_json::from_value(serde_json::json!({
                "name": "a", "verdict": "leak", "class": null, "because": "", "settle_by": null, "findings": findings, "readings": [],
                "timeline": [], "peak_bytes": 0, "resting_bytes": 0, "smallest_leak": null,
                "instrument": { "name": "", "stacks": "", "lacks": [] }, "not_read": [],
            }))
            .expect("evidence");
            Quantity::of(&evidence)
        };
        let descriptors = Quantity::Count(Kind::Descriptors);
        assert_eq!(of(&["descriptors"]), descriptors);
        assert_eq!(of(&["descriptors", "bytes", "blocks"]), descriptors);
        assert_eq!(of(&["tasks", "sockets", "bytes"]), Quantity::Memory);
    }
}
