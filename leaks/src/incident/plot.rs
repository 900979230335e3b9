//! Bytes over time as a picture: a line for each service or figure, and marks for what was done.
//!
//! The file follows light and dark by itself, and takes the page's text colour when its text is put into a page.

use crate::show::measured::axis::Axis;
use std::fmt::Write;

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 776.0;
const TOP: f64 = 104.0;
const BOTTOM: f64 = 346.0;

/// One line: its name, its colour's class, and its points in seconds and bytes.
pub(super) struct Line<'a> {
    pub(super) name: &'a str,
    pub(super) colour: Colour,
    pub(super) points: Vec<(f64, f64)>,
}

/// Which of the plot's colours.
#[derive(Debug, Clone, Copy)]
pub(super) enum Colour {
    /// What an operator sees.
    Resident,
    /// What the program holds.
    Live,
    /// What is lazily freed; or the second of two services.
    Third,
}

impl Colour {
    fn class(self) -> &'static str {
        match self {
            Colour::Resident => "resident",
            Colour::Live => "live",
            Colour::Third => "third",
        }
    }
}

/// What was done at a second of the plot.
pub(super) struct Mark {
    pub(super) seconds: f64,
    pub(super) words: String,
}

pub(super) fn draw(title: &str, lines: &[Line<'_>], marks: &[Mark]) -> String {
    let points = || lines.iter().flat_map(|line| &line.points);
    let first = points().map(|point| point.0).fold(f64::INFINITY, f64::min);
    let last = points().map(|point| point.0).fold(0.0, f64::max);
    let highest = points().map(|point| point.1).fold(0.0, f64::max);
    let up = Axis::bytes(0.0, highest, 5);
    let seconds = (last - first).max(1.0);
    let x = |at: f64| LEFT + (RIGHT - LEFT) * ((at - first) / seconds).clamp(0.0, 1.0);
    let y = |value: f64| BOTTOM - (BOTTOM - TOP) * up.share(value).clamp(0.0, 1.0);

    let mut svg = String::new();
    head(&mut svg, title, lines);
    for tick in &up.ticks {
        let class = if *tick == 0.0 { "axis" } else { "grid" };
        let _ = writeln!(
            svg,
            r#"<line class="{class}" x1="{LEFT}" x2="{RIGHT}" y1="{at:.1}" y2="{at:.1}"/><text class="quiet" x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#,
            LEFT - 8.0,
            y(*tick) + 4.0,
            up.label(*tick),
            at = y(*tick),
        );
    }
    let along = Axis::counts(seconds, 8);
    for tick in along.ticks.iter().filter(|tick| **tick <= seconds) {
        let at = x(first + tick);
        let _ = writeln!(
            svg,
            r#"<line class="axis" x1="{at:.1}" x2="{at:.1}" y1="{BOTTOM}" y2="{:.1}"/><text class="quiet" x="{at:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            BOTTOM + 5.0,
            BOTTOM + 20.0,
            along.label(*tick)
        );
    }
    let _ = writeln!(
        svg,
        r#"<text class="quiet" x="{:.1}" y="{:.1}" text-anchor="middle">seconds</text>"#,
        f64::midpoint(LEFT, RIGHT),
        BOTTOM + 42.0
    );
    // Above the plot, in two rows by turns: the words of neighbours don't meet.
    for (number, mark) in marks.iter().enumerate() {
        let (at, row) = (x(mark.seconds), TOP - 22.0 + 15.0 * (number % 2) as f64);
        // About 7 units a letter: what has no room behind its line stands before it.
        let (words_at, anchor) = if at + 5.0 + 7.0 * mark.words.len() as f64 > RIGHT {
            (at - 5.0, "end")
        } else {
            (at + 5.0, "start")
        };
        let _ = writeln!(
            svg,
            r#"<line class="edge" x1="{at:.1}" x2="{at:.1}" y1="{TOP}" y2="{BOTTOM}"/><text class="quiet" x="{words_at:.1}" y="{row:.1}" text-anchor="{anchor}">{}</text>"#,
            escaped(&mark.words)
        );
    }
    for line in lines {
        let path: Vec<String> = line
            .points
            .iter()
            .map(|(at, value)| format!("{:.1} {:.1}", x(*at), y(*value)))
            .collect();
        if !path.is_empty() {
            let class = line.colour.class();
            let _ = writeln!(
                svg,
                r#"<path class="line {class}" d="M{}"/>"#,
                path.join("L")
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn head(svg: &mut String, title: &str, lines: &[Line<'_>]) {
    let title = escaped(title);
    let names: Vec<&str> = lines.iter().map(|line| line.name).collect();
    // `:root` matches where the picture is a document of its own, and nothing where it stands in a page.
    let _ = writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" class="leaks-incident" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="system-ui, sans-serif" font-size="13" fill="currentColor">
<title>{title}</title>
<desc>{}</desc>
<style>
svg.leaks-incident:root {{ color-scheme: light dark; color: CanvasText; background: Canvas; }}
.leaks-incident .resident {{ color: #d9485f; }}
.leaks-incident .live {{ color: #1f9d7a; }}
.leaks-incident .third {{ color: #3b82f6; }}
.leaks-incident .grid {{ stroke: currentColor; stroke-opacity: .14; }}
.leaks-incident .edge {{ stroke: currentColor; stroke-opacity: .4; stroke-dasharray: 2 4; }}
.leaks-incident .axis {{ stroke: currentColor; stroke-opacity: .6; }}
.leaks-incident .quiet {{ fill-opacity: .72; font-size: 12px; }}
.leaks-incident .line {{ fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round; }}
</style>
<text x="16" y="28" font-size="17" font-weight="600">{title}</text>"#,
        escaped(&names.join(", "))
    );
    let mut at = 16.0;
    for line in lines {
        let (class, name) = (line.colour.class(), escaped(line.name));
        let _ = writeln!(
            svg,
            r#"<g class="{class}"><line class="line" x1="{at:.0}" x2="{:.0}" y1="52" y2="52"/></g><text x="{:.0}" y="56">{name}</text>"#,
            at + 18.0,
            at + 24.0
        );
        // About 7 units a letter.
        at += 24.0 + 7.0 * line.name.len() as f64 + 24.0;
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
