//! What was seen, for a reader.

use super::case::Case;
use super::compared::{Compared, Found, Witnessed};
use super::watched::Watched;
use super::{Results, Seen};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::Write;
use workbook::problem::Result;
use workbook::say::{self, BAD, BOLD, DIM, GOOD};

/// One case as JSON: what it is, and what was seen of it.
#[derive(Debug, Serialize)]
pub(super) struct Row<'a> {
    name: &'a str,
    report: &'a str,
    year: u32,
    mechanism: &'a str,
    #[serde(rename = "crate")]
    package: &'a str,
    affected: &'a str,
    twin: &'a str,
    quick: bool,
    seen: Option<&'a Seen>,
}

pub(super) fn rows<'a>(
    cases: impl IntoIterator<Item = &'a Case>,
    seen: &'a Results,
) -> Vec<Row<'a>> {
    let row = |case: &'a Case| Row {
        name: &case.name,
        report: &case.report.cited,
        year: case.report.year,
        mechanism: &case.report.mechanism,
        package: &case.report.package,
        affected: &case.report.affected,
        twin: &case.report.twin,
        quick: case.report.quick,
        seen: seen.get(&case.name),
    };
    cases.into_iter().map(row).collect()
}

/// Every case with its state, and what to type next.
pub(super) fn list(cases: &[Case], recorded: &Results, out: &mut dyn Write) -> Result<()> {
    let width = cases.iter().map(|case| case.name.len()).max().unwrap_or(0);
    let reports = cases.iter().map(|case| case.report.cited.len());
    let wide = reports.max().unwrap_or(0);
    for case in cases {
        let watch = recorded
            .get(&case.name)
            .and_then(|seen| seen.watch.as_ref());
        let (mark, state) = match watch {
            None => (format!("{DIM}·{DIM:#}"), "not recorded".to_owned()),
            Some(watch) => (mark(is_right(watch)), state(watch)),
        };
        writeln!(
            out,
            "{mark} {BOLD}{:width$}{BOLD:#}  {}  {:wide$}  {DIM}{state}{DIM:#}",
            case.name, case.report.year, case.report.cited
        )?;
    }
    writeln!(out, "\n{BOLD}Next{BOLD:#}")?;
    for (command, why) in [
        ("wild lru-clear", "one of them, watched here"),
        ("wild --quick", "those that build in seconds"),
        (
            "wild --all --compare",
            "all, and other people's instruments on the same programs",
        ),
    ] {
        writeln!(out, "  {:<34}{DIM}{why}{DIM:#}", say::command(command))?;
    }
    Ok(())
}

fn mark(good: bool) -> String {
    if good {
        format!("{GOOD}✓{GOOD:#}")
    } else {
        format!("{BAD}✗{BAD:#}")
    }
}

fn is_right(watch: &Watched) -> bool {
    watch.caught() && !watch.accused_the_twin()
}

/// What the watch saw, in a few words.
fn state(watch: &Watched) -> String {
    let mut words = Vec::new();
    if watch.caught() {
        words.push("caught".to_owned());
        if watch.named_the_line {
            words.push("its line".to_owned());
        }
        if watch.right_class {
            words.push("its class".to_owned());
        }
        if watch.right_outlook.is_some() {
            let outlook = watch.affected.outlook.as_ref();
            words.push(outlook.map_or_else(
                || "no outlook".to_owned(),
                |outlook| {
                    format!(
                        "{} of {} tasks can never wake",
                        outlook.never_wake, outlook.alive
                    )
                },
            ));
        }
    } else {
        words.push(format!("said {}", watch.affected.verdict));
    }
    if watch.accused_the_twin() {
        words.push(format!("the twin accused: {}", watch.twin.verdict));
    }
    words.join(", ")
}

