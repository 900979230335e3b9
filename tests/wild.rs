//! The corpus of real bugs: it is whole, it is as wide as it says, and the command lists it. Its cases themselves are run by
//! `leaks wild`, in `.ci/run` eight and in `.ci/soak` all.

use crate::driver::Workbook;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("wild")
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&text(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The folders of the corpus but the support crate's, by name.
fn cases() -> Vec<(String, PathBuf)> {
    let folders = fs::read_dir(corpus()).expect("tests/wild");
    let mut cases: Vec<_> = folders
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir() && !path.ends_with("support"))
        .map(|path| {
            (
                path.file_name()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned(),
                path,
            )
        })
        .collect();
    cases.sort();
    cases
}

#[test]
fn each_case_has_its_report_its_line_its_twin_and_its_witness() {
    let candidates = text(&corpus().join("candidates.md"));
    for (name, folder) in cases() {
        let expected = json(&folder.join("expected.json"));
        let report = expected["report"].as_str().unwrap_or_default();
        let program = text(&folder.join("src/main.rs"));
        assert!(
            program.starts_with(&format!("//! {report}")),
            "{name}: its program opens with {report}"
        );
        assert!(
            program.contains("// <- the line"),
            "{name}: no line is marked"
        );
        assert_eq!(
            program.contains("<- the line, corrected"),
            expected["corrected"].is_string(),
            "{name}: a line that was marked later says why in expected.json"
        );
        assert_eq!(expected["expected"]["verdict"], "leak", "{name}");
        let classes = expected["expected"]["class"].as_array();
        assert!(
            classes.is_some_and(|all| !all.is_empty()),
            "{name}: no class"
        );
        let never_wake = &expected["expected"]["never_wake"];
        assert!(
            never_wake.is_null() || *never_wake == true && expected["expected"]["holder"] == "task",
            "{name}: only a task can be stuck"
        );
        let witness = &expected["witness"]["per_iteration"];
        assert!(
            witness.as_f64().is_some_and(|rate| rate > 0.0),
            "{name}: no witness"
        );

        let version = format!("\"={}\"", version_of(&expected["affected"]));
        assert!(
            text(&folder.join("Cargo.toml")).contains(&version),
            "{name}: the affected version isn't pinned"
        );
        assert!(folder.join("Cargo.lock").is_file(), "{name}: no lock file");
        let twin = expected["twin"].as_str().unwrap_or_default();
        if folder.join("fixed").is_dir() {
            let version = format!("\"={}\"", version_of(&expected["twin"]));
            let manifest = text(&folder.join("fixed/Cargo.toml"));
            assert!(
                manifest.contains(&version),
                "{name}: the fixed version isn't pinned"
            );
            assert!(
                folder.join("fixed/Cargo.lock").is_file(),
                "{name}: no lock file"
            );
        } else {
            assert!(
                program.contains("mended") || twin.starts_with("a mended use"),
                "{name}: what is its twin?"
            );
        }
        assert!(
            candidates.contains(&format!("| `{name}` | {report}")),
            "{name} isn't among the candidates that were kept"
        );
    }
}

/// The version in `0.6.2`, `version 0.6.3`, `0.4.10, on rphtml 0.5.3`.
fn version_of(text: &Value) -> &str {
    let text = text.as_str().unwrap_or_default();
    let text = text.strip_prefix("version ").unwrap_or(text);
    text.split(',').next().unwrap_or(text)
}

#[test]
fn it_is_as_wide_as_it_says() {
    let reports: Vec<Value> = cases()
        .iter()
        .map(|(_, folder)| json(&folder.join("expected.json")))
        .collect();
    let distinct = |of: fn(&Value) -> String| reports.iter().map(of).collect::<BTreeSet<_>>().len();
    let repositories = distinct(|report| {
        let report = report["report"].as_str().unwrap_or_default();
        report.split('#').next().unwrap_or_default().to_owned()
    });
    let mechanisms = distinct(|report| report["mechanism"].to_string());
    assert!(reports.len() >= 24, "{} cases", reports.len());
    assert!(repositories >= 18, "{repositories} repositories");
    assert!(mechanisms >= 10, "{mechanisms} mechanisms");
    let years = reports.iter().filter_map(|report| report["year"].as_u64());
    assert_eq!(years.min(), Some(2019));
}

/// Whatever isn't right in the recorded results stands in misses.md with its reason, and no twin was accused.
#[test]
fn what_is_missed_is_explained() {
    let results = json(&corpus().join("results.json"));
    let misses = text(&corpus().join("misses.md"));
    let table = text(&corpus().join("table.md"));
    for (name, folder) in cases() {
        let watch = &results[&name]["watch"];
        let verdict = watch["affected"]["verdict"].as_str();
        assert!(
            verdict.is_some(),
            "{name} isn't recorded: leaks wild {name} --record"
        );
        let expected = json(&folder.join("expected.json"));
        assert_eq!(
            expected["expected"]["never_wake"] == true,
            watch["right_outlook"].is_boolean(),
            "{name}: was it asked whether its tasks are stuck?"
        );
        let twin = watch["twin"]["verdict"].as_str().unwrap_or_default();
        assert!(
            ["steady", "warming-up", "inconclusive"].contains(&twin),
            "{name}: {twin}"
        );
        let right = verdict == Some("leak")
            && watch["named_the_line"] == true
            && watch["right_class"] == true
            && watch["right_outlook"] != false;
        assert!(
            right || misses.contains(&format!("`{name}`")),
            "{name} isn't right, and misses.md doesn't say why"
        );
        assert!(
            results[&name]["compared"]["witness"]["agrees"] == true,
            "{name}: the witness"
        );
        assert!(
            table.contains(&format!("| `{name}` |")),
            "{name} isn't in the table"
        );
    }
}

#[test]
fn the_command_lists_them_and_knows_no_other() {
    let workbook = Workbook::copy("wild");
    let list = workbook.leaks(["wild"]);
    for (name, _) in cases() {
        list.exits(0).stdout_has(&name);
    }
    let rows: Value = serde_json::from_str(
        &workbook
            .leaks(["wild", "--format", "json"])
            .exits(0)
            .stdout(),
    )
    .expect("one document");
    assert_eq!(rows.as_array().map(Vec::len), Some(cases().len()));
    workbook
        .leaks(["wild", "lru-clea"])
        .exits(2)
        .stderr_has("Did you mean lru-clear?");
}
