//! Round figures for an axis.

use crate::show::scale::unit;

/// An axis from 0 to its last tick, in one unit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Axis {
    /// The ticks' values in the data's own unit, rising.
    pub(crate) ticks: Vec<f64>,
    divisor: f64,
    unit: &'static str,
}

impl Axis {
    /// An axis for counts of bytes, which reaches at least `max` in `steps` steps or fewer.
    pub(crate) fn bytes(min: f64, max: f64, steps: usize) -> Self {
        let (divisor, unit) = unit(min.abs().max(max.abs()));
        Axis::in_unit(min, max, steps, divisor, unit)
    }

    /// An axis for plain counts.
    pub(crate) fn counts(max: f64, steps: usize) -> Self {
        Axis::in_unit(0.0, max, steps, 1.0, "")
    }

    fn in_unit(min: f64, max: f64, steps: usize, divisor: f64, unit: &'static str) -> Self {
        let (min, max) = (min.min(0.0) / divisor, max.max(0.0) / divisor);
        let step = round_up((max - min).max(1.0) / steps.max(1) as f64);
        let first = (min / step).floor();
        let last = (max / step).ceil().max(1.0);
        let mut ticks = Vec::new();
        let mut n = first;
        while n <= last {
            ticks.push(n * step * divisor);
            n += 1.0;
        }
        Axis {
            ticks,
            divisor,
            unit,
        }
    }

    /// The lowest tick.
    pub(crate) fn low(&self) -> f64 {
        self.ticks[0]
    }

    /// The highest tick.
    pub(crate) fn high(&self) -> f64 {
        self.ticks[self.ticks.len() - 1]
    }

    /// Where a value lies between the lowest tick (0) and the highest (1).
    pub(crate) fn share(&self, value: f64) -> f64 {
        (value - self.low()) / (self.high() - self.low())
    }

    /// A tick as text, with the unit.
    pub(crate) fn label(&self, tick: f64) -> String {
        let value = tick / self.divisor;
        let number = if value.fract() == 0.0 {
            format!("{value:.0}")
        } else {
            format!("{value:.1}")
        };
        if self.unit.is_empty() {
            number
        } else {
            format!("{number} {}", self.unit)
        }
    }
}

/// The smallest of 1, 2, 5, 10, 20, 50, .. that is not below `step`, which is above zero.
fn round_up(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let round = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|round| round * power >= step * (1.0 - 1e-9));
    round.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_reaches_its_data_in_round_steps() {
        let axis = Axis::bytes(0.0, 13.1 * 1024.0 * 1024.0, 4);
        let labels: Vec<_> = axis.ticks.iter().map(|tick| axis.label(*tick)).collect();
        assert_eq!(labels, ["0 MiB", "5 MiB", "10 MiB", "15 MiB"]);
    }

    #[test]
    fn an_axis_of_nothing_still_has_a_length() {
        let axis = Axis::bytes(0.0, 0.0, 4);
        assert!(axis.high() > axis.low());
        assert!(axis.low().abs() < 1e-9);
    }

    #[test]
    fn what_was_freed_below_the_start_is_on_the_axis() {
        let axis = Axis::bytes(-300.0, 900.0, 4);
        let labels: Vec<_> = axis.ticks.iter().map(|tick| axis.label(*tick)).collect();
        assert_eq!(labels, ["-500 B", "0 B", "500 B", "1000 B"]);
    }
}
