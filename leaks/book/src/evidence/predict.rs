//! Predict, then see: below a chapter's plot, what a reader can guess of it. The answer is what the recorded run said.
//!
//! The script shows it, with the plot alone, to whoever opens the page for the first time. Where no script runs it isn't there.

use super::recorded;
use mdbook_driver::errors::{Error, Result};
use serde::Deserialize;
use std::fmt::Write;
use std::path::Path;

/// What a reader chooses from: the library's words, in its order. `tests/snippets.rs` compares them. The library itself would take a minute
/// to be built, for these eighteen words, before the book opens for the first time.
const CHOICES: &str = include_str!("choices.json");

#[derive(Deserialize)]
struct Choices<'a> {
    #[serde(borrow)]
    verdicts: Vec<&'a str>,
    classes: Vec<&'a str>,
}

/// What is asked below this plot; nothing where the plot is no chapter's.
pub(super) fn draw(plot: &Path) -> Result<String> {
    if plot.file_name().is_none_or(|name| name != "timeline.svg") {
        return Ok(String::new());
    }
    let Some(run) = recorded::beside(&plot.with_file_name("run.txt"))? else {
        return Ok(String::new());
    };
    let Some(class) = run.class else {
        return Ok(String::new());
    };
    let Choices { verdicts, classes } = serde_json::from_str(CHOICES).map_err(Error::from)?;
    Ok(format!(
        "\n<section class=\"predict\" aria-labelledby=\"before-you-read\" data-verdict=\"{}\" data-class=\"{class}\" hidden>\n\
         <h2 id=\"before-you-read\">Before you read: what is this?</h2>\n\
         <p>This is all that the graph shows. Choose a verdict and a class, then see what the run said. A wrong guess costs nothing.</p>\n\
         {}{}\
         <p class=\"tools\"><button type=\"button\" class=\"see\">See what the run said</button>\n\
         <button type=\"button\" class=\"skip\">Read without a guess</button></p>\n\
         <p class=\"told\" role=\"status\"></p>\n</section>",
        run.verdict,
        choices("verdict", "The verdict", &verdicts),
        choices("class", "The class", &classes),
    ))
}

fn choices(name: &str, legend: &str, all: &[&str]) -> String {
    let mut drawn = format!("<fieldset><legend>{legend}</legend>\n");
    for choice in all {
        let _ = writeln!(
            drawn,
            "<label><input type=\"radio\" name=\"{name}\" value=\"{choice}\"> {choice}</label>"
        );
    }
    drawn.push_str("</fieldset>\n");
    drawn
}
