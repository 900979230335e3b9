//! How the command speaks: colours, width, paths and the next command, the same everywhere.

use anstyle::{AnsiColor, Style};
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

pub const PLAIN: Style = Style::new();
pub const BOLD: Style = Style::new().bold();
pub const DIM: Style = Style::new().dimmed();
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
pub const BAD: Style = AnsiColor::Red.on_default().bold();
pub const DOUBT: Style = AnsiColor::Yellow.on_default().bold();
pub const LINE: Style = AnsiColor::Cyan.on_default();

/// The width of text where no terminal says otherwise.
const PLAIN_WIDTH: usize = 80;

/// The room that a line has on however narrow a terminal.
const NARROWEST: usize = 20;

/// Standard output. Colours are taken out where it is no terminal or `NO_COLOR` is set.
pub fn stdout() -> impl Write {
    anstream::AutoStream::auto(io::stdout())
}

/// Standard error, under the same rule.
pub fn stderr() -> impl Write {
    anstream::AutoStream::auto(io::stderr())
}

/// Tells something beside the output. Nothing can be done where even that fails, so nothing is. In a test of the caller's it belongs to
/// the test's own output, so that nobody who runs the tests takes it for told to them.
#[macro_export]
macro_rules! note {
    ($text:expr $(,)?) => {
        if cfg!(test) {
            eprintln!("{}", $text);
        } else {
            $crate::say::beside_the_output($text);
        }
    };
}

#[doc(hidden)]
pub fn beside_the_output(text: impl std::fmt::Display) {
    let _ = writeln!(stderr(), "{text}");
}

/// How many columns a chart or a progress line may take.
pub fn width() -> usize {
    terminal_size::terminal_size()
        .filter(|_| io::stdout().is_terminal() || io::stderr().is_terminal())
        .map_or(PLAIN_WIDTH, |(columns, _)| usize::from(columns.0))
}

/// The line to type for `leaks <arguments>`: through cargo for a reader who came through cargo. A chapter's folder has no program that
/// `cargo run` could run: there it is the alias that `.cargo/config.toml` gives.
pub fn command(arguments: &str) -> String {
    let prefix = match std::env::var_os("CARGO") {
        None => "leaks",
        Some(_) if is_below_the_root() => "cargo leaks",
        Some(_) => "cargo run --",
    };
    format!("{prefix} {arguments}").trim_end().to_owned()
}

/// Whether the reader stands in the folder of a package that is not the whole workbook.
fn is_below_the_root() -> bool {
    let Ok(here) = std::env::current_dir() else {
        return false;
    };
    let mut packages = here
        .ancestors()
        .filter(|folder| folder.join("Cargo.toml").is_file());
    let nearest = packages.next();
    nearest.is_some_and(|nearest| !nearest.join("chapters/SUMMARY.md").is_file())
        && packages.next().is_some()
}

/// A path as the reader would type it here: relative to the current folder where it lies below it.
pub fn path(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    here.as_deref()
        .and_then(|here| path.strip_prefix(here).ok())
        .unwrap_or(path)
        .display()
        .to_string()
}

/// Text in lines of at most `width` columns, each behind `indent`. A line break in it stays.
pub fn wrapped(text: &str, indent: &str, width: usize) -> String {
    let options = Options::new(width.max(indent.len() + NARROWEST))
        .initial_indent(indent)
        .subsequent_indent(indent)
        .wrap_algorithm(WrapAlgorithm::FirstFit)
        .word_separator(WordSeparator::AsciiSpace)
        // A word may be a path, or a name to type: it is never cut.
        .word_splitter(WordSplitter::NoHyphenation)
        .break_words(false);
    textwrap::fill(text, options) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_between_words() {
        let text = "something live grows in every window of this run";
        assert_eq!(
            wrapped(text, "  ", 26),
            "  something live grows in\n  every window of this run\n"
        );
        assert_eq!(wrapped("short", "", 80), "short\n");
        assert_eq!(wrapped("one\ntwo", "  ", 80), "  one\n  two\n");
    }

    #[test]
    fn a_word_is_never_cut() {
        let path = "chapters/retained-subslices/src/exercise.rs";
        assert_eq!(
            wrapped(&format!("see {path} there"), "", 0),
            format!("see\n{path}\nthere\n")
        );
    }
}
