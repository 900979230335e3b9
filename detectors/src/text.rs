//! Evidence in words and tables, for people.

use crate::evidence::{Evidence, Finding, Kind, Origin, Reading, Site};
use std::fmt::{self, Display, Formatter};

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
        fmt::from_fn(|f| top_sites(&self.findings, f))
    }

    /// The first finding that names a site.
    pub fn first_site(&self) -> Option<&Site> {
        self.findings.iter().find_map(|finding| finding.at.as_ref())
    }

    /// Each site with what it adds for each iteration, whose code it is, and its signature.
    pub fn findings_list(&self) -> impl Display + '_ {
        fmt::from_fn(|f| findings_list(&self.findings, f))
    }

    /// What this run could have caught at all, in a sentence.
    pub fn reach(&self) -> impl Display + '_ {
        fmt::from_fn(|f| match &self.smallest_leak {
            None => f.write_str("this run was too short to catch any leak"),
            Some(smallest) => write!(
                f,
                "the smallest leak that this run could have caught: {}, or {}",
                rate(smallest.bytes_per_iteration, "byte"),
                rate(smallest.blocks_per_iteration, "block"),
            ),
        })
    }
}

/// `1 block every 75 iterations` rather than `0.013 blocks an iteration`.
fn rate(per_iteration: f64, unit: &str) -> impl Display {
    fmt::from_fn(move |f| {
        if per_iteration <= 0.0 {
            write!(f, "0 {unit}s an iteration")
        } else if per_iteration < 0.95 {
            write!(f, "1 {unit} every {:.0} iterations", 1.0 / per_iteration)
        } else {
            write!(f, "{} {unit}s an iteration", figure(per_iteration))
        }
    })
}

fn windows_table(readings: &[Reading], f: &mut Formatter<'_>) -> fmt::Result {
    writeln!(
        f,
        "{:>17}  {:>14} {:>12}  {:>10} {:>9}",
        "iterations", "floor, bytes", "rise", "blocks", "rise"
    )?;
    for reading in readings {
        writeln!(
            f,
            "{:>8} ..{:>6}  {:>14} {:>12}  {:>10} {:>9}",
            grouped(reading.from.cast_signed()),
            grouped(reading.to.cast_signed()),
            grouped(reading.floor_bytes),
            rise(reading.rise_bytes),
            grouped(reading.floor_blocks),
            rise(reading.rise_blocks),
        )?;
    }
    Ok(())
}

fn top_sites(findings: &[Finding], f: &mut Formatter<'_>) -> fmt::Result {
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
    let total: f64 = rows.iter().map(|(flat, ..)| flat).sum();
    let percent = |part: f64| format!("{:.2}%", 100.0 * part / total);
    writeln!(
        f,
        "{:>10} {:>7} {:>7} {:>10} {:>7}  bytes an iteration, by site",
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

fn findings_list(findings: &[Finding], f: &mut Formatter<'_>) -> fmt::Result {
    let mut rest = findings;
    while let [first, ..] = rest {
        let same = rest
            .iter()
            .take_while(|finding| finding.site == first.site)
            .count();
        let (site, after) = rest.split_at(same);
        rest = after;
        let amounts: Vec<String> = site
            .iter()
            .map(|finding| match finding.per_iteration {
                // One block is one block.
                Some(amount) if (amount - 1.0).abs() < 0.005 => {
                    format!("1 {}", finding.kind.to_string().trim_end_matches('s'))
                }
                Some(amount) => format!("{} {}", figure(amount), finding.kind),
                None => format!("more {}", finding.kind),
            })
            .collect();
        write!(f, "{} an iteration from ", amounts.join(" in "))?;
        match &first.at {
            Some(at) => {
                writeln!(f, "{}", at.frame)?;
                writeln!(f, "  {}, signature {}", whose(at.origin), at.signature)?;
                for caller in own_callers(at).take(3) {
                    writeln!(f, "  called by {caller}")?;
                }
            }
            None => writeln!(f, "a site that was not read")?,
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

fn whose(origin: Origin) -> &'static str {
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

/// Bytes for a sentence: `65,536 B`, `1.5 MB`.
pub(crate) fn bytes(value: u64) -> String {
    const MEGABYTE: u64 = 1 << 20;
    if value < MEGABYTE {
        format!("{} B", grouped(value.cast_signed()))
    } else {
        format!("{:.1} MB", value as f64 / MEGABYTE as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::{figure, grouped, rate};

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
    }
}
