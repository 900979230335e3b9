//! Whether memory that was handed out before fills: what is resident tells, where what is in use doesn't.
//!
//! Growth may come in steps of many iterations: an arena or an interner takes a large block, fills it, and takes a larger one. Between two
//! steps nothing comes, and what is in use is flat. Resident memory isn't: it rises in a straight line as the blocks fill. So a watch
//! doesn't stop while it does. Steps that keep ahead of the line are a leak; of a line without a step it is told how much it hides.
//!
//! Resident memory is the kernel's estimate, which costs a call: the sums may be too dear for a reading in each part of a window.

use super::resolution::COARSE_BYTES_PER_ITERATION;
use crate::model::judge::{Floor, Floors, PARTS};
use crate::readings::memory;

/// A line is so steep at least, in bytes for each iteration: these instruments' notes fill as well.
const STEEP: f64 = COARSE_BYTES_PER_ITERATION;

/// By how much the estimate is off.
const GRAIN: i64 = 128 << 10;

/// What is in use rose by so large a share of what became resident, at least.
const STEPS_SHARE: i64 = 2;

/// Anonymous memory in RAM, window by window.
#[derive(Debug, Default)]
pub(super) struct Filling {
    floors: Floors,
    /// This window's readings, at the beginning of each part.
    parts: [Option<i64>; PARTS],
}

impl Filling {
    pub(super) fn with_room_for(windows: usize) -> Self {
        Filling {
            floors: Floors::in_steps_of(GRAIN).with_room_for(windows),
            ..Filling::default()
        }
    }

    pub(super) fn read(&mut self, part: usize) {
        if self.parts[part].is_none() {
            self.parts[part] = memory::anonymous_estimate().map(u64::cast_signed);
        }
    }

    pub(super) fn end_window(&mut self, middle: u64) {
        // A window that wasn't read whole is no point of a line.
        if let [Some(first), Some(second), Some(third), Some(last)] =
            std::mem::take(&mut self.parts)
        {
            let parts = [first, second, third, last];
            self.floors.push(Floor { middle, parts });
        }
    }

    /// Whether it rose in the last window, and evenly through the window's second half.
    pub(super) fn goes_on(&self) -> bool {
        let [.., before, last] = self.floors.windows() else {
            return false;
        };
        let each = rate(before, last);
        let part = last.middle as f64 / (3 * PARTS) as f64;
        let is_even = |pair: &[i64]| is_about((pair[1] - pair[0]) as f64 / part, each, 2.0);
        each >= STEEP
            && last.value() - before.value() >= self.floors.noise()
            && last.parts.windows(2).all(is_even)
    }

    /// How much becomes resident in each iteration, where the last four floors lie on a straight line that goes on to the end.
    pub(super) fn per_iteration(&self) -> Option<f64> {
        let [.., first, second, third, last] = self.floors.windows() else {
            return None;
        };
        let end = rate(third, last);
        let is_line =
            is_about(rate(first, second), end, 1.4) && is_about(rate(second, third), end, 1.4);
        let is_clear = last.value() - third.value() >= self.floors.clear();
        (is_line && is_clear && self.goes_on()).then_some(end)
    }

    /// Whether what is in use grows in such steps: what is resident rises in a straight line, the steps keep ahead of it, and one of
    /// them came in the last two windows.
    pub(super) fn by_steps(&self, in_use: &Floors) -> bool {
        if self.per_iteration().is_none() {
            return false;
        }
        let is_step = |rise: &i64| *rise > in_use.noise();
        let steps = in_use.rises().filter(is_step).count();
        let is_recent = in_use.rises().rev().take(2).any(|rise| is_step(&rise));
        let span = |floors: &Floors| floors.rises().sum::<i64>();
        steps > 1 && is_recent && STEPS_SHARE * span(in_use) >= span(&self.floors)
    }
}

/// By how much a figure rises for each iteration.
pub(super) fn rate(from: &Floor, to: &Floor) -> f64 {
    (to.value() - from.value()) as f64 / (to.middle - from.middle) as f64
}

/// Whether a rate is another, give or take this factor.
fn is_about(rate: f64, other: f64, times: f64) -> bool {
    other > 0.0 && (1.0 / times..=times).contains(&(rate / other))
}

#[cfg(test)]
mod tests {
    use super::{Filling, PARTS};
    use crate::model::judge::{Floor, Floors};

    /// Floors of a figure that is given by a function of the iteration, over so many windows of 50 iterations and twice as many each.
    fn floors(windows: u32, of: &dyn Fn(u64) -> i64) -> Vec<Floor> {
        let windows = (0..windows).map(|window| 50 << window);
        let floors = windows.map(|from: u64| {
            let middle = from + from / 2;
            let part = |number: usize| of(middle + number as u64 * (from / 2) / PARTS as u64);
            Floor {
                middle,
                parts: std::array::from_fn(part),
            }
        });
        floors.collect()
    }

    fn filling(windows: u32, of: &dyn Fn(u64) -> i64) -> Filling {
        let mut filling = Filling::with_room_for(8);
        for floor in floors(windows, of) {
            filling.floors.push(floor);
        }
        filling
    }

    fn in_use(windows: u32, of: &dyn Fn(u64) -> i64) -> Floors {
        let mut all = Floors::default();
        for floor in floors(windows, of) {
            all.push(floor);
        }
        all
    }

    fn line(iteration: u64) -> i64 {
        20_000 * iteration.cast_signed()
    }

    /// In blocks that double from 5 MB on.
    fn steps(iteration: u64) -> i64 {
        let mut room = 5_000_000;
        while room < line(iteration) {
            room = 2 * room + 5_000_000;
        }
        room
    }

    fn until(last: u64) -> impl Fn(u64) -> i64 {
        move |iteration| line(iteration.min(last))
    }

    #[test]
    fn a_line_goes_on_and_what_came_to_its_end_does_not() {
        assert!(filling(2, &line).goes_on());
        assert!(!filling(2, &until(160)).goes_on(), "full within the window");
        assert!(!filling(2, &|_| 7).goes_on(), "flat");
        assert!(
            !filling(2, &|iteration| iteration.cast_signed()).goes_on(),
            "flat, nearly"
        );
        let curve = |iteration: u64| 2_000_000 * i64::from(iteration.ilog2());
        assert!(!filling(5, &curve).goes_on(), "slower each time");
    }

    #[test]
    fn steps_that_keep_ahead_of_a_line_are_growth() {
        let grows = |in_ram: &dyn Fn(u64) -> i64, of: &dyn Fn(u64) -> i64| {
            filling(6, in_ram).by_steps(&in_use(6, of))
        };
        assert!(grows(&line, &steps));
        assert!(!grows(&line, &|_| 64_000_000), "a buffer with room");
        let early = |iteration: u64| steps(iteration.min(400)) + 64_000_000;
        assert!(!grows(&line, &early), "no step of late");
        assert!(!grows(&until(2_500), &steps), "full before the end");
        let small = |iteration: u64| steps(iteration) / 10;
        assert!(!grows(&line, &small), "what fills is something else");
    }
}
