//! Figures, paths and lists as a person writes them.

use super::kind::Kind;
use super::place::{Frame, Origin};
use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

/// A site's function, without its place.
pub(crate) fn function_of(site: &str) -> &str {
    site.rsplit_once(" (")
        .map_or(site, |(function, _)| function)
}

/// The columns that a text is made for.
const COLUMNS: usize = 100;

/// The text in lines of at most a hundred columns, the later ones indented. A word is never cut: it may be a path.
pub(crate) fn wrapped(text: &str) -> String {
    // All of them said: another crate's features would change what is left open.
    let options = textwrap::Options::new(COLUMNS)
        .subsequent_indent("  ")
        .wrap_algorithm(textwrap::WrapAlgorithm::FirstFit)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .break_words(false);
    textwrap::fill(text, options)
}

/// A path as a person would type it here: relative where it lies below the folder that they typed their command in.
///
/// Cargo starts a test in its package's folder, and leaves the shell's own in `PWD`.
pub(crate) fn from_here(path: &Path) -> &Path {
    let shells = std::env::var_os("PWD").map(PathBuf::from);
    let ours = std::env::current_dir().ok();
    shells
        .iter()
        .chain(&ours)
        .find_map(|here| path.strip_prefix(here).ok())
        .filter(|relative| !relative.as_os_str().is_empty())
        .unwrap_or(path)
}

/// A frame with its path as a person would type it here.
pub(crate) fn frame_from_here(frame: &Frame) -> impl Display {
    fmt::from_fn(move |f| {
        let file = from_here(Path::new(&frame.file)).display();
        if frame.file.is_empty() {
            write!(f, "{}", frame.function)
        } else {
            write!(f, "{} ({file}:{})", frame.function, frame.line)
        }
    })
}

/// `1 block every 75 iterations` rather than `0.013 blocks an iteration`.
pub(crate) fn rate(per_iteration: f64, unit: &str) -> impl Display {
    fmt::from_fn(move |f| {
        if per_iteration <= 0.0 {
            write!(f, "0 {unit}s an iteration")
        } else if per_iteration <= 0.5 {
            write!(f, "1 {unit} every {:.0} iterations", 1.0 / per_iteration)
        } else {
            write!(f, "{} an iteration", amount(per_iteration, unit))
        }
    })
}

/// Whose code it is, for whoever looks for the line at fault.
pub(crate) fn whose(origin: Origin) -> &'static str {
    match origin {
        Origin::Own => "the workload's own code",
        Origin::Dependency => "a dependency's code: look for the caller that keeps what it returns",
        Origin::Standard => {
            "the standard library's code: look for the caller that keeps what it returns"
        }
        Origin::Unknown => {
            "code whose line this build can't tell: build with debug = \"line-tables-only\" and strip = \"none\""
        }
    }
}

/// One of a kind: `task`.
pub(crate) fn one_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Blocks => "block",
        Kind::Bytes | Kind::Resident => "byte",
        Kind::Tasks => "task",
        Kind::Sockets => "socket",
        Kind::Descriptors => "descriptor",
        Kind::Threads => "thread",
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}

/// A figure as a person writes it: `12`, `1,234.6`, `0.05`.
pub(crate) fn figure(value: f64) -> String {
    let decimals = if value.abs() < 1.0 { 2 } else { 1 };
    let text = format!("{value:.decimals$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), grouped);
    match fraction.trim_end_matches('0') {
        "" => whole,
        fraction => format!("{whole}.{fraction}"),
    }
}

/// A figure with its unit: `1 block`, `65,704 bytes`.
pub(crate) fn amount(value: f64, unit: &str) -> String {
    match figure(value) {
        one if one == "1" => format!("1 {unit}"),
        figure => format!("{figure} {unit}s"),
    }
}

/// A whole figure with its unit: `1 block`, `-65,704 bytes`.
pub(crate) fn count(value: i64, unit: &str) -> String {
    let plural = if value.abs() == 1 { "" } else { "s" };
    format!("{} {unit}{plural}", grouped(value))
}

/// Thousands apart: `1,048,576`.
pub(crate) fn grouped(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if value < 0 {
        text.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes for a sentence: `65,536 bytes`, `1.5 MiB`.
pub(crate) fn bytes(value: u64) -> String {
    const MEBIBYTE: u64 = 1 << 20;
    if value < MEBIBYTE {
        count(value.cast_signed(), "byte")
    } else {
        format!("{} MiB", figure(value as f64 / MEBIBYTE as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::{amount, bytes, count, figure, grouped, rate, wrapped};

    #[test]
    fn figures_read_as_a_person_writes_them() {
        assert_eq!(grouped(-1_234_567), "-1,234,567");
        assert_eq!(grouped(999), "999");
        assert_eq!(figure(65_704.0), "65,704");
        assert_eq!(figure(1_234.56), "1,234.6");
        assert_eq!(figure(1.97), "2");
        assert_eq!(figure(0.05), "0.05");
        assert_eq!(
            rate(1.0 / 75.0, "block").to_string(),
            "1 block every 75 iterations"
        );
        assert_eq!(rate(12.0, "byte").to_string(), "12 bytes an iteration");
        assert_eq!(rate(0.8, "block").to_string(), "0.8 blocks an iteration");
        assert_eq!(rate(0.5, "block").to_string(), "1 block every 2 iterations");
        assert_eq!(amount(0.999, "block"), "1 block");
        assert_eq!(count(-1, "byte"), "-1 byte");
        assert_eq!(bytes(3 << 19), "1.5 MiB");
        assert_eq!(bytes(1), "1 byte");
    }

    #[test]
    fn long_lines_are_wrapped_between_words() {
        let path = "p".repeat(120);
        let text = wrapped(&format!("{} at {path} end", "word ".repeat(19).trim()));
        assert_eq!(
            text,
            format!("{} at\n  {path}\n  end", "word ".repeat(19).trim())
        );
    }
}
