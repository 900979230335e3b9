//! The story as a page: its steps, and their plots in it.

use super::{Step, Story};
use std::fmt::Write;

/// A step as the book includes it: what was run, and what came.
pub(super) fn text(step: &Step) -> String {
    let commands: Vec<String> = step
        .commands
        .iter()
        .map(|line| format!("$ {line}"))
        .collect();
    format!("{}\n{}\n", commands.join("\n"), step.evidence.trim_end())
}

/// One file that any browser opens: nothing in it is fetched from elsewhere.
pub(super) fn html(story: &Story) -> String {
    let mut html = String::from(
        r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The incident: 400 MB resident, 7 MB in the heap profile</title>
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
pre { overflow-x: auto; padding: .8rem 1rem; background: color-mix(in srgb, currentColor 7%, transparent); border-radius: 6px; font-size: 13px; }
svg { width: 100%; height: auto; }
.question { font-style: italic; }
.failed { color: #d9485f; font-weight: 600; }
</style>
<h1>The incident: 400 MB resident, 7 MB in the heap profile</h1>
"#,
    );
    let _ = writeln!(
        html,
        "<p>Verdict: <strong>{}</strong>. Of the control run: <strong>{}</strong>.</p>",
        escaped(&story.verdict),
        escaped(&story.control)
    );
    for (number, step) in (1..).zip(&story.steps) {
        let _ = writeln!(
            html,
            "<h2>{number}. {}</h2>\n<p class=\"question\">{}</p>\n<pre>{}</pre>",
            escaped(step.title),
            escaped(step.question),
            escaped(&text(step))
        );
        let plot = step.plot.and_then(|name| {
            let mut plots = story.plots.iter();
            plots.find_map(|(of, svg)| (*of == name).then_some(svg))
        });
        if let Some(svg) = plot {
            html.push_str(svg);
        }
        if !step.holds {
            html.push_str("<p class=\"failed\">Not as the story has it here:</p>\n");
        }
        let _ = writeln!(html, "<p>{}</p>", escaped(&step.conclusion));
    }
    html.push_str("</html>\n");
    html
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