/// One case that has just been run.
pub(super) fn told(
    case: &Case,
    watch: &Watched,
    compared: Option<&Compared>,
    out: &mut dyn Write,
) -> Result<()> {
    let report = &case.report;
    writeln!(
        out,
        "{} {BOLD}{}{BOLD:#}  {}, {}, {} {}",
        mark(is_right(watch)),
        case.name,
        report.cited,
        report.year,
        report.package,
        report.affected
    )?;
    write!(
        out,
        "{}",
        say::wrapped(&case.headline(), "  ", say::width())
    )?;
    let said = &watch.affected;
    writeln!(
        out,
        "  affected  {BOLD}{}{BOLD:#}{}  {DIM}{} s{DIM:#}",
        said.verdict,
        said.class
            .as_ref()
            .map_or(String::new(), |class| format!(", {class}")),
        said.seconds
    )?;
    let tasks = said.outlook.as_ref().map(ToString::to_string);
    for (what, text, right) in [
        ("at", &said.site, Some(watch.named_the_line)),
        ("held by", &said.holder, watch.right_holder),
        ("tasks:", &tasks, watch.right_outlook),
    ] {
        let Some(text) = text else { continue };
        let word = match right {
            Some(false) => ", not as expected",
            _ => "",
        };
        writeln!(out, "            {what} {text}{DIM}{word}{DIM:#}")?;
    }
    if !watch.right_class {
        let expected = report.expected.class.join(" or ");
        writeln!(
            out,
            "            {DIM}the class expected is {expected}{DIM:#}"
        )?;
    }
    if !watch.caught() {
        write!(
            out,
            "{}",
            say::wrapped(&said.because, "            ", say::width())
        )?;
    }
    writeln!(
        out,
        "  twin      {BOLD}{}{BOLD:#}  {DIM}{}, {} s{DIM:#}",
        watch.twin.verdict, report.twin, watch.twin.seconds
    )?;
    let also = (!report.also.is_empty()).then(|| format!("See also {}.", report.also.join(", ")));
    for text in [&also, &report.note, &report.corrected]
        .into_iter()
        .flatten()
    {
        write!(out, "{}", say::wrapped(text, "  ", say::width()))?;
    }
    if let Some(compared) = compared {
        beside(case, compared, out)?;
    }
    Ok(())
}

fn beside(case: &Case, compared: &Compared, out: &mut dyn Write) -> Result<()> {
    let witness = compared.witness;
    writeln!(
        out,
        "  witness   {}: {} an iteration, twin {}{}",
        case.report.witness.counts,
        witness.affected,
        witness.twin,
        if witness.agrees {
            ""
        } else {
            ": not as expected"
        }
    )?;
    for (name, found) in instruments(compared) {
        let words = match found {
            None => "not run".to_owned(),
            Some(found) => brief(found),
        };
        writeln!(out, "  {name:<8}  {words}")?;
    }
    Ok(())
}

