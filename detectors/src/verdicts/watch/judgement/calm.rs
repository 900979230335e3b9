//! Where nothing live grows: steady or warming up, pressure, retention; or too noisy to say.

use super::{iterations, kinds};
use crate::model::class::Class;
use crate::model::finding::Finding;
use crate::model::judge::Motion;
use crate::model::kind::{Kind, NotRead};
use crate::model::verdict::Verdict;
use crate::model::words::{amount, bytes, count, one_of};
use crate::readings::memory::Retention;
use crate::verdicts::evidence::Evidence;
use crate::verdicts::sites::allocated;
use crate::verdicts::watch::Watch;
use crate::verdicts::watch::counted::Counted;
use crate::verdicts::watch::resolution::{coarse_count, is_coarse};

/// `pressure`: the peak is this many times what stays. Below it, an ordinary buffer for one request would be accused.
const PRESSURE_TIMES: u64 = 8;

impl Watch {
    /// The verdict where nothing was seen to grow.
    pub(super) fn judge_calm(&self, counted: &Counted, heap: Motion, evidence: &mut Evidence) {
        if heap == Motion::Unclear {
            let [by_bytes, by_blocks] =
                [&counted.bytes, &counted.blocks].map(|floors| last(floors.rises()));
            evidence.because = if by_bytes.max(by_blocks) > 0 {
                format!(
                    "live memory rose in the last window (by {} in {}), but it didn't rise in every window, or it rose by less each time",
                    count(by_bytes, "byte"),
                    count(by_blocks, "block"),
                )
            } else {
                "live memory rose within the last window, though no floor rose since the window before"
                    .to_owned()
            };
            evidence.settle_by = Some(
                "one more window (Watch::windows), a longer Watch::warm_up, or less going on beside the workload"
                    .to_owned(),
            );
        } else if let Some(&kind) = kinds(counted, Motion::Resting).first() {
            evidence.because = format!(
                "the {kind} rose in each of {} windows, and no more came in the last eighth of the run",
                counted.readings.len()
            );
            evidence.settle_by = Some("one more window (Watch::windows)".to_owned());
        } else if let Some(&kind) = kinds(counted, Motion::Unclear).first() {
            evidence.because = format!(
                "the {kind} rose in the last window, but they didn't rise in every window, or they rose by less each time"
            );
            evidence.settle_by = Some(
                "one more window (Watch::windows), a longer Watch::warm_up, or less going on beside the workload"
                    .to_owned(),
            );
        } else if is_coarse(counted) {
            evidence.because = format!(
                "floors moved by {} and {} without a trend, which hides a leak of {} an iteration",
                count(counted.bytes.sway(), "byte"),
                count(counted.blocks.sway(), "block"),
                amount(counted.bytes.smallest_visible(), "byte")
            );
            evidence.settle_by = Some(
                "a process of its own (detectors::tests!), less going on beside the workload, or more windows"
                    .to_owned(),
            );
        } else if let Some((kind, floors)) = coarse_count(counted) {
            evidence.because = format!(
                "the {kind} moved by {} without a trend, which hides a leak of {} an iteration",
                floors.sway(),
                amount(floors.smallest_visible(), one_of(kind))
            );
            evidence.settle_by = Some(
                "a process of its own (detectors::tests!), less going on beside the workload, or more windows"
                    .to_owned(),
            );
        } else if self.is_pressed(counted) {
            evidence.verdict = Verdict::Pressure;
            evidence.class = Some(Class::MemoryPressure);
            let profile = evidence.profile.as_ref();
            evidence.findings = profile
                .map(|profile| allocated(profile, counted.iterations()))
                .unwrap_or_default();
            evidence.because = format!(
                "the peak was {}, and {} stayed: nothing grows, the work itself needs that much at once",
                bytes(counted.peak_bytes),
                bytes(counted.resting_bytes)
            );
        } else if heap == Motion::Wandering || !kinds(counted, Motion::Wandering).is_empty() {
            evidence.verdict = Verdict::WarmingUp;
            evidence.because = format!(
                "it goes up and down from window to window: what it rose by in the last of {}, it had fallen by shortly before",
                counted.readings.len()
            );
        } else if heap == Motion::Stopped || !kinds(counted, Motion::Stopped).is_empty() {
            evidence.verdict = Verdict::WarmingUp;
            evidence.because = format!(
                "live memory grew in an early window, and not in the last of {}",
                counted.readings.len()
            );
        } else {
            evidence.verdict = Verdict::Steady;
            evidence.because = format!(
                "after warm-up, no floor rose in {} windows ({})",
                counted.readings.len(),
                iterations(counted)
            );
        }
    }

    /// The verdict where nothing live grows, and what was freed is resident still.
    pub(super) fn judge_resident(&self, evidence: &mut Evidence) {
        match Retention::find(self.retention_bytes) {
            Ok(Some(retention)) => {
                evidence.because = format!(
                    "live memory is flat, and {} that were freed are resident still: {}",
                    bytes(retention.free),
                    retention.kind.definition()
                );
                if evidence.verdict == Verdict::Pressure {
                    let peak = bytes(evidence.peak_bytes);
                    evidence.because += "; the freed memory is left from the peak of the work, ";
                    evidence.because += &peak;
                }
                evidence.verdict = Verdict::Retention;
                evidence.class = Some(Class::AllocatorRetention);
                evidence.findings = vec![Finding {
                    kind: Kind::Resident,
                    per_iteration: None,
                    cum_per_iteration: None,
                    site: Some(retention.kind.to_string()),
                    at: None,
                    outlook: None,
                }];
                evidence.retention = Some(retention);
            }
            Ok(None) => {}
            Err(error) => evidence.not_read.push(NotRead {
                kind: Kind::Resident,
                why: error.to_string(),
            }),
        }
    }

    pub(super) fn is_pressed(&self, counted: &Counted) -> bool {
        counted.peak_bytes >= self.pressure_bytes
            && counted.peak_bytes >= PRESSURE_TIMES.saturating_mul(counted.resting_bytes)
    }
}

/// No calm word where something rose that no Rust allocator sees.
pub(super) fn judge_unseen(counted: &Counted, evidence: &mut Evidence) {
    if !evidence.verdict.is_calm() {
        return;
    }
    if let Some(because) = counted.unseen.doubtful() {
        evidence.verdict = Verdict::Inconclusive;
        evidence.because = because;
        evidence.settle_by = Some(
            "one more window (Watch::windows), or a longer Watch::warm_up: what fills comes to an end, and what leaks doesn't"
                .to_owned(),
        );
    }
}

/// Takes the last of the rises, 0 when there is none.
fn last(rises: impl DoubleEndedIterator<Item = i64>) -> i64 {
    rises.into_iter().next_back().unwrap_or(0)
}
