//! What is on the screen: lines, made of what is known. Nothing here asks or changes anything.

use super::super::check::summary::Summary;
use super::super::progress::{Group, Item};
use std::time::Duration;
use workbook::say::{self, BOLD, DIM, DOUBT, GOOD};

/// What the reader looks at.
#[derive(Debug)]
pub(super) enum View {
    /// The five lines, and how it goes on.
    Check,
    /// A longer text.
    Text(Text),
    /// All chapters, of which one can be chosen.
    List { chosen: usize },
}

/// A text that may be longer than the screen.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) title: String,
    pub(super) lines: Vec<String>,
    /// The first line that is shown.
    pub(super) from: usize,
    /// Whether `h` shows the next hint here.
    pub(super) has_more_hints: bool,
}

/// What waits for a yes or a no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Question {
    /// The exercise passed: on to the next, or back to one that was skipped.
    GoOn {
        next: String,
        skipped: Option<String>,
    },
    Reset,
}

/// What the screen with the five lines tells.
#[derive(Debug)]
pub(super) struct Shown<'a> {
    pub(super) title: &'a str,
    pub(super) file: &'a str,
    pub(super) groups: &'a [Group],
    /// `None` before the first check is over.
    pub(super) summary: Option<&'a Summary>,
    /// What a pass comes to, and what the reader has to know beside.
    pub(super) closing: &'a [String],
    /// What is done now, and since when.
    pub(super) doing: Option<(&'a str, Duration)>,
    /// How long the last check took.
    pub(super) took: Option<Duration>,
    pub(super) notice: Option<&'a str>,
    pub(super) question: Option<&'a Question>,
}

/// The screen with the five lines. The keys stand in the last row whatever there is no room for.
pub(super) fn check(shown: &Shown<'_>, columns: usize, rows: usize) -> Vec<String> {
    let mut lines = vec![format!("{BOLD}The Leak Workbook{BOLD:#}")];
    lines.extend(shown.groups.iter().map(Group::bar));
    lines.push(String::new());
    lines.push(format!("{BOLD}{}{BOLD:#}  {}", shown.title, shown.file));
    lines.push(String::new());
    match shown.summary {
        Some(summary) => lines.extend(summary.lines(columns)),
        None => lines.push(format!("  {DIM}Not checked yet.{DIM:#}")),
    }
    lines.push(String::new());
    lines.push(status(shown));
    if !shown.closing.is_empty() {
        lines.push(String::new());
        lines.extend(shown.closing.iter().flat_map(|line| folded(line, columns)));
    }
    if let Some(notice) = shown.notice {
        lines.push(String::new());
        lines.extend(folded(&format!("{DOUBT}{notice}{DOUBT:#}"), columns));
    }
    let keys = match shown.question {
        Some(question) => {
            lines.push(String::new());
            lines.extend(folded(&asked(question), columns));
            keys_of(question)
        }
        // The way out first: a narrow screen cuts the others.
        None => keys(&[
            ("q", "quit"),
            ("w", "whole report"),
            ("h", "hint"),
            ("l", "list"),
            ("p", "page"),
            ("r", "reset"),
            ("s", "solution"),
            ("c", "check"),
        ]),
    };
    with_keys(lines, keys, rows)
}

fn status(shown: &Shown<'_>) -> String {
    match (shown.doing, shown.took) {
        (Some((doing, since)), _) => format!("{doing} · {:.1} s", since.as_secs_f64()),
        (None, Some(took)) => format!(
            "{DIM}Checked in {:.1} s. Save the file, and it is checked again.{DIM:#}",
            took.as_secs_f64()
        ),
        (None, None) => String::new(),
    }
}

fn asked(question: &Question) -> String {
    match question {
        Question::Reset => {
            format!(
                "{BOLD}Put the shipped exercise back? What you wrote is kept beside it.{BOLD:#}"
            )
        }
        Question::GoOn { next, skipped } => {
            let skipped = skipped.as_ref().map_or_else(String::new, |skipped| {
                format!(" Or back to {skipped}, which you skipped?")
            });
            format!("{GOOD}Go on with {next}?{GOOD:#}{skipped}")
        }
    }
}

fn keys_of(question: &Question) -> String {
    match question {
        Question::GoOn {
            skipped: Some(_), ..
        } => keys(&[
            ("y", "go on"),
            ("b", "back to what was skipped"),
            ("n", "stay"),
            ("q", "quit"),
        ]),
        Question::GoOn { .. } => keys(&[("y", "go on"), ("n", "stay"), ("q", "quit")]),
        Question::Reset => keys(&[("y", "yes"), ("n", "no")]),
    }
}

