//! For whoever leads a round: the answer sheet of a seed, and a card to read out.

use super::path;
use super::plan::Plan;
use super::sheet::{Is, Place};
use super::source;
use std::io::Write;
use std::path::Path;
use workbook::problem::Result;
use workbook::say::{self, BOLD, DIM};

/// What a card tells, by what can be seen from outside: nothing that a graph wouldn't.
const CARDS: [(&str, &str); 4] = [
    (
        "Monday, 9:40",
        "A deploy went out on Friday at five. Since then the service's memory has been restarted by the orchestrator twice. Nobody touched \
         the traffic. The team of the search cluster says that all is well on their side.",
    ),
    (
        "The quiet alert",
        "An alert on memory has been snoozed for a week, since the service was fine each time somebody looked. Today it isn't snoozed any \
         more. The product manager asks whether a bigger machine would do.",
    ),
    (
        "Ten minutes before the demo",
        "The graph climbs, and in half an hour a customer sees the service live. You may restart it, once. What do you want to know before \
         you do, since it is gone afterwards?",
    ),
    (
        "The handover",
        "A colleague goes on holiday and leaves a note: \"memory is a bit weird since the last release, probably the allocator\". Is it?",
    ),
];

/// Prints both.
pub(super) fn sheet(plan: &Plan, root: &Path, out: &mut dyn Write) -> Result<()> {
    let width = say::width();
    let Plan { seed, level, .. } = plan;
    writeln!(
        out,
        "{BOLD}Seed {seed}, level {level}: the answer sheet{BOLD:#}  {DIM}for the lead alone{DIM:#}\n"
    )?;
    for cause in &plan.causes {
        let word = match cause.is {
            Is::Leak(class) => class.to_string(),
            Is::NoLeak(verdicts) => {
                let verdicts: Vec<&str> = verdicts.iter().map(|verdict| verdict.as_str()).collect();
                format!("no leak: {}", verdicts.join(" or "))
            }
        };
        writeln!(out, "{BOLD}{word}{BOLD:#}")?;
        write!(out, "{}", say::wrapped(cause.what, "  ", width))?;
        if let Some(change) = cause.change {
            writeln!(out, "  made live by change {change}")?;
        }
        places("made by", cause.made_by, root, out)?;
        places("kept by", cause.kept_by, root, out)?;
        if !cause.holders.is_empty() {
            writeln!(
                out,
                "  holder, by any of these words: {}",
                cause.holders.join(", ")
            )?;
        }
        writeln!(out, "  {}\n", path::right_answer(cause))?;
    }
    let at = usize::try_from(seed % CARDS.len() as u64).unwrap_or(0);
    let (title, card) = CARDS[at];
    writeln!(out, "{BOLD}The card to read out: {title}{BOLD:#}")?;
    write!(out, "{}", say::wrapped(card, "  ", width))?;
    writeln!(
        out,
        "\nEach team types: {}\nIn this workbook that seed has no score any more.",
        say::command(&format!("drill --seed {seed} --level {level}"))
    )?;
    Ok(())
}

fn places(what: &str, places: &[Place], root: &Path, out: &mut dyn Write) -> Result<()> {
    for place in places {
        let lines = source::lines_of(root, *place);
        let lines = lines.map_or_else(String::new, |lines| {
            format!(":{}-{}", lines.start(), lines.end())
        });
        writeln!(out, "  {what} {} ({}{lines})", place.function, place.file)?;
    }
    Ok(())
}
