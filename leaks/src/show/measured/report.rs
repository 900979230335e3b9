//! What a measurement says, for a person and, with what a command adds, for JSON.

use super::artefacts::Artefacts;
use super::chart;
use super::quantity::Quantity;
use crate::show::verdict::word;
use detectors::profile::TopOptions;
use detectors::{Evidence, Verdict};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use workbook::problem::Result;
use workbook::say::{self, BOLD, DIM};

/// Rows of the table of functions.
const ROWS_MAX: usize = 5;

/// Prints the evidence: chart, verdict, windows and sites.
///
/// Paths below `root` are shown as the reader would type them.
pub(crate) fn print(evidence: &Evidence, root: &Path, out: &mut dyn Write) -> Result<()> {
    let width = say::width();
    writeln!(
        out,
        "{}",
        chart::draw(&evidence.timeline, Quantity::of(evidence), width)
    )?;

    word(
        evidence.verdict,
        evidence.meaning(),
        &evidence.because,
        evidence.settle_by.as_deref(),
        out,
    )?;
    if !evidence.readings.is_empty() {
        writeln!(
            out,
            "\n{BOLD}Windows{BOLD:#} {DIM}(floor: the lowest in a window's second half){DIM:#}"
        )?;
        write!(out, "{}", indented(&evidence.windows_table().to_string()))?;
    }
    if !evidence.findings.is_empty() {
        let findings = shortened(&evidence.findings_list().to_string(), root);
        if !findings.is_empty() {
            let heading = match evidence.verdict {
                Verdict::Pressure => "What allocates most",
                _ => "What grows",
            };
            writeln!(out, "\n{BOLD}{heading}{BOLD:#}")?;
            write!(out, "{}", indented(&findings))?;
        }
        if let Some(retention) = &evidence.retention {
            writeln!(out, "\n{BOLD}What is freed and resident{BOLD:#}")?;
            for told in retention.to_string().lines() {
                write!(out, "{}", say::wrapped(told, "  ", width))?;
            }
        }
        let holders = shortened(&evidence.holders_list().to_string(), root);
        if !holders.is_empty() {
            writeln!(out, "\n{BOLD}Who holds it{BOLD:#}")?;
            for holder in holders.lines() {
                if holder.starts_with(' ') {
                    writeln!(out, "  {holder}")?; // a place, which is never wrapped
                } else {
                    write!(out, "{}", say::wrapped(holder, "  ", width))?;
                }
            }
        }
        if let Some((heading, table)) = sites(evidence) {
            writeln!(out, "\n{BOLD}{heading}{BOLD:#}")?;
            write!(out, "{}", indented(&shortened(&table, root)))?;
        }
    }
    writeln!(out)?;
    write!(
        out,
        "{DIM}{}{DIM:#}",
        say::wrapped(&capitalised(&evidence.reach().to_string()), "", width)
    )?;
    for lack in &evidence.instrument.lacks {
        write!(out, "{DIM}{}{DIM:#}", say::wrapped(lack, "", width))?;
    }
    for same in evidence.not_read.chunk_by(|a, b| a.why == b.why) {
        let kinds: Vec<_> = same
            .iter()
            .map(|not_read| not_read.kind.to_string())
            .collect();
        let text = format!("Not read: {}, since {}.", kinds.join(", "), same[0].why);
        write!(out, "{DIM}{}{DIM:#}", say::wrapped(&text, "", width))?;
    }
    Ok(())
}

/// What a class means, and where it is taught.
pub(crate) fn concept(evidence: &Evidence, out: &mut dyn Write) -> Result<()> {
    if let Some(class) = evidence.class {
        let text = format!("{class}: {}.", class.definition());
        write!(out, "\n{}", say::wrapped(&text, "", say::width()))?;
        writeln!(out, "{DIM}Its page:{DIM:#} chapters/{class}/README.md")?;
    }
    Ok(())
}

/// The functions in pprof's columns: what grew where that is known, else what was live at the end.
fn sites(evidence: &Evidence) -> Option<(&'static str, String)> {
    let grew = evidence.top_sites().to_string();
    if !grew.is_empty() {
        let heading = match evidence.verdict {
            Verdict::Pressure => "By function, freed or not",
            _ => "By function, from half of the run to its end",
        };
        return Some((heading, grew));
    }
    // What grows is no heap: a table of it would only lead away.
    if !evidence.findings.is_empty() {
        return None;
    }
    let options = TopOptions::default().rows_max(ROWS_MAX);
    let top = evidence.profile.as_ref()?.top_with(None, &options).ok()?;
    Some(("By function, live at the end", top.to_string()))
}

/// The evidence with what this command adds.
#[derive(Debug, Serialize)]
pub(crate) struct Document<'a, T: Serialize> {
    #[serde(flatten)]
    pub(crate) evidence: &'a Evidence,
    #[serde(flatten)]
    pub(crate) more: T,
}

/// Prints where the files are.
pub(crate) fn files(artefacts: &Artefacts, out: &mut dyn Write) -> Result<()> {
    writeln!(out, "\n{BOLD}Files{BOLD:#}")?;
    for line in artefacts.lines() {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}

/// Takes the workbook's folder off paths, as far as the reader stands in it.
fn shortened(text: &str, root: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_else(|_| root.to_owned());
    text.replace(&format!("{}/", here.display()), "")
}

/// Each line behind an indent. A line that would wrap on a terminal goes on below where it names a place, `(file:line)`;
/// another one is cut, since it would break its table.
fn indented(text: &str) -> String {
    let width = io::stdout().is_terminal().then(say::width);
    fitted(text, width.unwrap_or(usize::MAX))
}

fn fitted(text: &str, width: usize) -> String {
    let fits = |line: &str| line.chars().count() <= width;
    text.lines().fold(String::new(), |mut all, line| {
        let line = format!("  {}", line.trim_end());
        let indent = line.chars().take_while(|c| *c == ' ').count() + 4;
        let place = line
            .rsplit_once(" (")
            .filter(|(_, place)| place.ends_with(')'));
        let _ = match place {
            _ if fits(&line) => writeln!(all, "{line}"),
            Some((before, place)) => {
                writeln!(all, "{}\n{:indent$}({place}", cut(before, width), "")
            }
            None => writeln!(all, "{}", cut(&line, width)),
        };
        all
    })
}

fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    let start: String = line.chars().take(width.saturating_sub(1)).collect();
    format!("{start}…")
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).chain(['.']).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_the_code_is_never_cut() {
        let text = "24 bytes in 1 block an iteration from retained::leaky::refresh (chapters/retained/leaky.rs:27)\n\
            12 bytes from short (a.rs:1)\n      15,886  99.85%  99.85%     15,886  99.85%  retained::backend::receive\n";
        insta::assert_snapshot!(fitted(text, 50), @r"
          24 bytes in 1 block an iteration from retained:…
              (chapters/retained/leaky.rs:27)
          12 bytes from short (a.rs:1)
                15,886  99.85%  99.85%     15,886  99.85%…
        ");
    }
}
