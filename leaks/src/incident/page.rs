//! The story as a page: its steps, and their plots in it.

use super::story::{Step, Story};
use std::fmt::Write;

/// A step as the book includes it: what was run, and what came.
pub(super) fn text(step: &Step) -> String {
    let commands: Vec<String> = step
        .commands
        .iter()
        .map(|line| format!("$ {line}"))
        .collect();
    let disturbed = step
        .disturbed
        .iter()
        .fold(String::new(), |text, line| format!("{text}\n({line})"));
    format!(
        "{}\n{}{disturbed}\n",
        commands.join("\n"),
        step.evidence.trim_end()
    )
}

/// What the tables' columns and the plots' lines count.
const FIGURES: &str = "<table>
<tr><th>resident</th><td>pages that the process has in RAM, as the kernel counts them</td></tr>
<tr><th>lazily freed</th><td>those of them that the process has given up, and the kernel has not taken yet</td></tr>
<tr><th>live</th><td>bytes that the program has allocated and not yet freed</td></tr>
<tr><th>allocator has</th><td>address space that the allocator has from the kernel, whether pages are behind it or not</td></tr>
</table>
";

/// One file that any browser opens: nothing in it is fetched from elsewhere.
pub(super) fn html(story: &Story) -> String {
    let mut html = String::from(
        r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The incident</title>
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
pre { overflow-x: auto; padding: .8rem 1rem; background: color-mix(in srgb, currentColor 7%, transparent); border-radius: 6px; font-size: 13px; }
h2 { margin-top: 3rem; }
figure { margin: 1.5rem 0; overflow-x: auto; }
/* On a narrow screen a plot is scrolled, so that its letters stay readable. */
svg { width: 100%; min-width: 36rem; height: auto; }
th, td { padding: .2rem 1.2rem .2rem 0; text-align: left; vertical-align: top; font-weight: inherit; }
ul { list-style: none; padding: 0; }
.question { font-style: italic; }
.failed { color: #d9485f; font-weight: 600; }
</style>
<h1>The incident</h1>
"#,
    );
    if let Some(climb) = story.steps.first() {
        let _ = writeln!(html, "<p>{}</p>", prose(&climb.conclusion));
    }
    let _ = writeln!(
        html,
        "<p>Verdict: <strong>{}</strong>. Of the control run, which does leak: <strong>{}</strong>.</p>",
        escaped(&story.verdict),
        escaped(&story.control)
    );
    html.push_str(FIGURES);
    html.push_str("<ul>\n");
    for (number, (heading, step)) in (1..).zip(story.told()) {
        let failed = if step.holds {
            ""
        } else {
            " <span class=\"failed\">not as the story has it</span>"
        };
        let _ = writeln!(
            html,
            "<li><a href=\"#step-{number}\">{}</a>{failed}</li>",
            escaped(&heading)
        );
    }
    html.push_str("</ul>\n");
    for (number, (heading, step)) in (1..).zip(story.told()) {
        let _ = writeln!(
            html,
            "<h2 id=\"step-{number}\">{}</h2>\n<p class=\"question\">{}</p>\n<pre>{}</pre>",
            escaped(&heading),
            prose(step.question),
            escaped(&text(step))
        );
        let plot = step.plot.and_then(|name| {
            let mut plots = story.plots.iter();
            plots.find_map(|(of, svg)| (*of == name).then_some(svg))
        });
        if let Some(svg) = plot {
            let _ = writeln!(html, "<figure>\n{svg}</figure>");
        }
        if !step.holds {
            html.push_str(
                "<p class=\"failed\">This run doesn't show what the story concludes here:</p>\n",
            );
        }
        let _ = writeln!(html, "<p>{}</p>", prose(&step.conclusion));
    }
    html.push_str(
        "<h2>Next</h2>\n<p>What its authors saw at each step, and what follows for your own service: \
         <code>cargo run -- book --open</code>, page <em>The incident</em>.</p>\n</html>\n",
    );
    html
}

/// A sentence, with what stands between backticks as code.
fn prose(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts
        .map(|(number, part)| match number % 2 {
            0 => escaped(part),
            _ => format!("<code>{}</code>", escaped(part)),
        })
        .collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