/// A longer text, from the line on that was reached.
pub(super) fn text(text: &Text, rows: usize) -> Vec<String> {
    let room = room_of_text(rows);
    let mut lines = vec![format!("{BOLD}{}{BOLD:#}", text.title), String::new()];
    lines.extend(text.lines.iter().skip(text.from).take(room).cloned());
    let to = (text.from + room).min(text.lines.len());
    let mut keys_here = vec![("Esc", "back")];
    if text.has_more_hints {
        keys_here.push(("h", "next hint"));
    }
    if text.lines.len() > room {
        keys_here.push(("↑ ↓ PgUp PgDn", "scroll"));
    }
    let place = format!(
        "{DIM}lines {} to {to} of {}{DIM:#}",
        text.from + 1,
        text.lines.len()
    );
    with_keys(lines, format!("{}  {place}", keys(&keys_here)), rows)
}

/// How many lines of a text are seen at once.
pub(super) fn room_of_text(rows: usize) -> usize {
    rows.saturating_sub(4).max(1)
}

/// All exercises, with the one that is chosen.
pub(super) fn list(items: &[Item], chosen: usize, rows: usize) -> Vec<String> {
    let width = items.iter().map(|item| item.name.len()).max().unwrap_or(0);
    let mut lines = vec![format!("{BOLD}Which exercise?{BOLD:#}"), String::new()];
    let room = room_of_text(rows);
    // The chosen one stays in sight.
    let from = (chosen + 1).saturating_sub(room);
    for (number, item) in items.iter().enumerate().skip(from).take(room) {
        let (mark, words) = (item.standing.mark(), item.words());
        let (arrow, style) = if number == chosen {
            (">", BOLD)
        } else {
            (" ", say::PLAIN)
        };
        lines.push(format!(
            "{arrow} {mark} {style}{:width$}{style:#}  {DIM}{words}{DIM:#}",
            item.name
        ));
    }
    let keys = keys(&[("↑ ↓", "choose"), ("Enter", "go there"), ("Esc", "back")]);
    with_keys(lines, keys, rows)
}

fn keys(keys: &[(&str, &str)]) -> String {
    let keys = keys.iter();
    let keys: Vec<String> = keys
        .map(|(key, what)| format!("{BOLD}{key}{BOLD:#} {DIM}{what}{DIM:#}"))
        .collect();
    format!(" {}", keys.join("  "))
}

/// The lines that there is room for, and the keys in the last row.
fn with_keys(mut lines: Vec<String>, keys: String, rows: usize) -> Vec<String> {
    lines.resize(rows.saturating_sub(1), String::new());
    lines.push(keys);
    lines
}

/// A line that is longer than the screen goes on below. One with colours in the middle is broken between words as well.
fn folded(line: &str, columns: usize) -> Vec<String> {
    let plain = anstream::adapter::strip_str(line).to_string();
    if plain.chars().count() <= columns {
        return vec![line.to_owned()];
    }
    say::wrapped(&plain, "", columns)
        .lines()
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(lines: &[String]) -> String {
        anstream::adapter::strip_str(&lines.join("\n")).to_string()
    }

    #[test]
    fn the_keys_stand_in_the_last_row_however_small_the_screen() {
        let shown = Shown {
            title: "Global caches",
            file: "chapters/global-caches/src/exercise.rs",
            groups: &[],
            summary: None,
            closing: &[],
            doing: Some(("Building", Duration::from_millis(1250))),
            took: None,
            notice: Some("a word"),
            question: None,
        };
        for rows in [1, 3, 24] {
            let lines = check(&shown, 80, rows);
            assert_eq!(lines.len(), rows);
            assert!(plain(&lines[rows - 1..]).contains("q quit"), "{lines:?}");
        }
        let all = plain(&check(&shown, 80, 24));
        assert!(
            all.contains("Building · 1.2 s") && all.contains("a word"),
            "{all}"
        );
    }

    #[test]
    fn a_text_is_seen_from_where_it_was_scrolled_to() {
        let long = Text {
            title: "The whole report".to_owned(),
            lines: (1..=50).map(|n| format!("line {n}.")).collect(),
            from: 10,
            has_more_hints: false,
        };
        let seen = plain(&text(&long, 14));
        assert!(
            seen.contains("line 11.\n") && seen.contains("line 20.\n"),
            "{seen}"
        );
        assert!(
            !seen.contains("line 10.") && !seen.contains("line 21."),
            "{seen}"
        );
        assert!(seen.contains("lines 11 to 20 of 50"), "{seen}");
    }
}
