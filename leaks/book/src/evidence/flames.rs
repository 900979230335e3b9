//! A heap profile as a flame graph of boxes whose widths are shares: it fits every width, prints, and needs no script. The script
//! adds zoom, search and the keyboard.

use super::html::{Escaped, bytes, short};
use super::recorded::Flames;
use std::fmt::Write;

/// The flame graph; the root on top, and what a function calls below it.
pub(super) fn draw(flames: &Flames) -> String {
    let Some(&(_, _, total, growing)) = flames.frames.first() else {
        return String::new();
    };
    let total = total.max(1) as f64;
    let share = |value: u64| value as f64 / total * 100.0;
    // Where the next call of each depth begins.
    let mut next = vec![0.0_f64];
    let mut rows = 0;
    let mut frames = String::new();
    for (depth, function, value, grows) in &flames.frames {
        rows = rows.max(depth + 1);
        next.resize(depth + 2, 0.0);
        let left = next[*depth];
        next[*depth] = left + share(*value);
        next[*depth + 1] = left;
        let of_it = if *value == 0 {
            0.0
        } else {
            *grows as f64 / *value as f64 * 100.0
        };
        let growth = match of_it {
            _ if growing == 0 => String::new(),
            of_it if of_it >= 99.5 => "; all of it at sites that grow".to_owned(),
            of_it if of_it < 0.5 => "; nothing of it at a site that grows".to_owned(),
            of_it => format!("; {of_it:.0} % of it at sites that grow"),
        };
        let _ = writeln!(
            frames,
            "<span class=\"frame\" style=\"left:{left:.2}%;width:{:.2}%;--row:{depth};--grows:{of_it:.0}%\" data-depth=\"{depth}\" \
             title=\"{}: {}, {:.1} %{growth}\">{}</span>",
            share(*value),
            Escaped(function),
            bytes(*value as f64),
            share(*value),
            Escaped(&short(function)),
        );
    }
    let what = match flames.values.as_str() {
        "alloc_space" => "what was allocated, freed or not",
        _ => "what is live at the end",
    };
    let legend = if growing == 0 {
        String::new()
    } else {
        " Made <span class=\"key grows\">at a site that grows</span> from half of the run to its end, or <span class=\"key\">elsewhere</span>.".to_owned()
    };
    format!(
        "<figure class=\"flames\">\n<div class=\"graph\" style=\"--rows:{rows}\" aria-label=\"Flame graph: {what}\">\n{frames}</div>\n\
         <figcaption>Flame graph of {what}: {}. A box is as wide as its share, and what it calls hangs below it.{legend}</figcaption>\n</figure>\n",
        bytes(total),
    )
}
