//! The matrix' tests, for whichever allocator the program's root declares: two for each chapter of the list, and the look-alikes.

use crate::{TELLS_CLASSES, harness};
use chapters::Chapter;
use detectors::Verdict;
use detectors::harness::{IsolatedTest, SourceFile, TestFile};
use std::process::ExitCode;

const LEAKY: &str = "leaky";
const FIXED: &str = "fixed";
const LOOK_ALIKES: &str = "look_alikes_are_calm";

/// What is asked is whether the word is right, however long a busy machine takes to say it.
const DEADLINE_SECONDS: u64 = 3_600;

pub(crate) fn main() -> ExitCode {
    let of_chapters = chapters::ALL.iter().flat_map(|chapter| {
        [LEAKY, FIXED].map(|variant| {
            let row = test(name(chapter, variant).leak());
            if TELLS_CLASSES || chapter.verdict != Verdict::Retention {
                row
            } else {
                row.ignored("dhat's own tables are resident beside what was freed, and several times as large: it can't tell this one")
            }
        })
    });
    let tests: Vec<IsolatedTest> = of_chapters.chain([test(LOOK_ALIKES)]).collect();
    detectors::harness::main(&TestFile {
        tests: tests.leak(),
        source: SourceFile {
            path: file!(),
            package: option_env!("CARGO_MANIFEST_DIR"),
        },
    })
}

fn test(name: &'static str) -> IsolatedTest {
    IsolatedTest::new(name, run).deadline(DEADLINE_SECONDS)
}

/// `retained_subslices_leaky`
fn name(chapter: &Chapter, variant: &str) -> String {
    format!("{}_{variant}", chapter.name().replace('-', "_"))
}

/// Runs the row whose process this is.
fn run() -> ExitCode {
    let row = detectors::harness::current_test().expect("a test's own process");
    if row == LOOK_ALIKES {
        harness::look_alikes_are_calm();
        return ExitCode::SUCCESS;
    }
    for chapter in chapters::ALL {
        if row == name(chapter, LEAKY) {
            harness::leaks(chapter, TELLS_CLASSES);
            return ExitCode::SUCCESS;
        }
        if row == name(chapter, FIXED) {
            harness::is_calm(chapter);
            return ExitCode::SUCCESS;
        }
    }
    panic!("no row of the matrix is named `{row}`");
}
