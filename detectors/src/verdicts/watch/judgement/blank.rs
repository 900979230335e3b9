//! Evidence before it is judged: what was counted, and `inconclusive`.

use crate::model::finding::{Instrument, SmallestLeak};
use crate::model::reading::ReadError;
use crate::model::verdict::Verdict;
use crate::verdicts::evidence::Evidence;
use crate::verdicts::watch::Watch;
use crate::verdicts::watch::counted::Counted;

impl Watch {
    /// The evidence that is the same for every verdict; `inconclusive` until something else is proved.
    pub(super) fn report(&self, counted: &Counted) -> Evidence {
        Evidence {
            readings: counted.readings.clone(),
            timeline: counted.timeline.samples().to_vec(),
            peak_bytes: counted.peak_bytes,
            resting_bytes: counted.resting_bytes,
            not_read: counted.not_read.clone(),
            smallest_leak: Some(SmallestLeak {
                blocks_per_iteration: counted.blocks.smallest_visible(),
                bytes_per_iteration: counted
                    .bytes
                    .smallest_visible()
                    .max(counted.fills_and_nothing_grows().unwrap_or(0.0)),
                unseen_bytes_per_iteration: counted.unseen.smallest_visible(),
            })
            .filter(|smallest| smallest.blocks_per_iteration.is_finite()),
            ..self.empty()
        }
    }

    pub(in crate::verdicts::watch) fn unread(&self, error: &ReadError) -> Evidence {
        Evidence {
            because: format!("nothing could be read: {}", error.reason),
            settle_by: Some(error.next.clone()),
            ..self.empty()
        }
    }

    fn empty(&self) -> Evidence {
        Evidence {
            name: self.name.clone(),
            verdict: Verdict::Inconclusive,
            class: None,
            because: String::new(),
            settle_by: None,
            findings: Vec::new(),
            accepted: Vec::new(),
            holders: Vec::new(),
            readings: Vec::new(),
            timeline: Vec::new(),
            peak_bytes: 0,
            resting_bytes: 0,
            retention: None,
            smallest_leak: None,
            instrument: Instrument {
                name: self.source.name().to_owned(),
                stacks: self.source.stacks(),
                lacks: [lacks(), self.source.lacks()].concat(),
            },
            not_read: Vec::new(),
            profile: None,
        }
    }
}

/// What this build can't do, in words.
fn lacks() -> Vec<String> {
    let mut lacks = Vec::new();
    if !cfg!(frame_pointers) {
        lacks.push(
            "built without frame pointers: stacks through code without unwind tables end early; build with \
             RUSTFLAGS=-Cforce-frame-pointers=yes"
                .to_owned(),
        );
    }
    if !cfg!(tokio_unstable) {
        lacks.push(
            "built without tokio_unstable: tasks are not seen by spawn site; build with RUSTFLAGS=\"--cfg \
             tokio_unstable\""
                .to_owned(),
        );
    }
    lacks
}
