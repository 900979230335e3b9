//! Files that others parse: what the page for whoever teaches this has to copy, and what the book's program offers to choose from.

use detectors::{Class, Verdict};
use saphyr_parser::{Event, Parser, ScanError};
use serde_json::{Value, json};
use std::path::Path;

fn text(file: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workbook");
    let file = root.join(file);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Each text in it, in its order: keys and values.
fn texts(yaml: &str) -> Result<Vec<String>, ScanError> {
    let mut texts = Vec::new();
    for event in Parser::new_from_str(yaml) {
        if let (Event::Scalar(text, ..), _) = event? {
            texts.push(text.to_string());
        }
    }
    Ok(texts)
}

#[test]
fn both_files_for_ci_are_yaml_that_runs_the_memory_tests_and_keeps_what_they_saw() {
    for (file, its_own) in [
        ("github-actions.yml", "runs-on"),
        ("gitlab-ci.yml", "script"),
    ] {
        let text = text(&format!("leaks/snippets/{file}"));
        let texts = texts(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        let has = |wanted: &str| texts.iter().any(|text| text == wanted);
        for wanted in [
            "cargo test --locked --test memory",
            "target/memory",
            "DETECTORS_OUT",
            "DETECTORS_DEADLINE",
            its_own,
        ] {
            assert!(has(wanted), "{file} has no {wanted}: {texts:?}");
        }
    }
}

#[test]
fn a_reader_chooses_among_all_verdicts_and_classes() {
    let choices: Value =
        serde_json::from_str(&text("leaks/book/src/evidence/choices.json")).expect("JSON");
    let verdicts = Verdict::ALL.map(Verdict::as_str);
    assert_eq!(choices["verdicts"], json!(verdicts));
    let classes: Vec<_> = Class::ALL.iter().map(|class| class.as_str()).collect();
    assert_eq!(choices["classes"], json!(classes));
}

#[test]
fn what_is_no_yaml_is_told() {
    assert!(texts("jobs:\n  memory: [\n").is_err());
}

#[test]
fn the_dev_container_is_json_and_its_files_are_there() {
    let container: Value =
        serde_json::from_str(&text(".devcontainer/devcontainer.json")).expect("JSON");
    let file = container["build"]["dockerfile"].as_str().expect("a file");
    let built = text(&format!(".devcontainer/{file}"));
    // What is built beforehand is what offline work needs.
    for part in ["--bin apexd", "cargo test --locked --no-run", "leaks-book"] {
        assert!(built.contains(part), "{part}");
    }
    assert_eq!(container["containerEnv"]["CARGO_NET_OFFLINE"], "true");
}
