//! `leaks check your-own-test`: the last exercise is a memory test, and is judged by variants of the service that it tests.

use super::cargo::{self, Build};
use super::child::{self, Errors, Stop};
use super::state::State;
use crate::show::{Format, json};
use serde::Serialize;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use workbook::Ending;
use workbook::problem::{Problem, Result};
use workbook::say::{self, BAD, BOLD, DIM, GOOD};
use workbook::workspace::{Chapter, Workspace};

/// The package, its folder and its page.
pub(crate) const NAME: &str = "your-own-test";

/// The test target that has the reader's tests on each variant.
const TARGET: &str = "variants";

/// When a variant's tests are ended.
const DEADLINE: Duration = Duration::from_mins(3);

/// A variant of the service, and whether it leaks.
struct Variant {
    module: &'static str,
    what: &'static str,
    leaks: bool,
    /// What to think of when the tests say otherwise.
    think: &'static str,
}

const UNSEEN: &str = "What does a client do there that no client did before, such as a new name? A test that says the same each time sees an \
    entry used again.";
const HARMLESS: &str = "Which of your tests fails, and is what it sees a leak? A cache fills up to its bound; a test has to go on for longer.";

const VARIANTS: [Variant; 5] = [
    variant(
        "on_as_handed_out",
        "as it was handed out",
        true,
        "Which parts of the service do your tests use at all?",
    ),
    variant(
        "on_topics_stay",
        "one fault, among the topics",
        true,
        UNSEEN,
    ),
    variant(
        "on_receipts_stay",
        "one fault, among the receipts",
        true,
        UNSEEN,
    ),
    variant("on_mended", "mended", false, HARMLESS),
    variant(
        "on_rewritten",
        "mended, and written anew",
        false,
        "What do your tests know of the inside? What the service does is the same there, and what it is made of isn't.",
    ),
];

const fn variant(
    module: &'static str,
    what: &'static str,
    leaks: bool,
    think: &'static str,
) -> Variant {
    Variant {
        module,
        what,
        leaks,
        think,
    }
}

/// What the reader's tests said of a variant.
#[derive(Debug, Serialize)]
struct Row {
    variant: &'static str,
    wants: &'static str,
    tests: &'static str,
    right: bool,
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    passed: bool,
    variants: &'a [Row],
}

/// Whether the last exercise is asked for: by its name, or from its folder.
pub(crate) fn is_meant(workspace: &Workspace, name: Option<&str>) -> bool {
    name.map_or_else(
        || {
            let here = std::env::current_dir().and_then(|here| here.canonicalize());
            let folder = workspace.root.join("chapters").join(NAME).canonicalize();
            here.ok()
                .zip(folder.ok())
                .is_some_and(|(here, folder)| here.starts_with(folder))
        },
        |name| name == NAME,
    )
}

/// The last exercise, which is none of the chapters.
pub(super) fn chapter(workspace: &Workspace) -> Chapter {
    Chapter {
        name: NAME.to_owned(),
        title: "Your own test".to_owned(),
        folder: workspace.root.join("chapters").join(NAME),
    }
}

/// Status 0 when the tests fail on each variant that leaks, and pass on the others.
pub(crate) fn check(workspace: &Workspace, format: Format, out: &mut dyn Write) -> Result<Ending> {
    let chapter = chapter(workspace);
    workbook::note!(format!(
        "{DIM}building your tests beside five variants{DIM:#}"
    ));
    let executable = match cargo::build(workspace, &chapter, TARGET, None)? {
        Build::Built(executable, said) => {
            cargo::told(&said);
            executable
        }
        Build::Failed(refused) => {
            cargo::told(&refused.said);
            let file = say::path(&chapter.exercise());
            return Err(Problem::new(format!("{file} doesn't compile"))
                .because("the compiler's message stands above")
                .next("Mend it and check again. Its tests use the service as `super::notifier`"));
        }
    };
    let mut rows = Vec::new();
    for variant in &VARIANTS {
        workbook::note!(format!(
            "{DIM}your tests on the service, {}{DIM:#}",
            variant.what
        ));
        let fails = fails(&chapter.folder, &executable, variant)?;
        rows.push(Row {
            variant: variant.what,
            wants: word(variant.leaks),
            tests: word(fails),
            right: fails == variant.leaks,
        });
    }
    let passed = rows.iter().all(|row| row.right);
    if passed {
        State::change_chapter(&workspace.root, NAME, |done| done.passed = true)?;
    }
    match format {
        Format::Json => {
            let variants = &rows;
            json(&Document { passed, variants }, out)?;
        }
        Format::Text => text(&rows, passed, out)?,
    }
    Ok(if passed {
        Ending::AsWanted
    } else {
        Ending::NotWanted
    })
}

fn word(fails: bool) -> &'static str {
    if fails { "fail" } else { "pass" }
}

/// Whether any of the tests fails on a variant.
fn fails(folder: &Path, executable: &Path, variant: &Variant) -> Result<bool> {
    let mut command = Command::new(executable);
    command
        .current_dir(folder)
        .env("RUST_BACKTRACE", "0")
        .arg(format!("{}::", variant.module));
    let ended = child::run_until(None::<&Stop>, command, Errors::Kept, Some(DEADLINE))?;
    if ended.output.contains("running 0 tests") {
        return Err(
            Problem::new("there is no test in chapters/your-own-test/src/exercise.rs")
                .because("nothing in it was run")
                .next("Write one inside `detectors::tests! { .. }`"),
        );
    }
    Ok(!ended.how.is_success())
}

fn text(rows: &[Row], passed: bool, out: &mut dyn Write) -> Result<()> {
    writeln!(
        out,
        "{BOLD}  {:<32} {:>6}  {:>10}{BOLD:#}",
        "the service", "wanted", "your tests"
    )?;
    for row in rows {
        let (mark, colour) = if row.right {
            ("✓", GOOD)
        } else {
            ("✗", BAD)
        };
        writeln!(
            out,
            "{colour}{mark}{colour:#} {:<32} {:>6}  {:>10}",
            row.variant, row.wants, row.tests
        )?;
    }
    writeln!(out)?;
    let wrong = rows.iter().zip(&VARIANTS).find(|(row, _)| !row.right);
    let Some((_, variant)) = wrong else {
        debug_assert!(passed);
        writeln!(
            out,
            "{GOOD}Your tests fail on what leaks, and on nothing else.{GOOD:#} The same kind of test stands well in a service of your own."
        )?;
        return Ok(());
    };
    write!(out, "{}", say::wrapped(variant.think, "", say::width()))?;
    let run = format!(
        "cargo test -p {NAME} --test {TARGET} -- {}::",
        variant.module
    );
    writeln!(out, "{DIM}Your tests there, one by one:{DIM:#} {run}")?;
    let hint = say::command(&format!("hint {NAME}"));
    writeln!(out, "{DIM}Stuck?{DIM:#} {hint}")?;
    Ok(())
}
