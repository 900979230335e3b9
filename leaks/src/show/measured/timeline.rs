//! One quantity over the iterations as a picture.
//!
//! The file follows light and dark by itself, and takes the page's text colour when its text is put into a page.

use super::axis::Axis;
use super::quantity::Quantity;
use detectors::{Evidence, Sample, Verdict};
use std::fmt::Write;

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 776.0;
const TOP: f64 = 84.0;
const BOTTOM: f64 = 366.0;

/// One line of the plot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Series<'a> {
    /// What the line is called: `leaky`.
    pub(crate) name: &'a str,
    pub(crate) evidence: &'a Evidence,
}

/// One plot of up to two runs of a chapter, as SVG.
pub(crate) fn draw(title: &str, series: &[Series<'_>]) -> String {
    // What the accused one is accused of: of a steady one there is less to see.
    let quantity = series
        .iter()
        .find(|one| one.evidence.verdict != Verdict::Steady)
        .or(series.first())
        .map_or(Quantity::Memory, |one| Quantity::of(one.evidence));
    let samples = || series.iter().flat_map(|one| &one.evidence.timeline);
    let values = || samples().map(|sample| quantity.value(sample));
    let (lowest, highest) = (values().fold(0.0, f64::min), values().fold(0.0, f64::max));
    let iterations = samples().map(|s| s.iteration).max().unwrap_or(1).max(1) as f64;
    let plot = Plot {
        quantity,
        up: quantity.axis(lowest, highest, 5),
        iterations,
    };

    let mut svg = String::new();
    head(&mut svg, title, quantity, series);
    // The windows of the longest run; a run that ends early shares its windows' bounds with it.
    let longest = series
        .iter()
        .max_by_key(|one| one.evidence.timeline.last().map(|last| last.iteration));
    if let Some(longest) = longest {
        windows(&mut svg, &plot, longest.evidence);
    }
    axes(&mut svg, &plot);
    for one in series {
        line(&mut svg, &plot, one);
    }
    for one in series {
        words(&mut svg, &plot, one);
    }
    svg.push_str("</svg>\n");
    svg
}

struct Plot {
    quantity: Quantity,
    up: Axis,
    iterations: f64,
}

impl Plot {
    fn x(&self, iteration: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * (iteration / self.iterations).clamp(0.0, 1.0)
    }

    fn y(&self, value: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * self.up.share(value).clamp(0.0, 1.0)
    }
}

/// What the picture says of that line.
const GROWTH: &str = "; dashed, a little above: its growth from floor to floor";

/// Growth as a straight line: where it passes the first window's floor, and its slope.
struct Growth {
    from: f64,
    value: f64,
    per_iteration: f64,
}

impl Growth {
    /// The line through the floors of the first and the last window; `None` unless the verdict is a leak.
    fn of(evidence: &Evidence, quantity: Quantity) -> Option<Self> {
        let (first, last) = (evidence.readings.first()?, evidence.readings.last()?);
        // A floor is taken over the second half, where the earliest value of a steady growth is the lowest.
        let middle = |from: u64, to: u64| from.midpoint(to) as f64;
        let from = middle(first.from, first.to);
        let run = middle(last.from, last.to) - from;
        (evidence.verdict == Verdict::Leak && run > 0.0).then(|| Growth {
            from,
            value: quantity.floor(first),
            per_iteration: (quantity.floor(last) - quantity.floor(first)) / run,
        })
    }

    fn at(&self, iteration: f64) -> f64 {
        self.value + (iteration - self.from) * self.per_iteration
    }
}

fn head(svg: &mut String, title: &str, quantity: Quantity, series: &[Series<'_>]) {
    let said: Vec<_> = series
        .iter()
        .map(|one| format!("{}: {}", one.name, one.evidence.verdict))
        .collect();
    let title = escaped(title);
    let has_growth = series
        .iter()
        .any(|one| Growth::of(one.evidence, quantity).is_some());
    // `:root` matches where the picture is a document of its own, and nothing where it stands in a page.
    let _ = writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" class="leaks-timeline" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="system-ui, sans-serif" font-size="13" fill="currentColor">
<title>{title}</title>
<desc>{}</desc>
<style>
svg.leaks-timeline:root {{ color-scheme: light dark; color: CanvasText; background: Canvas; }}
.leaks-timeline .leaky {{ color: light-dark(#b4232f, #ff8a8a); }}
.leaks-timeline .fixed {{ color: light-dark(#176b45, #63cf9d); }}
.leaks-timeline .grid {{ stroke: currentColor; stroke-opacity: .14; }}
.leaks-timeline .edge {{ stroke: currentColor; stroke-opacity: .28; stroke-dasharray: 2 4; }}
.leaks-timeline .axis {{ stroke: currentColor; stroke-opacity: .6; }}
.leaks-timeline .quiet {{ fill-opacity: .72; font-size: 12px; }}
.leaks-timeline .line {{ fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round; }}
.leaks-timeline .slope {{ stroke: currentColor; stroke-width: 1.5; stroke-dasharray: 6 5; stroke-opacity: .7; }}
</style>
<text class="title" x="16" y="28" font-size="17" font-weight="600">{title}</text>
<text class="quiet subtitle" x="16" y="50">{}</text>"#,
        escaped(&said.join("; ")),
        quantity.title() + if has_growth { GROWTH } else { "" }
    );
}

/// Warm-up and windows: light upright lines with their names above.
fn windows(svg: &mut String, plot: &Plot, evidence: &Evidence) {
    let Some(first) = evidence.readings.first() else {
        return;
    };
    let mut name = |from: u64, to: u64, names: [&str; 3]| {
        let (left, right) = (plot.x(from as f64), plot.x(to as f64));
        // About 6.5 units a letter; a name that doesn't fit gives way to a shorter one.
        let fitting = names
            .into_iter()
            .find(|n| n.len() as f64 * 6.5 + 6.0 < right - left);
        if let Some(fitting) = fitting {
            let middle = f64::midpoint(left, right);
            let _ = writeln!(
                svg,
                r#"<text class="quiet window" x="{middle:.1}" y="{:.1}" text-anchor="middle">{fitting}</text>"#,
                TOP - 8.0
            );
        }
        if to as f64 <= plot.iterations {
            let _ = writeln!(
                svg,
                r#"<line class="edge" x1="{right:.1}" x2="{right:.1}" y1="{TOP}" y2="{BOTTOM}"/>"#
            );
        }
    };
    name(0, first.from, ["warm-up", "warm", ""]);
    for (n, window) in evidence.readings.iter().enumerate() {
        let number = (n + 1).to_string();
        name(
            window.from,
            window.to,
            [&format!("window {number}"), &number, ""],
        );
    }
}

fn axes(svg: &mut String, plot: &Plot) {
    for tick in &plot.up.ticks {
        let y = plot.y(*tick);
        let class = if *tick == 0.0 { "axis" } else { "grid" };
        let _ = writeln!(
            svg,
            r#"<line class="{class}" x1="{LEFT}" x2="{RIGHT}" y1="{y:.1}" y2="{y:.1}"/><text class="quiet tick" x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#,
            LEFT - 8.0,
            y + 4.0,
            plot.up.label(*tick)
        );
    }
    let along = Axis::counts(plot.iterations, 8);
    for tick in along.ticks.iter().filter(|tick| **tick <= plot.iterations) {
        let x = plot.x(*tick);
        let _ = writeln!(
            svg,
            r#"<line class="axis" x1="{x:.1}" x2="{x:.1}" y1="{BOTTOM}" y2="{:.1}"/><text class="quiet tick" x="{x:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            BOTTOM + 5.0,
            BOTTOM + 20.0,
            along.label(*tick)
        );
    }
    let _ = writeln!(
        svg,
        r#"<line class="axis" x1="{LEFT}" x2="{LEFT}" y1="{TOP}" y2="{BOTTOM}"/>
<text class="quiet" x="{:.1}" y="{:.1}" text-anchor="middle">iterations</text>"#,
        f64::midpoint(LEFT, RIGHT),
        BOTTOM + 42.0
    );
}

/// Where a run ends. Beyond it nothing is known, and nothing is drawn.
fn end_of(evidence: &Evidence) -> f64 {
    let last = evidence.timeline.last();
    last.map_or(0.0, |last| last.iteration as f64)
}

fn line(svg: &mut String, plot: &Plot, one: &Series<'_>) {
    let mut path = String::new();
    for (x, value) in points(plot, &one.evidence.timeline) {
        let command = if path.is_empty() { 'M' } else { 'L' };
        let _ = write!(path, "{command}{x:.1} {:.1}", plot.y(value));
    }
    let class = escaped(one.name);
    let _ = writeln!(svg, r#"<g class="{class}"><path class="line" d="{path}"/>"#);
    if let Some(growth) = Growth::of(one.evidence, plot.quantity) {
        // A little above the line itself, so that both stay visible where they agree.
        let (from, to) = (growth.from, end_of(one.evidence));
        let _ = writeln!(
            svg,
            r#"<line class="slope" x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}"/>"#,
            plot.x(from),
            plot.y(growth.at(from)) - 9.0,
            plot.x(to),
            plot.y(growth.at(to)) - 9.0,
        );
    }
    svg.push_str("</g>\n");
}

/// The points to draw: for each unit of width the lowest and the highest sample, so that a short peak stays.
fn points(plot: &Plot, timeline: &[Sample]) -> Vec<(f64, f64)> {
    let mut points = Vec::new();
    let column = |sample: &Sample| {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a plot is hundreds of units wide"
        )]
        let column = plot.x(sample.iteration as f64).floor() as i64;
        column
    };
    for column in timeline.chunk_by(|a, b| column(a) == column(b)) {
        let by_value = |a: &&Sample, b: &&Sample| {
            let (a, b) = (plot.quantity.value(a), plot.quantity.value(b));
            a.total_cmp(&b)
        };
        let (Some(low), Some(high)) = (
            column.iter().min_by(by_value),
            column.iter().max_by(by_value),
        ) else {
            continue;
        };
        let mut both = [low, high];
        both.sort_by_key(|sample| sample.iteration);
        for sample in both {
            let point = (plot.x(sample.iteration as f64), plot.quantity.value(sample));
            if points.last() != Some(&point) {
                points.push(point);
            }
        }
    }
    points
}

/// What a line is and does, beside it.
fn words(svg: &mut String, plot: &Plot, one: &Series<'_>) {
    let Some(last) = one.evidence.timeline.last() else {
        return;
    };
    let class = escaped(one.name);
    let verdict = one.evidence.verdict;
    let (x, y, anchor, text) = if let Some(growth) = Growth::of(one.evidence, plot.quantity) {
        let at = end_of(one.evidence) * 0.62;
        let text = format!(
            "{class}: {verdict}, +{} per iteration",
            plot.quantity.per_iteration(growth.per_iteration)
        );
        // Before the line where there is room for the words, else behind its end.
        let (x, y) = (plot.x(at) - 12.0, plot.y(growth.at(at)) - 14.0);
        if x - LEFT > text.len() as f64 * 7.5 {
            (x, y, "end", text)
        } else {
            (x + 24.0, y + 34.0, "start", text)
        }
    } else {
        let value = plot.quantity.value(last);
        let (x, y) = (plot.x(last.iteration as f64), plot.y(value));
        let text = format!("{class}: {verdict}, {}", plot.quantity.at_the_end(value));
        // A line that ends before the middle has room behind its end, another one above it; or below, where the windows' names
        // are above.
        if x < f64::midpoint(LEFT, RIGHT) {
            (x + 10.0, y.min(BOTTOM - 10.0), "start", text)
        } else if y - 22.0 < TOP {
            (x, y + 20.0, "end", text)
        } else {
            (x, y.min(BOTTOM - 4.0) - 10.0, "end", text)
        }
    };
    let _ = writeln!(
        svg,
        r#"<text class="{class}" x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" font-weight="600">{text}</text>"#
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