/// The other instruments, in the table's order.
fn instruments(compared: &Compared) -> [(&'static str, Option<Found>); 4] {
    [
        ("naive", Some(compared.naive)),
        ("dhat", compared.dhat),
        ("LSan", compared.leak_sanitizer),
        ("memcheck", compared.valgrind),
    ]
}

/// All that is recorded, as the table that a page shows.
pub(super) fn markdown(cases: &[Case], recorded: &Results) -> String {
    let mut text = String::from(
        "<!-- Written by `leaks wild --record`, from results.json. -->\n\n\
         | case | report | by the witness | the watch | naive | dhat | LSan | memcheck |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for case in cases {
        let seen = recorded.get(&case.name);
        let watch = seen.and_then(|seen| seen.watch.as_ref());
        let compared = seen.and_then(|seen| seen.compared.as_ref());
        let witness = compared.map_or("not run".to_owned(), |compared| {
            let Witnessed { affected, twin, .. } = compared.witness;
            format!("{}: {affected}, twin {twin}", case.report.witness.counts)
        });
        let watch = watch.map_or("not run".to_owned(), |watch| {
            format!("{}, {:.1} s", state(watch), watch.affected.seconds)
        });
        let others = match compared {
            None => ["not run"; 4].map(str::to_owned),
            Some(compared) => instruments(compared)
                .map(|(_, found)| found.map_or_else(|| "not run".to_owned(), brief)),
        };
        let _ = writeln!(
            text,
            "| `{}` | {}, {} | {witness} | {watch} | {} |",
            case.name,
            case.report.cited,
            case.report.year,
            others.join(" | ")
        );
    }
    let all: Vec<&Case> = cases.iter().collect();
    let [watch, others @ ..] = sums(&all, recorded);
    let _ = writeln!(
        text,
        "| **all {}** | | | {watch} | {} |",
        cases.len(),
        others.join(" | ")
    );
    text
}

/// The sums of the watch and of each other instrument, in the table's order.
fn sums(cases: &[&Case], seen: &Results) -> [String; 5] {
    let of_cases = || cases.iter().filter_map(|case| seen.get(&case.name));
    let watched: Vec<&Watched> = of_cases().filter_map(|seen| seen.watch.as_ref()).collect();
    let count = |is: fn(&Watched) -> bool| watched.iter().filter(|watch| is(watch)).count();
    let watch = format!(
        "caught {} of {}, the line {}, the class {}, stuck tasks told {} of {}, twins accused {}",
        count(Watched::caught),
        watched.len(),
        count(|watch| watch.named_the_line),
        count(|watch| watch.right_class),
        count(|watch| watch.right_outlook == Some(true)),
        count(|watch| watch.right_outlook.is_some()),
        count(Watched::accused_the_twin)
    );
    let others = [0, 1, 2, 3].map(|place| {
        let compared = of_cases().filter_map(|seen| seen.compared.as_ref());
        let runs: Vec<Found> = compared
            .filter_map(|one| instruments(one)[place].1)
            .collect();
        let count = |is: fn(&Found) -> bool| runs.iter().filter(|found| is(found)).count();
        format!(
            "caught {} of {}, the line {}, twins accused {}, {:.0} s",
            count(|found| found.caught),
            runs.len(),
            count(|found| found.named_the_line == Some(true)),
            count(|found| found.accused_the_twin),
            runs.iter().map(|found| found.seconds).sum::<f64>()
        )
    });
    let [naive, dhat, leak_sanitizer, valgrind] = others;
    [watch, naive, dhat, leak_sanitizer, valgrind]
}

/// What another instrument saw, in a few words.
fn brief(found: Found) -> String {
    let caught = if found.caught { "caught" } else { "missed" };
    let line = if found.named_the_line == Some(true) {
        ", its line"
    } else {
        ""
    };
    let twin = if found.accused_the_twin {
        ", the twin accused"
    } else {
        ""
    };
    format!("{caught}{line}{twin}, {:.1} s", found.seconds)
}

/// How many of the cases: the last lines of a run of several.
pub(super) fn totals(cases: &[&Case], seen: &Results, out: &mut dyn Write) -> Result<()> {
    let watched = || {
        let of_cases = cases.iter().filter_map(|case| seen.get(&case.name));
        of_cases.filter_map(|seen| seen.watch.as_ref())
    };
    let decided: usize = watched().map(Watched::decided).sum();
    let sums = sums(cases, seen);
    writeln!(
        out,
        "\n{BOLD}The watch{BOLD:#}  {}, programs decided {decided} of {}",
        sums[0],
        2 * watched().count()
    )?;
    let compared: Vec<&Compared> = cases
        .iter()
        .filter_map(|case| seen.get(&case.name)?.compared.as_ref())
        .collect();
    let Some(first) = compared.first() else {
        return Ok(());
    };
    let agrees = compared.iter().filter(|one| one.witness.agrees).count();
    writeln!(out, "the witness agrees in {agrees} of {}", compared.len())?;
    for ((name, _), sum) in instruments(first).into_iter().zip(&sums[1..]) {
        writeln!(out, "{name:<9}  {sum}")?;
    }
    Ok(())
}
