//! The answer sheets of all drills of a level, as whoever leads a round has them.

#![allow(dead_code, reason = "each test target uses its part")]

use crate::driver::Workbook;

/// Seeds that are tried for every cause to come.
const SEEDS: u64 = 1_000;

/// So many in a row that bring nothing new.
const ENOUGH: u32 = 120;

/// One drill's.
#[derive(Debug, Clone)]
pub(crate) struct Sheet {
    pub(crate) seed: u64,
    /// The class, or `no leak: ..`, of the first cause.
    pub(crate) what: String,
    pub(crate) change: Option<usize>,
    /// The file and the function that keep what grows.
    pub(crate) kept_by: Option<(String, String)>,
    pub(crate) text: String,
}

/// A sheet for each drill of a level. They are asked for in a workbook of their own.
pub(crate) fn of(level: u8, name: &str) -> Vec<Sheet> {
    let mut found: Vec<Sheet> = Vec::new();
    let mut missed = 0;
    for sheet in all(level, name) {
        missed += 1;
        if found.iter().all(|before| before.text != sheet.text) {
            found.push(sheet);
            missed = 0;
        }
        // By then another one is hardly to be expected.
        if missed == ENOUGH {
            break;
        }
    }
    found
}

/// The first drill of a level whose sheet has these words.
pub(crate) fn with(level: u8, name: &str, words: &str) -> Sheet {
    let found = all(level, name).find(|sheet| sheet.text.contains(words));
    found.unwrap_or_else(|| panic!("no drill is about {words}"))
}

fn all(level: u8, name: &str) -> impl Iterator<Item = Sheet> {
    let lead = Workbook::copy(&format!("drill-{name}-{level}"));
    (0..SEEDS).map(move |seed| {
        let (number, level) = (seed.to_string(), level.to_string());
        let sheet = lead.leaks(["drill", "--lead", "--seed", &number, "--level", &level]);
        read(seed, &sheet.exits(0).stdout())
    })
}

fn read(seed: u64, sheet: &str) -> Sheet {
    let lines = sheet.lines().skip(2);
    let lines: Vec<&str> = lines
        .take_while(|line| !line.starts_with("The card"))
        .collect();
    let after = |words: &str| {
        lines
            .iter()
            .find_map(|line| line.trim_start().strip_prefix(words))
    };
    let kept_by = after("kept by ").and_then(|place| {
        let (function, place) = place.split_once(" (")?;
        Some((place.split(':').next()?.to_owned(), function.to_owned()))
    });
    Sheet {
        seed,
        what: lines.first().copied().unwrap_or_default().to_owned(),
        change: after("made live by change ").and_then(|number| number.parse().ok()),
        kept_by,
        text: lines.join("\n"),
    }
}

impl Sheet {
    /// The functions that make and keep what grows.
    pub(crate) fn functions(&self) -> impl Iterator<Item = String> {
        let places = self.text.lines().filter_map(|line| {
            let line = line.trim_start();
            line.strip_prefix("made by ")
                .or_else(|| line.strip_prefix("kept by "))
        });
        places.filter_map(|place| Some(place.split_once(" (")?.0.to_owned()))
    }
}
