//! Evidence in words and tables, for people.

use crate::Verdict;
use crate::evidence::{Counts, Evidence, Finding, Frame, Kind, Origin, Reading, Site};
use crate::holders::Holding;
use std::fmt::{self, Display, Formatter, Write as _};
use std::path::{Path, PathBuf};

/// Rows of the table of sites.
const SITES_MAX: usize = 5;

impl Evidence {
    /// One line for each window: its iterations, and the floor and rise of bytes and blocks.
    pub fn windows_table(&self) -> impl Display + '_ {
        fmt::from_fn(|f| windows_table(&self.readings, f))
    }

    /// The sites that grew, in pprof's columns, in bytes an iteration. *Flat* is what the site itself adds, *cum* what its
    /// function adds with all that it calls. Empty when no site was read.
    pub fn top_sites(&self) -> impl Display + '_ {
        fmt::from_fn(|f| {
            let what = if self.verdict == Verdict::Pressure {
                "bytes allocated in each iteration, by site"
            } else {
                "bytes an iteration, by site"
            };
            top_sites(&self.findings, what, f)
        })
    }

    /// The first finding that names a site.
    pub fn first_site(&self) -> Option<&Site> {
        self.findings.iter().find_map(|finding| finding.at.as_ref())
    }

    /// Each site with what it adds for each iteration, whose code it is, and its signature.
    pub fn findings_list(&self) -> impl Display + '_ {
        let for_each = if self.verdict == Verdict::Pressure {
            "allocated in each iteration"
        } else {
            "an iteration"
        };
        findings_text(&self.findings, for_each)
    }

    /// Who holds the blocks of each site that grows: a line each, with indented ones that say through what. Empty where that
    /// wasn't read.
    pub fn holders_list(&self) -> impl Display + '_ {
        fmt::from_fn(|f| {
            let mut told: Vec<Holding> = Vec::new();
            for holding in &self.holders {
                match told.iter_mut().find(|known| known.same_holder(holding)) {
                    Some(known) => known.joined_by(holding),
                    None => told.push(holding.clone()),
                }
            }
            for holding in &told {
                writeln!(f, "{}: {holding}", function_of(&holding.site))?;
            }
            Ok(())
        })
    }

    /// What this run could have caught at all, in a sentence.
    pub fn reach(&self) -> impl Display + '_ {
        fmt::from_fn(|f| match &self.smallest_leak {
            None => f.write_str("this run was too short to catch any leak"),
            Some(smallest) => {
                let bytes = rate(smallest.bytes_per_iteration, "byte").to_string();
                let blocks = rate(smallest.blocks_per_iteration, "block").to_string();
                f.write_str("the smallest leak that this run could have caught: ")?;
                match bytes.strip_prefix("1 byte ") {
                    Some(often) if blocks.strip_prefix("1 block ") == Some(often) => {
                        write!(f, "1 byte or 1 block {often}")
                    }
                    _ => write!(f, "{bytes}, or {blocks}"),
                }
            }
        })
    }
}

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
fn rate(per_iteration: f64, unit: &str) -> impl Display {
    fmt::from_fn(move |f| {
        if per_iteration <= 0.0 {
            write!(f, "0 {unit}s an iteration")
        } else if per_iteration < 0.95 {
            write!(f, "1 {unit} every {:.0} iterations", 1.0 / per_iteration)
        } else {
            write!(f, "{} an iteration", amount(per_iteration, unit))
        }
    })
}

fn windows_table(readings: &[Reading], f: &mut Formatter<'_>) -> fmt::Result {
    // Of what isn't heap, only the kinds that moved: the others would be columns of zeros.
    let moved: Vec<Kind> = Counts::KINDS
        .into_iter()
        .filter(|kind| {
            let mut floors = readings
                .iter()
                .map(|reading| reading.floor_counts.get(*kind));
            floors
                .next()
                .is_some_and(|first| floors.any(|floor| floor != first))
        })
        .collect();
    write!(
        f,
        "{:>17}  {:>14} {:>12}  {:>10} {:>9}",
        "iterations", "floor, bytes", "rise", "blocks", "rise"
    )?;
    for kind in &moved {
        write!(f, "  {kind:>11} {:>6}", "rise")?;
    }
    writeln!(f)?;
    let mut before: Option<&Reading> = None;
    for reading in readings {
        let mut row = format!(
            "{:>8} ..{:>6}  {:>14} {:>12}  {:>10} {:>9}",
            grouped(reading.from.cast_signed()),
            grouped(reading.to.cast_signed()),
            grouped(reading.floor_bytes),
            rise(reading.rise_bytes),
            grouped(reading.floor_blocks),
            rise(reading.rise_blocks),
        );
        for kind in &moved {
            let floor = reading.floor_counts.get(*kind);
            let floor_before = before.and_then(|before| before.floor_counts.get(*kind));
            let text = floor.map_or_else(String::new, grouped);
            let risen = rise(floor.zip(floor_before).map(|(now, before)| now - before));
            let _ = write!(row, "  {text:>11} {risen:>6}");
        }
        writeln!(f, "{}", row.trim_end())?;
        before = Some(reading);
    }
    Ok(())
}

