//! Estimate against truth as a picture, a panel for each interval.
//!
//! The file follows light and dark by itself, and takes the page's text colour when its text is put into a page.

use crate::sampled::{PROFILES, Sampled};
use crate::tables::{bytes, count, mean};
use crate::workload::SITES;
use std::fmt::Write;

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 906.0;
/// A panel is a square: on its diagonal the estimate is the truth.
const SIDE: f64 = 308.0;
const LEFT: f64 = 72.0;
const TOP: f64 = 116.0;
const RIGHTWARDS: f64 = 400.0;
const DOWNWARDS: f64 = 416.0;
/// The row below a panel for estimates of nothing, which a logarithmic axis hasn't.
const ROW: f64 = 24.0;

/// Both axes, as powers of two: from 23 kB to 64 MB.
const LOWEST: f64 = 14.5;
const HIGHEST: f64 = 26.0;
const TICKS: [i32; 4] = [16, 19, 22, 25];

/// Where a count of bytes lies on a panel's side.
fn along(bytes: f64) -> f64 {
    SIDE * (bytes.log2() - LOWEST) / (HIGHEST - LOWEST)
}

pub(crate) fn draw(sampled: &[Sampled; 4], truth: &[u64; SITES.len()]) -> String {
    let mut svg = head();
    for (number, one) in sampled.iter().enumerate() {
        let (column, row) = ((number % 2) as f64, (number / 2) as f64);
        let (x, y) = (LEFT + column * RIGHTWARDS, TOP + row * DOWNWARDS);
        let _ = writeln!(svg, r#"<g transform="translate({x} {y})">"#);
        axes(&mut svg, one);
        for (site, truth) in truth.iter().enumerate() {
            dots(&mut svg, one, site, *truth as f64);
        }
        if number == 0 {
            names(&mut svg, truth);
        }
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

fn head() -> String {
    // `:root` matches where the picture is a document of its own, and nothing where it stands in a page.
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" class="sampled-estimates" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="system-ui, sans-serif" font-size="13" fill="currentColor">
<title>Estimate against truth at four intervals</title>
<desc>The more samples, the closer the estimates lie to the truth. Large blocks are right at every interval.</desc>
<style>
svg.sampled-estimates:root {{ color-scheme: light dark; color: CanvasText; background: Canvas; }}
.sampled-estimates .grid {{ stroke: currentColor; stroke-opacity: .14; }}
.sampled-estimates .axis {{ stroke: currentColor; stroke-opacity: .6; }}
.sampled-estimates .truth {{ stroke: currentColor; stroke-opacity: .7; stroke-dasharray: 5 4; }}
.sampled-estimates .quiet {{ fill-opacity: .72; font-size: 12px; }}
.sampled-estimates .dots {{ fill: none; stroke: #3a96dd; stroke-width: 4; stroke-linecap: round; stroke-opacity: .75; }}
.sampled-estimates .mean {{ stroke: currentColor; stroke-width: 2; }}
</style>
<text x="16" y="28" font-size="17" font-weight="600">Estimate against truth at four intervals</text>
<text class="quiet" x="16" y="50">a dot: what one profile of {PROFILES} says of one site; a bar: the mean of the {PROFILES}; the dashed line: the truth</text>
"#
    )
}

fn axes(svg: &mut String, one: &Sampled) {
    let bottom = SIDE + ROW;
    let _ = writeln!(
        svg,
        r#"<text x="0" y="-14"><tspan font-weight="600">a sample each {}</tspan><tspan class="quiet" dx="10">{} samples in a profile</tspan></text>"#,
        bytes(f64::from(one.interval)),
        count(one.samples())
    );
    for tick in TICKS {
        let value = f64::from(tick).exp2();
        let (at, label) = (along(value), bytes(value));
        let up = SIDE - at;
        let _ = writeln!(
            svg,
            r#"<path class="grid" d="M0 {up:.1}H{SIDE}M{at:.1} 0V{bottom}"/><text class="quiet" x="-8" y="{:.1}" text-anchor="end">{label}</text><text class="quiet" x="{at:.1}" y="{:.1}" text-anchor="middle">{label}</text>"#,
            up + 4.0,
            bottom + 18.0
        );
    }
    let _ = writeln!(
        svg,
        r#"<path class="axis" fill="none" d="M0 0V{bottom}H{SIDE}M0 {SIDE}H{SIDE}"/>
<path class="truth" d="M0 {SIDE}L{SIDE} 0"/>
<text class="quiet" x="-8" y="{:.1}" text-anchor="end">unseen</text>
<text class="quiet" x="8" y="16">estimate</text>
<text class="quiet" x="{SIDE}" y="{:.1}" text-anchor="end">truth</text>"#,
        SIDE + ROW / 2.0 + 4.0,
        bottom + 34.0
    );
}

/// One site's estimates, side by side in the order of the profiles; and in how many it wasn't seen.
fn dots(svg: &mut String, one: &Sampled, site: usize, truth: f64) {
    const SPREAD: f64 = 14.0;
    let x = along(truth);
    let mut path = String::new();
    let mut unseen = 0;
    for (number, estimate) in one.of(site).enumerate() {
        if estimate.bytes == 0.0 {
            unseen += 1;
            continue;
        }
        let share = number as f64 / f64::from(PROFILES - 1);
        let _ = write!(
            path,
            "M{:.1} {:.1}h0",
            x + SPREAD * (share - 0.5),
            SIDE - along(estimate.bytes)
        );
    }
    let up = SIDE - along(mean(one.of(site).map(|estimate| estimate.bytes)));
    let _ = writeln!(
        svg,
        r#"<path class="dots" d="{path}"/><path class="mean" d="M{:.1} {up:.1}h20"/>"#,
        x - 10.0
    );
    if unseen > 0 {
        let _ = writeln!(
            svg,
            r#"<text class="quiet" x="{x:.1}" y="{:.1}" text-anchor="middle">{unseen}</text>"#,
            SIDE + ROW / 2.0 + 4.0
        );
    }
}

/// Names beside the dots: below the diagonal, or above it where that has no room to the right.
fn names(svg: &mut String, truth: &[u64; SITES.len()]) {
    for (site, truth) in SITES.iter().zip(truth) {
        let at = along(*truth as f64);
        let (x, y, anchor) = if at < SIDE / 1.7 {
            (at + 14.0, SIDE - at + 16.0, "start")
        } else {
            (at - 14.0, SIDE - at - 8.0, "end")
        };
        let _ = writeln!(
            svg,
            r#"<text class="quiet" x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{}</text>"#,
            site.name
        );
    }
}
