//! Evidence in words and tables, for people.

use crate::allocator::foreign;
use crate::model::finding::Finding;
use crate::model::kind::{Counts, Kind};
use crate::model::place::{Origin, Site};
use crate::model::verdict::Verdict;
use crate::model::words::{
    amount, figure, frame_from_here, function_of, grouped, one_of, rate, whose,
};
use crate::readings::holders::HeldBy;
use crate::verdicts::evidence::{Evidence, Reading};
use std::collections::{HashMap, HashSet};
use std::fmt::{self, Display, Formatter, Write as _};

/// How what no Rust allocator sees is told with its line.
const FOR_ITS_LINE: &str = "for the line that calls C: the feature `foreign` of detectors, and detectors::foreign_memory!();";

/// Rows of the table of sites.
const SITES_MAX: usize = 5;

impl Evidence {
    /// One line for each window: its iterations, and the floor and rise of bytes and blocks, of what else moved, and of resident memory
    /// where that leaks.
    pub fn windows_table(&self) -> impl Display + '_ {
        fmt::from_fn(|f| {
            let leaks = self.verdict == Verdict::Leak;
            let mut kinds = self.findings.iter().map(|finding| finding.kind);
            let of_resident = leaks && kinds.any(|kind| kind == Kind::Resident);
            windows_table(&self.readings, of_resident, f)
        })
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
            let mut told: Vec<HeldBy> = Vec::new();
            for holding in &self.holders {
                match told.iter_mut().find(|known| known.same_holder(holding)) {
                    Some(known) => known.joined_by(holding),
                    None => told.push(holding.clone()),
                }
            }
            let names = short_names(told.iter().map(|holding| holding.site.as_str()));
            for holding in &told {
                writeln!(f, "{}: {holding}", names[holding.site.as_str()])?;
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
                // What older threads keep, such as a runtime's that tests share, is nobody's there.
                let whose = if self
                    .instrument
                    .name
                    .ends_with("this thread and what it spawns")
                {
                    " on its own thread and those that it spawned"
                } else {
                    ""
                };
                write!(
                    f,
                    "the smallest leak that this run could have caught{whose}: in Rust's heap, "
                )?;
                match bytes.strip_prefix("1 byte ") {
                    Some(often) if blocks.strip_prefix("1 block ") == Some(often) => {
                        write!(f, "1 byte or 1 block {often}")?;
                    }
                    _ => write!(f, "{bytes} or {blocks}")?,
                }
                let of_no_allocator = match smallest.unseen_bytes_per_iteration {
                    Some(unseen) => {
                        write!(
                            f,
                            "; in C's malloc or in mappings, {}",
                            rate(unseen, "byte")
                        )?;
                        ""
                    }
                    None => " in C's malloc or in mappings, one",
                };
                write!(
                    f,
                    "; it could not catch a leak{of_no_allocator} that goes into room which a block has already, one that strikes less \
                     often, one that begins later, or a file that stays on a tmpfs",
                )
            }
        })
    }
}

fn windows_table(readings: &[Reading], of_resident: bool, f: &mut Formatter<'_>) -> fmt::Result {
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
    if of_resident {
        write!(f, "  {:>11} {:>11}", "resident", "rise")?;
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
        let resident = |reading: &Reading| reading.resident_bytes.map(u64::cast_signed);
        if of_resident && let Some(now) = resident(reading) {
            let risen = rise(before.and_then(resident).map(|before| now - before));
            let _ = write!(row, "  {:>11} {risen:>11}", grouped(now));
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
    let sites: Vec<String> = rows.iter().map(|(_, _, site)| site.to_string()).collect();
    let names = short_names(sites.iter().map(String::as_str));
    let mut sum = 0.0;
    for ((flat, cum, _), site) in rows.into_iter().zip(&sites).take(SITES_MAX) {
        sum += flat;
        writeln!(
            f,
            "{:>10} {:>7} {:>7} {:>10} {:>7}  {}",
            figure(flat),
            percent(flat),
            percent(sum),
            figure(cum),
            percent(cum),
            names[site.as_str()],
        )?;
    }
    Ok(())
}

/// Each site's function; where several lines of a function are among them, with its line: `service::insert:42`.
fn short_names<'s>(sites: impl Iterator<Item = &'s str>) -> HashMap<&'s str, String> {
    let sites: HashSet<&str> = sites.collect();
    let line = |site: &str| {
        let (_, line) = site.strip_suffix(')')?.rsplit_once(':')?;
        Some(line.to_owned())
    };
    let name = |site: &'s str| {
        let function = function_of(site);
        let mut others = sites.iter().filter(|other| **other != site);
        let is_one_of_several = others.any(|other| function_of(other) == function);
        match line(site).filter(|_| is_one_of_several) {
            Some(line) => format!("{function}:{line}"),
            None => function.to_owned(),
        }
    };
    sites.iter().map(|site| (*site, name(site))).collect()
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
            // Of what is freed and stays, the evidence's retention has more to tell.
            if let (Some(per_iteration), Some(holder)) = (first.per_iteration, &first.site) {
                let amount = amount(per_iteration, "byte");
                writeln!(
                    f,
                    "{amount} {for_each} in {holder}: no Rust allocator sees them"
                )?;
                if cfg!(all(target_os = "linux", target_env = "gnu")) && !foreign::is_called() {
                    writeln!(f, "  {FOR_ITS_LINE}")?;
                }
            }
            continue;
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
                outlook(first, f)?;
            }
            Some(at) => {
                writeln!(f, "{amounts} from")?;
                writeln!(f, "  {}", frame_from_here(&at.frame))?;
                writeln!(f, "  {}, signature {}", whose(at.origin), at.signature)?;
                if let Some(in_c) = in_c(at) {
                    writeln!(f, "  {in_c}")?;
                }
                for caller in own_callers(at).take(3) {
                    writeln!(f, "  called by {}", frame_from_here(caller))?;
                }
            }
            None => {
                let from = "from a site that was not read: see `not read`";
                match &first.site {
                    Some(what) => writeln!(f, "{amounts}: {what}")?,
                    None => writeln!(f, "{amounts}, {from}")?,
                }
                outlook(first, f)?;
            }
        }
    }
    Ok(())
}

/// What may become of the tasks that grow.
fn outlook(finding: &Finding, f: &mut Formatter<'_>) -> fmt::Result {
    match &finding.outlook {
        Some(outlook) => writeln!(f, "  {outlook}"),
        None => Ok(()),
    }
}

/// What C code did under the line: the function that was called, and the one that asked for memory.
fn in_c(site: &Site) -> Option<String> {
    let by = &site.stack.first()?.function;
    Some(match site.in_c() {
        [] if site.is_foreign() => format!("in C: {by}"),
        [] => return None,
        [only] => format!("in C: {}, by {by}", only.function),
        [asks, .., called] => format!(
            "in C: {}, where {} asks by {by}",
            called.function, asks.function
        ),
    })
}

/// The own frames above the site, nearest first.
fn own_callers(site: &Site) -> impl Iterator<Item = &crate::model::place::Frame> {
    site.stack
        .iter()
        .skip_while(|frame| **frame != site.frame)
        .skip(1)
        .filter(|frame| frame.origin() == Origin::Own)
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
