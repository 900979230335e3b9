//! A verdict, in the same words and colours wherever one is told.

use anstyle::Style;
use detectors::Verdict;
use std::io::Write;
use workbook::problem::Result;
use workbook::say::{self, BOLD};

/// The one word, what it means, why, and what would settle it.
pub(crate) fn word(
    verdict: Verdict,
    meaning: &str,
    because: &str,
    settle_by: Option<&str>,
    out: &mut dyn Write,
) -> Result<()> {
    let (width, colour) = (say::width(), colour(verdict));
    writeln!(
        out,
        "{BOLD}Verdict:{BOLD:#} {colour}{verdict}{colour:#}, {meaning}",
    )?;
    let because = format!("Because {because}");
    write!(out, "{}", say::wrapped(&because, "  ", width))?;
    if let Some(settle_by) = settle_by {
        let settle = format!("What would settle it: {settle_by}");
        write!(out, "{}", say::wrapped(&settle, "  ", width))?;
    }
    Ok(())
}

/// The colour of a verdict's word.
pub(crate) fn colour(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Leak => say::BAD,
        Verdict::Steady | Verdict::WarmingUp => say::GOOD,
        Verdict::Pressure | Verdict::Retention | Verdict::Inconclusive => say::DOUBT,
    }
}
