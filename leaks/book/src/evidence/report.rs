//! A run as a page shows it: the verdict, what decided it, and the evidence.

use super::html::{Escaped, bytes, grouped, short};
use super::recorded::{Finding, Run};
use super::{flames, floors, held};
use std::fmt::Write;

/// Rows of the table of functions.
const ROWS_MAX: usize = 6;

/// The run, with the command that made it and the whole text that the command printed.
pub(super) fn draw(run: &Run, command_line: Option<&str>, printed: &str) -> String {
    let verdict = Escaped(&run.verdict);
    let mut drawn = format!(
        "<section class=\"evidence {verdict}\" aria-label=\"What the run says: {verdict}\">\n{}\
         <p class=\"verdict\"><strong>{verdict}</strong> <span>{}</span></p>\n",
        command_line.map(command).unwrap_or_default(),
        Escaped(&run.means),
    );
    deciding(run, &mut drawn);
    drawn.push_str(&floors::draw(run));
    drawn.push_str(&held::draw(&run.holders));
    functions(run, &mut drawn);
    if let Some(flames) = &run.flames
        && !run.findings.is_empty()
    {
        drawn.push_str(&flames::draw(flames));
    }
    drawn.push_str(&folded("The whole report, as the terminal has it", printed));
    drawn.push_str("</section>");
    drawn
}

/// The three lines that decide.
fn deciding(run: &Run, drawn: &mut String) {
    let mut lines = vec![("Why", Escaped(&run.because).to_string())];
    if let Some(settle_by) = &run.settle_by {
        lines.push(("To settle it", Escaped(settle_by).to_string()));
    }
    if let Some(site) = run
        .findings
        .iter()
        .find_map(|finding| finding.site.as_deref())
    {
        let made = if run.verdict == "pressure" {
            "Allocated by"
        } else {
            "Made by"
        };
        lines.push((made, format!("<code>{}</code>", Escaped(site))));
    }
    if let Some(root) = run.holders.iter().find_map(|held| held.by.first()) {
        lines.push(("Held by", held::words(root)));
    }
    if let Some(kept) = run
        .retention
        .as_deref()
        .and_then(|text| text.lines().next())
    {
        lines.push(("Freed, and resident", Escaped(kept).to_string()));
    }
    if lines.len() < 3 {
        lines.push(("Reach", Escaped(&run.reach).to_string()));
    }
    if lines.len() < 3 {
        let not_read: Vec<String> = (run.not_read.iter())
            .map(|not_read| format!("{}, since {}", not_read.kind, not_read.why))
            .collect();
        if !not_read.is_empty() {
            lines.push(("Not read", Escaped(&not_read.join("; ")).to_string()));
        }
    }
    if lines.len() < 3
        && let (Some(class), Some(means)) = (&run.class, &run.class_means)
    {
        lines.push((
            "Class",
            format!("<b>{}</b>: {}", Escaped(class), Escaped(means)),
        ));
    }
    if lines.len() < 3 {
        let rests = bytes(run.resting_bytes as f64);
        let most = bytes(run.peak_bytes as f64);
        lines.push(("At the end", format!("{rests} stay, of {most} at the most")));
    }
    drawn.push_str("<dl class=\"deciding\">\n");
    for (name, text) in lines.iter().take(3) {
        let _ = writeln!(drawn, "<div><dt>{name}</dt><dd>{text}</dd></div>");
    }
    drawn.push_str("</dl>\n");
}

/// What grows, function by function.
fn functions(run: &Run, drawn: &mut String) {
    let of_heap = |finding: &&Finding| finding.kind == "bytes" || finding.kind == "blocks";
    let mut rows: Vec<(&str, [Option<f64>; 3])> = Vec::new();
    for finding in run.findings.iter().filter(of_heap) {
        let Some(site) = finding.site.as_deref() else {
            continue;
        };
        let row = match rows.iter().position(|(of, _)| *of == site) {
            Some(row) => row,
            None => {
                rows.push((site, [None; 3]));
                rows.len() - 1
            }
        };
        let figures = &mut rows[row].1;
        if finding.kind == "bytes" {
            figures[0] = add(figures[0], finding.per_iteration);
            figures[1] = add(figures[1], finding.cum_per_iteration);
        } else {
            figures[2] = add(figures[2], finding.per_iteration);
        }
    }
    if rows.is_empty() {
        return;
    }
    let what = if run.verdict == "pressure" {
        "What each iteration allocates, freed or not"
    } else {
        "What stays of each iteration"
    };
    let _ = writeln!(
        drawn,
        "<table class=\"functions\">\n<caption>{what}</caption>\n<thead><tr><th scope=\"col\">function</th>\
         <th scope=\"col\" class=\"figure\">bytes</th><th scope=\"col\" class=\"figure\">blocks</th>\
         <th scope=\"col\" class=\"figure\">with what it calls</th></tr></thead>\n<tbody>"
    );
    for (site, [flat, cum, blocks]) in rows.iter().take(ROWS_MAX) {
        let (function, place) = site.rsplit_once(" (").unwrap_or((site, ""));
        let figure = |figure: &Option<f64>| figure.map_or_else(String::new, amount);
        let _ = writeln!(
            drawn,
            "<tr><th scope=\"row\"><code title=\"{}\">{}</code> <span class=\"place\">{}</span></th>\
             <td class=\"figure\" data-label=\"bytes\">{}</td><td class=\"figure\" data-label=\"blocks\">{}</td>\
             <td class=\"figure\" data-label=\"with what it calls\">{}</td></tr>",
            Escaped(function),
            Escaped(&short(function)),
            Escaped(place.trim_end_matches(')')),
            figure(flat),
            figure(blocks),
            cum.map_or_else(String::new, bytes),
        );
    }
    drawn.push_str("</tbody></table>\n");
}

fn add(to: Option<f64>, more: Option<f64>) -> Option<f64> {
    more.map(|more| to.unwrap_or(0.0) + more).or(to)
}

/// A figure for each iteration, which may be less than one.
fn amount(figure: f64) -> String {
    if figure >= 1000.0 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count of bytes, above zero"
        )]
        let whole = figure.round() as u64;
        grouped(whole)
    } else if figure.fract().abs() < 0.05 || figure >= 100.0 {
        format!("{figure:.0}")
    } else {
        format!("{figure:.1}")
    }
}

/// The command that a reader types. What is selected there is the command alone: the prompt is drawn.
pub(super) fn command(line: &str) -> String {
    format!("<p class=\"command\"><code>{}</code></p>\n", Escaped(line))
}

/// A text behind its heading.
pub(super) fn folded(heading: &str, text: &str) -> String {
    format!(
        "<details class=\"whole\"><summary>{heading}</summary>\n<pre tabindex=\"0\"><code class=\"language-text\">{}</code></pre></details>\n",
        Escaped(text.trim_matches('\n'))
    )
}
