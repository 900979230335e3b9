//! `leaks autopsy`: what the profiles tell that a killed service kept.

use crate::show::verdict::word;
use crate::show::{Format, json, scale};
use clap::Args;
use detectors::Verdict;
use detectors::triage::{Autopsy, AutopsyError, KeptFile, SkippedFile};
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use workbook::problem::{Problem, Result};
use workbook::say::{self, BOLD, DIM};
use workbook::{Ending, note};

/// How many moments the table has, and how many sites are listed.
const ROWS_MAX: usize = 12;
const SITES_MAX: usize = 8;

/// What `leaks autopsy` takes.
#[derive(Debug, Args)]
pub(crate) struct AutopsyArgs {
    /// The folder in which the profiles were kept
    pub(crate) dir: PathBuf,
    /// The process' number, where several kept profiles there [default: the newest]
    #[arg(long, value_name = "N")]
    pub(crate) process: Option<u32>,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// Status 2 when the folder has no profile.
pub(crate) fn autopsy(args: &AutopsyArgs, out: &mut dyn Write) -> Result<Ending> {
    let autopsy = Autopsy::of(&args.dir, args.process).map_err(|error| problem(&error))?;
    tell_skipped(&autopsy.skipped);
    match args.format {
        Format::Json => json(&autopsy, out)?,
        Format::Text => print(&autopsy, out)?,
    }
    Ok(Ending::AsWanted)
}

fn problem(error: &AutopsyError) -> Problem {
    let told = Problem::new(error.to_string());
    match error {
        AutopsyError::Nothing { known, skipped, .. } => {
            tell_skipped(skipped);
            told.next(if known.is_empty() {
                "Profiles are kept by a service that was told to: leaks serve --keep-profiles DIR, or detectors::debug::KeptProfiles."
            } else {
                "Choose one of them with --process N, or leave it out for the newest."
            })
        }
        _ => told.next(
            "Give the folder in which the service kept its profiles, which is its user's alone.",
        ),
    }
}

fn tell_skipped(skipped: &[SkippedFile]) {
    for file in skipped {
        note!(format!("Skipped {}: {}", say::path(&file.path), file.why));
    }
}

fn print(autopsy: &Autopsy, out: &mut dyn Write) -> Result<()> {
    let width = say::width();
    writeln!(out, "{BOLD}Process {}{BOLD:#}\n", autopsy.process)?;
    moments(&autopsy.readings, out)?;
    let settle_by = autopsy.settle_by.as_ref().map(|how| format!("{how}."));
    writeln!(out)?;
    word(
        autopsy.verdict,
        autopsy.verdict.definition(),
        &format!("{}.", autopsy.because),
        settle_by.as_deref(),
        out,
    )?;
    sites(autopsy, width, out)?;
    others(autopsy, width, out)?;
    next(autopsy, out)
}

/// The table of moments. Of many, the first and the last ones.
fn moments(files: &[KeptFile], out: &mut dyn Write) -> Result<()> {
    let Some(began) = files.first().map(|file| file.moment.at_ms) else {
        return Ok(());
    };
    let clock = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(began));
    let clock = clock.map_or_else(
        || "the first".to_owned(),
        |clock| humantime::format_rfc3339_seconds(clock).to_string(),
    );
    let memory =
        |bytes: Option<u64>| bytes.map_or(String::new(), |bytes| scale::bytes(bytes as f64));
    writeln!(
        out,
        "{BOLD}Kept{BOLD:#} {DIM}(seconds since {clock}){DIM:#}\n  {:>9}  {:<8}  {:>9}  {:>9}  {:>9}",
        "seconds", "why", "live", "resident", "limit"
    )?;
    let left_out = files.len().saturating_sub(ROWS_MAX);
    for (at, file) in files.iter().enumerate() {
        if left_out > 0 && at == ROWS_MAX / 2 {
            writeln!(out, "  {:>9}  {left_out} more", "..")?;
        }
        if (ROWS_MAX / 2..ROWS_MAX / 2 + left_out).contains(&at) {
            continue;
        }
        let moment = &file.moment;
        writeln!(
            out,
            "  {:>9.1}  {:<8}  {:>9}  {:>9}  {:>9}",
            moment.at_ms.saturating_sub(began) as f64 / 1_000.0,
            moment.why,
            memory(Some(moment.live)),
            memory(moment.resident),
            memory(moment.limit)
        )?;
    }
    Ok(())
}

fn sites(autopsy: &Autopsy, width: usize, out: &mut dyn Write) -> Result<()> {
    if autopsy.findings.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{BOLD}What grew from the first to the last{BOLD:#}")?;
    for growth in autopsy.findings.iter().take(SITES_MAX) {
        writeln!(out, "  {growth}")?; // it ends with a place, which is never wrapped
    }
    let sign = if autopsy.live_grew_bytes < 0 { "-" } else { "" };
    let counted = scale::bytes(autopsy.live_grew_bytes.unsigned_abs() as f64);
    let text = format!(
        "All sites that grew: {} more, by the profiles' samples. The allocator's own count of live memory: {sign}{counted} more, in {:.1} s.",
        scale::bytes(autopsy.sites_grew_bytes as f64),
        autopsy.seconds
    );
    write!(out, "{DIM}{}{DIM:#}", say::wrapped(&text, "  ", width))?;
    Ok(())
}

fn others(autopsy: &Autopsy, width: usize, out: &mut dyn Write) -> Result<()> {
    if autopsy.others.is_empty() {
        return Ok(());
    }
    let numbers: Vec<String> = autopsy.others.iter().map(ToString::to_string).collect();
    let text = format!(
        "Other starts that kept profiles here, by process: {}.",
        numbers.join(", ")
    );
    write!(out, "\n{DIM}{}{DIM:#}", say::wrapped(&text, "", width))?;
    Ok(())
}

fn next(autopsy: &Autopsy, out: &mut dyn Write) -> Result<()> {
    let Some((first, last)) = autopsy.ends() else {
        return Ok(());
    };
    if first.path != last.path {
        let diff = format!(
            "diff {} --base {}",
            say::path(&last.path),
            say::path(&first.path)
        );
        writeln!(out, "\n{DIM}Next:{DIM:#} {}", say::command(&diff))?;
    }
    if autopsy.verdict == Verdict::Leak {
        writeln!(
            out,
            "{DIM}Which class holds it:{DIM:#} chapters/which-leak.md"
        )?;
    }
    Ok(())
}
