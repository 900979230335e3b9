//! One quantity over the iterations, drawn with characters.

use super::axis::Axis;
use super::quantity::Quantity;
use detectors::Sample;
use std::fmt::Write;
use workbook::say::{self, DIM, LINE};

/// Rows of the plot, without axis and labels.
const ROWS: usize = 10;
/// A character of Braille holds two dots across and four down.
const ACROSS: usize = 2;
const DOWN: usize = 4;

/// A quantity after each iteration as lines of text, at most `width` columns wide.
///
/// Where several iterations fall into one column of dots, the column shows their whole range, so that a
/// short peak is never lost.
pub(crate) fn draw(timeline: &[Sample], quantity: Quantity, width: usize) -> String {
    let Some(last) = timeline.last() else {
        return "  no sample was taken\n".to_owned();
    };
    let values = || timeline.iter().map(|sample| quantity.value(sample));
    let (lowest, highest) = (values().fold(0.0, f64::min), values().fold(0.0, f64::max));
    let up = quantity.axis(lowest, highest, 5);
    let iterations = last.iteration.max(1) as f64;

    let labels: Vec<_> = up.ticks.iter().map(|tick| up.label(*tick)).collect();
    let margin = labels.iter().map(|l| l.chars().count()).max().unwrap_or(0);
    // Edge, indent, and room for half of the last label beyond the plot.
    let columns = width.saturating_sub(margin + 7).clamp(20, 200);

    let grid = dots(timeline, quantity, &up, iterations, columns);
    let title = quantity.title();
    let mut text = format!("{DIM}{}{DIM:#}", say::wrapped(&title, "  ", width));
    for (row, cells) in grid.iter().enumerate() {
        let label =
            up.ticks.iter().zip(&labels).find_map(|(tick, label)| {
                (row_of(up.share(*tick)) == row).then_some(label.as_str())
            });
        let (label, edge) = label.map_or(("", '│'), |label| (label, '┤'));
        let cells: String = cells.iter().collect();
        let line = cells.trim_end_matches('\u{2800}');
        let _ = writeln!(
            text,
            "  {label:>margin$} {DIM}{edge}{DIM:#}{LINE}{line}{LINE:#}"
        );
    }
    let _ = write!(text, "{}", below(iterations, columns, margin));
    text
}

/// The lower axis with its ticks and labels.
fn below(iterations: f64, columns: usize, margin: usize) -> String {
    let along = Axis::counts(iterations, (columns / 15).clamp(2, 6));
    let mut rule = vec!['─'; columns];
    let mut labels = vec![' '; columns + 3];
    for tick in along.ticks.iter().filter(|tick| **tick <= iterations) {
        let column = column_of(*tick / iterations, columns);
        rule[column] = '┬';
        let (label, start) = if *tick == 0.0 {
            ("0 iterations".to_owned(), 0)
        } else {
            let label = along.label(*tick);
            let half = label.chars().count() / 2;
            (label, column.saturating_sub(half))
        };
        for (place, letter) in labels[start..].iter_mut().zip(label.chars()) {
            *place = letter;
        }
    }
    let rule: String = rule.into_iter().collect();
    let labels: String = labels.into_iter().collect();
    let pad = " ".repeat(margin + 3);
    format!("{pad}{DIM}└{rule}{DIM:#}\n{pad} {}\n", labels.trim_end())
}

/// The plot's characters, top row first.
fn dots(
    timeline: &[Sample],
    quantity: Quantity,
    up: &Axis,
    iterations: f64,
    columns: usize,
) -> Vec<Vec<char>> {
    let mut ranges: Vec<Option<(usize, usize)>> = vec![None; columns * ACROSS];
    let heights = ROWS * DOWN;
    for sample in timeline {
        let x = column_of(sample.iteration as f64 / iterations, columns * ACROSS);
        let y = height_of(up.share(quantity.value(sample)), heights);
        let (low, high) = ranges[x].unwrap_or((y, y));
        ranges[x] = Some((low.min(y), high.max(y)));
    }
    let mut grid = vec![vec!['\u{2800}'; columns]; ROWS];
    for (x, range) in ranges.into_iter().enumerate() {
        let Some((low, high)) = range else { continue };
        for y in low..=high {
            let from_top = heights - 1 - y;
            let cell = &mut grid[from_top / DOWN][x / ACROSS];
            let bits = (*cell as u32) | dot(x % ACROSS, from_top % DOWN);
            *cell = char::from_u32(bits).unwrap_or(*cell);
        }
    }
    grid
}

/// A Braille dot's bit, by its column and row in the character.
fn dot(column: usize, row: usize) -> u32 {
    const BITS: [[u32; DOWN]; ACROSS] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
    BITS[column][row]
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a small count of columns, clamped to it"
)]
fn column_of(share: f64, columns: usize) -> usize {
    ((share * (columns - 1) as f64).round() as usize).min(columns - 1)
}

fn height_of(share: f64, heights: usize) -> usize {
    column_of(share.clamp(0.0, 1.0), heights)
}

fn row_of(share: f64) -> usize {
    ROWS - 1 - height_of(share, ROWS * DOWN) / DOWN
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(bytes: impl Fn(u64) -> i64, iterations: u64) -> Vec<Sample> {
        (1..=iterations)
            .map(|iteration| {
                let mut sample = Sample::default();
                sample.iteration = iteration;
                sample.bytes = bytes(iteration);
                sample
            })
            .collect()
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_leak_is_a_slope() {
        let chart = draw(
            &line(|n| i64::try_from(n).unwrap_or(0) * 16_384, 800),
            Quantity::Memory,
            60,
        );
        insta::assert_snapshot!(plain(&chart));
    }

    #[test]
    fn a_short_peak_is_not_lost() {
        let chart = draw(
            &line(|n| if n == 333 { 9_000 } else { 200 }, 1600),
            Quantity::Memory,
            60,
        );
        insta::assert_snapshot!(plain(&chart));
    }

    #[test]
    fn a_chart_keeps_to_its_width() {
        for width in [40, 80, 120] {
            let chart = plain(&draw(
                &line(|n| i64::try_from(n).unwrap_or(0) * 977, 1600),
                Quantity::Memory,
                width,
            ));
            let widest = chart.lines().map(|l| l.chars().count()).max();
            assert!(widest <= Some(width), "{widest:?} in {width}:\n{chart}");
        }
    }

    #[test]
    fn nothing_measured_is_said() {
        assert_eq!(draw(&[], Quantity::Memory, 80), "  no sample was taken\n");
    }
}
