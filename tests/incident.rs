//! `leaks incident`: the whole story, and the page that shows it.
//!
//! `cargo test -p tests --test incident -- --ignored` runs it at half its size. `REFRESH=1` runs it whole, and writes what the book's
//! page shows.

mod driver;

use driver::{Workbook, real_root};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

const PLOTS: [&str; 7] = [
    "climb.svg",
    "reuse.svg",
    "lazily-freed.svg",
    "side-by-side.svg",
    "control.svg",
    "control-reuse.svg",
    "control-lazily-freed.svg",
];

/// The steps whose instrument is turned on the control run as well: all that the page plays, less two that it says no to in words.
const LOOKED_AT_AGAIN: [usize; 10] = [2, 3, 4, 5, 6, 7, 8, 11, 9, 12];

/// Of these looks and of the plots, the last two are of a run at its whole size alone.
const OF_THE_WHOLE: usize = 2;

/// Its program is built here, so that it isn't within the story.
fn build_the_service_on_jemalloc() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "-p", "leaks-on-jemalloc"])
        .current_dir(real_root())
        .status()
        .expect("cargo");
    assert!(
        built.success(),
        "the service on jemalloc could not be built"
    );
}

#[test]
#[ignore = "takes minutes, and most of the processor: .ci/run runs it by itself"]
fn each_step_sees_what_the_story_says() {
    build_the_service_on_jemalloc();
    let workbook = Workbook::copy("incident");
    let is_refresh = std::env::var_os("REFRESH").is_some();
    let size = (!is_refresh).then_some("--short");
    let arguments = ["incident", "--out", "out"];
    let ran = workbook.leaks(
        arguments
            .into_iter()
            .chain(size)
            .chain(["--format", "json"]),
    );
    let story = ran.exits(0).json();
    assert_eq!(story["verdict"], "retention");
    assert_eq!(story["control"], "leak");
    assert!(story["findings"].is_array() && story["readings"].is_array());
    let steps = story["steps"].as_array().expect("steps");
    let looks = story["control_looks"].as_array().expect("looks");
    for step in steps.iter().chain(looks) {
        assert_eq!(step["holds"], true, "{step:#}");
    }
    let left_out = if is_refresh { 0 } else { OF_THE_WHOLE };
    let titles = LOOKED_AT_AGAIN[..LOOKED_AT_AGAIN.len() - left_out].iter();
    let titles = titles.map(|number| &steps[number - 1]["title"]);
    assert!(looks.iter().map(|look| &look["title"]).eq(titles));
    let out = workbook.path("out");
    let html = fs::read_to_string(out.join("index.html")).expect("a page");
    for plot in &PLOTS[..PLOTS.len() - left_out] {
        let svg = fs::read_to_string(out.join(plot)).expect("a plot");
        assert!(svg.contains("<path class=\"line resident\""), "{plot}");
        assert!(html.contains(&svg), "{plot} isn't on the page");
    }
    detectors::Profile::read(out.join("heap.pb.gz")).expect("a profile");
    if is_refresh {
        refresh(&out, steps.len());
    }
    the_page_follows(steps);
    the_page_looks_at_the_control_run(looks);
}

fn refresh(out: &Path, steps: usize) {
    let shown = real_root().join("chapters/the-incident/shown");
    let numbered = (1..=steps).map(|number| format!("step-{number:02}.txt"));
    let looks = LOOKED_AT_AGAIN.map(|number| format!("control-{number:02}.txt"));
    for name in numbered.chain(looks).chain(PLOTS.map(str::to_owned)) {
        let text = fs::read_to_string(out.join(&name)).expect("the run wrote it");
        // The service's own sources, as from the workbook.
        let text = text.replace(&format!("{}/", real_root().display()), "");
        fs::write(shown.join(&name), text).expect("a writable workbook");
    }
}

/// The book's page has a section for each step, in order, under its title, with its question, its output and its plot; and the
/// commands that it shows are the ones that were run.
fn the_page_follows(steps: &[Value]) {
    let folder = real_root().join("chapters/the-incident");
    let page = fs::read_to_string(folder.join("README.md")).expect("the page");
    let sections: Vec<&str> = page
        .split("\n## ")
        .filter(|section| section.starts_with(|first: char| first.is_ascii_digit()))
        .collect();
    assert_eq!(sections.len(), steps.len());
    for ((number, step), section) in (1..).zip(steps).zip(sections) {
        let text = |name: &str| step[name].as_str().unwrap_or_default().to_owned();
        let heading = section.lines().next().unwrap_or_default().replace('`', "");
        assert_eq!(heading, format!("{number}. {}", text("title")));
        shows(section, step, &format!("step-{number:02}.txt"));
    }
}

/// In the control run's section each look has a part of its own, which the page that is played finds by its step's number.
fn the_page_looks_at_the_control_run(looks: &[Value]) {
    let page = fs::read_to_string(real_root().join("chapters/the-incident/README.md"));
    let page = page.expect("the page");
    let parts: Vec<&str> = page.split("\n### ").collect();
    for (number, look) in LOOKED_AT_AGAIN.into_iter().zip(looks) {
        let id = format!(" {{#control-{number}}}");
        let part = parts.iter().find_map(|part| {
            let (heading, rest) = part.split_once('\n')?;
            Some((heading.strip_suffix(&id)?, rest))
        });
        let (heading, part) = part.unwrap_or_else(|| panic!("no part has the id{id}"));
        assert_eq!(heading.replace('`', ""), look["title"]);
        shows(part, look, &format!("control-{number:02}.txt"));
    }
}

/// A section has a step's question, its output and its plot; and the output begins with the commands that were run.
fn shows(section: &str, step: &Value, file: &str) {
    let text = |name: &str| step[name].as_str().unwrap_or_default().to_owned();
    let section = section.replace('\n', " ").replace('`', "");
    assert!(
        section.contains(&format!("*{}*", text("question").replace('`', ""))),
        "{}",
        text("question")
    );
    assert!(
        section.contains(&format!("{{{{#include shown/{file}}}}}")),
        "{file}"
    );
    if step["plot"].is_string() {
        assert!(section.contains(&format!("{{{{#include shown/{}}}}}", text("plot"))));
    }
    let shown = real_root().join("chapters/the-incident/shown").join(file);
    let shown = fs::read_to_string(shown).expect("a step's output");
    let commands = step["commands"].as_array().expect("commands").iter();
    let commands: String = commands
        .flat_map(|command| ["$ ", command.as_str().unwrap_or_default(), "\n"])
        .collect();
    let (shown, commands) = (without_figures(&shown), without_figures(&commands));
    assert!(
        shown.starts_with(&commands),
        "{file}: what ran:\n{commands}\nand the page shows:\n{shown}"
    );
}

/// Ports, process numbers and sizes differ from run to run.
fn without_figures(text: &str) -> String {
    text.split(|letter: char| letter.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("N")
}
