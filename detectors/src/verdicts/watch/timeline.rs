//! What there was after each iteration, in room that doesn't grow with them.

use crate::verdicts::evidence::Sample;

/// More than any picture has columns; a watch with its defaults runs to a fifth of it.
const SAMPLES_MAX: usize = 16_384;

/// When the room is full, two stay of so many samples in a row.
const THINNED: usize = 4;

/// A sample for each iteration; in a run of more than [`SAMPLES_MAX`], two for each stretch of it, all stretches being of one
/// length: those with the fewest and the most live bytes, so that neither a floor nor a short peak is lost.
#[derive(Debug)]
pub(crate) struct Timeline {
    samples: Vec<Sample>,
    iterations: u64,
    /// Iterations in a stretch; 1 while every sample stays.
    stretch: u64,
    /// The lowest and the highest of the stretch that hasn't ended.
    open: Option<(Sample, Sample)>,
    last: Option<Sample>,
}

impl Timeline {
    /// Takes the room for so many iterations at once: a run's own memory isn't the workload's.
    pub(super) fn with_room_for(iterations: u64) -> Self {
        let samples = usize::try_from(iterations).unwrap_or(usize::MAX);
        Timeline {
            // One more for the last sample.
            samples: Vec::with_capacity(samples.min(SAMPLES_MAX + 1)),
            iterations: 0,
            stretch: 1,
            open: None,
            last: None,
        }
    }

    /// How many iterations ran.
    pub(super) fn iterations(&self) -> u64 {
        self.iterations
    }

    /// The samples that stay, in order.
    pub(super) fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// Takes the sample after the next iteration.
    pub(super) fn push(&mut self, sample: Sample) {
        self.iterations += 1;
        self.last = Some(sample);
        let (lowest, highest) = self.open.get_or_insert((sample, sample));
        if sample.bytes < lowest.bytes {
            *lowest = sample;
        }
        if sample.bytes >= highest.bytes {
            *highest = sample;
        }
        if self.iterations.is_multiple_of(self.stretch) {
            self.close();
            if self.samples.len() >= SAMPLES_MAX {
                self.thin();
            }
        }
    }

    /// The run is over: its last sample stays as well.
    pub(super) fn end(&mut self) {
        self.close();
        let has_last = |last: &Sample| self.samples.last() == Some(last);
        if let Some(last) = self.last.take_if(|last| !has_last(last)) {
            self.samples.push(last);
        }
    }

    fn close(&mut self) {
        if let Some((lowest, highest)) = self.open.take() {
            self.samples.extend(in_order(lowest, highest));
        }
    }

    /// Stretches end where longer ones do, since the room is a multiple of what is thinned at once.
    fn thin(&mut self) {
        let mut kept = 0;
        for from in (0..self.samples.len()).step_by(THINNED) {
            let row = &self.samples[from..from + THINNED];
            // The first of the lowest and the last of the highest: never the same one.
            let lowest = row.iter().min_by_key(|sample| sample.bytes).copied();
            let highest = row.iter().max_by_key(|sample| sample.bytes).copied();
            for sample in lowest
                .zip(highest)
                .into_iter()
                .flat_map(|(lowest, highest)| in_order(lowest, highest))
            {
                self.samples[kept] = sample;
                kept += 1;
            }
        }
        self.samples.truncate(kept);
        self.stretch = if self.stretch == 1 {
            THINNED as u64
        } else {
            2 * self.stretch
        };
    }
}

impl Default for Timeline {
    fn default() -> Self {
        Timeline::with_room_for(0)
    }
}

/// Both in the order of their iterations; one, where they are the same.
fn in_order(one: Sample, other: Sample) -> impl Iterator<Item = Sample> {
    let (first, second) = if one.iteration <= other.iteration {
        (one, other)
    } else {
        (other, one)
    };
    let second = (second.iteration != first.iteration).then_some(second);
    std::iter::once(first).chain(second)
}

#[cfg(test)]
mod tests {
    use super::{SAMPLES_MAX, Timeline};
    use crate::verdicts::evidence::Sample;

    /// The iterations and live bytes that stay of a run.
    fn kept(iterations: u64, bytes: impl Fn(u64) -> i64) -> Vec<(u64, i64)> {
        let mut timeline = Timeline::with_room_for(u64::MAX);
        let room = timeline.samples.capacity();
        for iteration in 1..=iterations {
            timeline.push(Sample {
                iteration,
                bytes: bytes(iteration),
                ..Sample::default()
            });
        }
        timeline.end();
        assert_eq!(timeline.iterations(), iterations);
        assert_eq!(
            timeline.samples.capacity(),
            room,
            "what was taken at first is enough"
        );
        let samples = timeline.samples().iter();
        samples
            .map(|sample| (sample.iteration, sample.bytes))
            .collect()
    }

    #[test]
    fn a_run_that_fits_stays_whole() {
        let iterations = SAMPLES_MAX as u64 - 1;
        let whole: Vec<(u64, i64)> = (1..=iterations).map(|at| (at, -at.cast_signed())).collect();
        assert_eq!(kept(iterations, |at| -at.cast_signed()), whole);
    }

    #[test]
    fn the_lowest_the_highest_and_the_last_stay_of_a_longer_one() {
        let room = SAMPLES_MAX as u64;
        for iterations in [
            room,
            room + 1,
            room + 3,
            2 * room,
            3 * room + 5,
            40 * room - 1,
        ] {
            let (low, high) = (iterations / 3, iterations / 2);
            let bytes = |at: u64| match at {
                _ if at == low => -1_000,
                _ if at == high => 1_000,
                _ => (at % 7).cast_signed(),
            };
            let kept = kept(iterations, bytes);
            assert!(kept.len() <= SAMPLES_MAX + 1 && kept.len() >= SAMPLES_MAX / 2);
            assert!(kept.is_sorted_by(|one, next| one.0 < next.0));
            assert!(kept.contains(&(low, -1_000)) && kept.contains(&(high, 1_000)));
            assert_eq!(kept.last(), Some(&(iterations, bytes(iterations))));
            let longest = kept.windows(2).map(|pair| pair[1].0 - pair[0].0).max();
            let stretch = 8 * iterations.div_ceil(room);
            assert!(longest <= Some(stretch), "{iterations}: {longest:?}");
        }
    }

    #[test]
    fn what_only_grows_keeps_both_ends_of_each_stretch() {
        let kept = kept(2 * SAMPLES_MAX as u64, u64::cast_signed);
        assert_eq!(kept[..4], [(1, 1), (8, 8), (9, 9), (16, 16)]);
    }
}
