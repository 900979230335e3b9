//! `leaks wild`: a corpus of real bugs, each by the real crate at the affected version, and what instruments see of them.
//!
//! ```text
//! case       a folder of tests/wild: its report, its line, what is expected
//! program    the case built for one instrument, in one of its two variants
//! watched    what the watch says of both, beside what was expected
//! compared   the same programs under the witness and other people's instruments
//! table      what stands in results.json, for a reader
//! ```

mod case;
mod compared;
mod program;
mod table;
mod watched;

use crate::show::{Format, json};
use case::{Case, cases};
use clap::Args;
use compared::Compared;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use watched::Watched;
use workbook::problem::{Problem, Result};
use workbook::say::{self, DIM};
use workbook::workspace::{Workspace, nearest};
use workbook::{Ending, files};

/// What `leaks wild` takes.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own on the command line"
)]
pub(crate) struct WildArgs {
    /// The case to run; without one, all are listed
    pub(crate) name: Option<String>,
    /// Run every case
    #[arg(long, conflicts_with_all = ["name", "quick"])]
    pub(crate) all: bool,
    /// Run the cases that build in seconds
    #[arg(long, conflicts_with = "name")]
    pub(crate) quick: bool,
    /// Run the other instruments as well: the witness, dhat, `LeakSanitizer`, Valgrind
    #[arg(long)]
    pub(crate) compare: bool,
    /// Write what was seen into tests/wild: results.json, and table.md for a reader
    #[arg(long)]
    pub(crate) record: bool,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// What was seen of one case.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Seen {
    watch: Option<Watched>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    compared: Option<Compared>,
}

/// What `results.json` holds, by the cases' names.
type Results = BTreeMap<String, Seen>;

/// `leaks wild`: the list, or cases run. Status 1 when a twin is accused, or a leak missed that isn't recorded as missed.
pub(crate) fn wild(workspace: &Workspace, args: &WildArgs, out: &mut dyn Write) -> Result<Ending> {
    let corpus = workspace.root.join("tests/wild");
    let cases = cases(&corpus)?;
    let recorded = read(&corpus)?;
    let wanted: Vec<&Case> = match &args.name {
        Some(name) => vec![named(&cases, name)?],
        None if args.all => cases.iter().collect(),
        None if args.quick => cases.iter().filter(|case| case.report.quick).collect(),
        None => {
            return match args.format {
                Format::Text => table::list(&cases, &recorded, out),
                Format::Json => json(&table::rows(&cases, &recorded), out),
            }
            .map(|()| Ending::AsWanted);
        }
    };
    let target = workspace.root.join("target/wild");
    let mut seen = Results::new();
    for (number, case) in (1..).zip(&wanted) {
        let place = if wanted.len() > 1 {
            format!("{number} of {}: ", wanted.len())
        } else {
            String::new()
        };
        workbook::note!(format!("{DIM}{place}{}{DIM:#}", case.name));
        let watch = watched::run(case, &target)?;
        let compared = args
            .compare
            .then(|| compared::run(case, &target))
            .transpose()?;
        if args.format == Format::Text {
            table::told(case, &watch, compared.as_ref(), out)?;
            out.flush()?;
        }
        let of_case = Seen {
            watch: Some(watch),
            compared,
        };
        if args.record {
            record(&corpus, &cases, &case.name, &of_case)?;
        }
        seen.insert(case.name.clone(), of_case);
    }
    if args.format == Format::Json {
        json(&table::rows(wanted.iter().copied(), &seen), out)?;
    } else if wanted.len() > 1 {
        table::totals(&wanted, &seen, out)?;
    }
    let as_wanted = seen.iter().all(|(name, seen)| {
        let recorded = recorded.get(name).and_then(|seen| seen.watch.as_ref());
        let is_known = recorded.is_some_and(|watch| !watch.caught());
        let watch = seen.watch.as_ref();
        watch.is_some_and(|watch| (watch.caught() || is_known) && !watch.accused_the_twin())
    });
    Ok(if as_wanted {
        Ending::AsWanted
    } else {
        Ending::NotWanted
    })
}

fn named<'a>(cases: &'a [Case], name: &str) -> Result<&'a Case> {
    let known = cases.iter().find(|case| case.name == name);
    known.ok_or_else(|| {
        let near = nearest(name, cases.iter().map(|case| &*case.name));
        let next = if near.is_empty() {
            format!("See all cases: {}", say::command("wild"))
        } else {
            format!("Did you mean {}?", near.join(" or "))
        };
        Problem::new(format!("no case is named `{name}`")).next(next)
    })
}

fn results_file(corpus: &Path) -> PathBuf {
    corpus.join("results.json")
}

/// What was recorded; nothing where there is no file yet.
fn read(corpus: &Path) -> Result<Results> {
    let file = results_file(corpus);
    if !file.is_file() {
        return Ok(Results::new());
    }
    serde_json::from_str(&files::read(&file)?).map_err(|error| {
        Problem::new(format!("can't read {}", say::path(&file)))
            .because(error)
            .next("Restore it: git checkout tests/wild/results.json")
    })
}

/// Records one case and leaves the others as they are, so that a run that is interrupted has not been for nothing.
fn record(corpus: &Path, cases: &[Case], name: &str, seen: &Seen) -> Result<()> {
    let mut all = read(corpus)?;
    let known = all.entry(name.to_owned()).or_default();
    known.watch.clone_from(&seen.watch);
    if seen.compared.is_some() {
        known.compared.clone_from(&seen.compared);
    }
    let text = serde_json::to_string_pretty(&all)
        .map_err(|error| Problem::new("can't put the results into JSON").because(error))?;
    files::write(&results_file(corpus), format!("{text}\n").as_bytes())?;
    files::write(
        &corpus.join("table.md"),
        table::markdown(cases, &all).as_bytes(),
    )
}