fn top_sites(findings: &[Finding], what: &str, f: &mut Formatter<'_>) -> fmt::Result {
    let rows: Vec<(f64, f64, &Site)> = findings
        .iter()
        .filter(|finding| finding.kind == Kind::Bytes)
        .filter_map(|finding| {
            let (flat, cum) = (finding.per_iteration?, finding.cum_per_iteration?);
            Some((flat, cum, finding.at.as_ref()?))
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    // What is too small for a row of its own is in the callers' cum all the same.
    let shown: f64 = rows.iter().map(|(flat, ..)| flat).sum();
    let total = rows.iter().map(|(_, cum, _)| *cum).fold(shown, f64::max);
    let percent = |part: f64| format!("{:.2}%", 100.0 * part / total);
    writeln!(
        f,
        "{:>10} {:>7} {:>7} {:>10} {:>7}  {what}",
        "flat", "flat%", "sum%", "cum", "cum%"
    )?;
    let mut sum = 0.0;
    for (flat, cum, site) in rows.into_iter().take(SITES_MAX) {
        sum += flat;
        writeln!(
            f,
            "{:>10} {:>7} {:>7} {:>10} {:>7}  {}",
            figure(flat),
            percent(flat),
            percent(sum),
            figure(cum),
            percent(cum),
            site.frame.function,
        )?;
    }
    Ok(())
}

/// Each site with what it adds, `for_each` iteration or item.
pub(crate) fn findings_text<'f>(findings: &'f [Finding], for_each: &'f str) -> impl Display + 'f {
    fmt::from_fn(move |f| findings_list(findings, for_each, f))
}

fn findings_list(findings: &[Finding], for_each: &str, f: &mut Formatter<'_>) -> fmt::Result {
    let mut rest = findings;
    while let [first, ..] = rest {
        let same = rest
            .iter()
            .take_while(|finding| finding.site == first.site)
            .count();
        let (site, after) = rest.split_at(same);
        rest = after;
        if first.kind == Kind::Resident {
            continue; // the evidence's retention has more to tell
        }
        let amounts: Vec<String> = site
            .iter()
            .map(|finding| match finding.per_iteration {
                Some(per_iteration) => amount(per_iteration, one_of(finding.kind)),
                None => format!("more {}", finding.kind),
            })
            .collect();
        let amounts = format!("{} {for_each}", amounts.join(" in "));
        match &first.at {
            Some(at) if first.kind == Kind::Tasks => {
                writeln!(f, "{amounts}, spawned at")?;
                writeln!(f, "  {}", frame_from_here(&at.frame))?;
                if let Some(spawning) = at.stack.first().filter(|first| **first != at.frame) {
                    writeln!(f, "  by {}", frame_from_here(spawning))?;
                }
            }
            Some(at) => {
                writeln!(f, "{amounts} from")?;
                writeln!(f, "  {}", frame_from_here(&at.frame))?;
                writeln!(f, "  {}, signature {}", whose(at.origin), at.signature)?;
                for caller in own_callers(at).take(3) {
                    writeln!(f, "  called by {}", frame_from_here(caller))?;
                }
            }
            None => match &first.site {
                Some(what) => writeln!(f, "{amounts}: {what}")?,
                None => writeln!(f, "{amounts}, from a site that was not read")?,
            },
        }
    }
    Ok(())
}

/// The own frames above the site, nearest first.
fn own_callers(site: &Site) -> impl Iterator<Item = &crate::Frame> {
    site.stack
        .iter()
        .skip_while(|frame| **frame != site.frame)
        .skip(1)
        .filter(|frame| frame.origin() == Origin::Own)
}

pub(crate) fn whose(origin: Origin) -> &'static str {
    match origin {
        Origin::Own => "the workload's own code",
        Origin::Dependency => "a dependency's code: look for the caller that keeps what it returns",
        Origin::Standard => {
            "the standard library's code: look for the caller that keeps what it returns"
        }
        Origin::Unknown => "code without debug information",
    }
}

fn rise(rise: Option<i64>) -> String {
    rise.map_or_else(String::new, |rise| {
        if rise > 0 {
            format!("+{}", grouped(rise))
        } else {
            grouped(rise)
        }
    })
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
