//! The plot of a run: the floor of each window, over the iterations.

use super::html::{Escaped, bytes, grouped};
use super::recorded::Run;
use std::fmt::Write;

/// The floors of what the verdict is about; of a peak, what was there at once and what stayed.
pub(super) fn draw(run: &Run) -> String {
    if run.verdict == "pressure" || run.readings.is_empty() {
        return peak(run);
    }
    let kind = run
        .findings
        .first()
        .map_or("bytes", |finding| finding.kind.as_str());
    let kind = if run.verdict == "retention" {
        "resident"
    } else {
        kind
    };
    let floors: Vec<(f64, f64)> = (run.readings.iter())
        .filter_map(|window| {
            let value = match kind {
                "bytes" | "blocks" => window.floor_bytes as f64,
                "resident" => window.resident_bytes? as f64,
                count => *window.floor_counts.get(count)? as f64,
            };
            Some((window.from.midpoint(window.to) as f64, value))
        })
        .collect();
    let (Some(first), Some(last)) = (floors.first(), floors.last()) else {
        return String::new();
    };
    let is_memory = matches!(kind, "bytes" | "blocks" | "resident");
    let text = |value: f64| {
        if is_memory {
            bytes(value)
        } else {
            format!("{value:.0} {kind}")
        }
    };
    let what = match kind {
        "resident" => "resident memory at the end of each window",
        "bytes" | "blocks" => {
            "the floor of live memory in each window, above what was live at the start"
        }
        _ => "the floor of each window, above what there was at the start",
    };
    let end = run.readings.last().map_or(1, |window| window.to).max(1);
    let highest = floors
        .iter()
        .fold(0.0_f64, |highest, (_, value)| highest.max(*value));
    let lowest = floors
        .iter()
        .fold(0.0_f64, |lowest, (_, value)| lowest.min(*value));
    let span = if highest > lowest {
        highest - lowest
    } else {
        1.0
    };
    let place = |(iteration, value): &(f64, f64)| {
        (
            iteration / end as f64 * 100.0,
            100.0 - (value - lowest) / span * 100.0,
        )
    };
    let mut line = String::new();
    let mut dots = String::new();
    for floor in &floors {
        let (x, y) = place(floor);
        let _ = write!(line, "{x:.1},{y:.1} ");
        let _ = write!(dots, "<i style=\"left:{x:.1}%;top:{y:.1}%\"></i>");
    }
    let bounds: String = (run.readings.iter())
        .map(|window| {
            format!(
                "<line x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"0\" y2=\"100\"/>",
                window.to as f64 / end as f64 * 100.0
            )
        })
        .collect();
    let told: Vec<String> = floors.iter().map(|(_, value)| text(*value)).collect();
    let (_, y) = place(last);
    let side = if y < 50.0 { "below" } else { "above" };
    format!(
        "<figure class=\"floors\">\n<div class=\"plane\" role=\"img\" aria-label=\"{}: {}\">\
         <svg viewBox=\"0 0 100 100\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><g class=\"bounds\">{bounds}</g>\
         <polyline points=\"{}\"/></svg>{dots}<b class=\"{side}\" style=\"top:{y:.1}%\">{}</b></div>\n\
         <div class=\"along\" aria-hidden=\"true\"><span>0</span><span>iterations</span><span>{}</span></div>\n\
         <figcaption>{}: from {} to {} in {} windows.</figcaption>\n</figure>\n",
        Escaped(what),
        Escaped(&told.join(", ")),
        line.trim_end(),
        Escaped(&text(last.1)),
        grouped(end),
        capitalised(what),
        text(first.1),
        text(last.1),
        floors.len(),
    )
}

/// What was live at once beside what stayed.
fn peak(run: &Run) -> String {
    let share = if run.peak_bytes == 0 {
        0.0
    } else {
        run.resting_bytes as f64 / run.peak_bytes as f64 * 100.0
    };
    format!(
        "<figure class=\"floors\">\n<dl class=\"bars\"><div><dt>at once</dt><dd><i style=\"width:100%\"></i>{}</dd></div>\
         <div><dt>stayed</dt><dd><i style=\"width:{share:.1}%\"></i>{}</dd></div></dl>\n\
         <figcaption>The highest live memory, and what was left of it at the end.</figcaption>\n</figure>\n",
        bytes(run.peak_bytes as f64),
        bytes(run.resting_bytes as f64),
    )
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
