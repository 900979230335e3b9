//! The short path to a cause: what to ask, by which command, and what follows.

use super::sheet::{Cause, Is, Place, Seen};
use super::source;
use crate::started::Running;
use detectors::Class;
use std::fs;
use std::path::{Path, PathBuf};
use workbook::say;

/// One step of it.
#[derive(Debug)]
pub(super) struct Step {
    /// What to ask.
    pub(super) question: String,
    /// What to type, as a shell takes it.
    pub(super) command: String,
    /// What is seen then.
    pub(super) answer: String,
}

/// The steps to a cause.
pub(super) fn of(cause: &Cause, running: &Running, root: &Path) -> Vec<Step> {
    let debug = format!("http://{}", running.debug);
    let step = |question: &str, command: String, answer: String| Step {
        question: question.to_owned(),
        command,
        answer,
    };
    let mut steps = Vec::new();
    match (&running.left, cause.seen_by) {
        (Some(left), _) => {
            let (early, late) = early_and_late(left);
            steps.push(step(
                "What is live at the end and wasn't when it was warm?",
                say::command(&format!("diff {late} --base {early} --limit 8")),
                by_site(cause),
            ));
        }
        (None, Seen::Triage) => steps.push(step(
            "Does anything grow that doesn't stop?",
            say::command(&format!("triage --url {debug}")),
            "A calm word takes three minutes. Requests come and go meanwhile, and no floor rises for long.".to_owned(),
        )),
        (None, Seen::Foreign) => {
            steps.push(step(
                "Is what climbs live memory?",
                twice(&format!("curl -s {debug}/metrics | grep -E '^(process_resident|heap_live)'")),
                "Resident memory rises, and live memory doesn't: no Rust allocator sees what stays.".to_owned(),
            ));
            steps.push(step(
                "Which requests make it climb?",
                say::command(&format!(
                    "load --url 'http://{}/export/customer-0042.example?lines=2' --rate 40 --for 15s",
                    running.service
                )),
                "It climbs faster with exports: what they call in C, and what they map, is in codec.rs.".to_owned(),
            ));
        }
        (None, seen) => {
            let name = seen.profile().unwrap_or("heap");
            steps.push(step(
                "What does the service say that climbs?",
                twice(&format!("curl -s {debug}/metrics | grep -E '^(heap_live_bytes|tokio_tasks|process_open)'")),
                match seen {
                    Seen::Tasks => "Tasks rise, and memory with them.",
                    Seen::Sockets => "Sockets rise, with tasks of the client's library and memory beside them.",
                    Seen::Descriptors => "Descriptors rise, and sockets don't.",
                    _ => "Live memory rises, and tasks, sockets and descriptors don't.",
                }
                .to_owned(),
            ));
            steps.push(step(
                "What came within fifteen seconds and is still there?",
                format!("curl -s '{debug}/debug/pprof/{name}?seconds=15' > came.pb.gz && {}", say::command("top came.pb.gz --limit 8")),
                by_site(cause),
            ));
        }
    }
    if let Some(place) = cause.kept_by.first().or(cause.made_by.first()) {
        steps.push(step(
            "What does the code do with it there?",
            shown(root, *place),
            cause.what.to_owned(),
        ));
    }
    steps
}

/// Asks for the same again, a while later.
fn twice(command: &str) -> String {
    format!("for look in 1 2; do {command}; sleep 15; done")
}

/// Of the profiles that a service left one from when it was warm, and the last.
fn early_and_late(left: &Path) -> (String, String) {
    let entries = fs::read_dir(left).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    // Their names begin with the time.
    files.sort();
    let at = |at: usize| {
        files
            .get(at)
            .map_or_else(|| "FILE".to_owned(), |path| say::path(path))
    };
    (at(files.len() / 3), at(files.len().saturating_sub(1)))
}

fn by_site(cause: &Cause) -> String {
    let names: Vec<&str> = cause.made_by.iter().map(|place| place.function).collect();
    match cause.seen_by {
        // A page is received by a library, whose rows are the large ones.
        Seen::Heap if matches!(cause.is, Is::Leak(Class::RetainedSubslices)) => format!(
            "Rows of what receives pages, such as BytesMut::reserve_inner, and some of {}, which asks for them.",
            names.join(", or ")
        ),
        Seen::Heap => format!("It is made by {}.", names.join(", or ")),
        Seen::Tasks => format!("They are spawned by {}, and wait.", names.join(", or ")),
        Seen::Sockets => "They lead to the search cluster, and stay established.".to_owned(),
        Seen::Descriptors => "They are files in the folder of exports.".to_owned(),
        Seen::Foreign | Seen::Triage => String::new(),
    }
}

/// How the lines of a function are looked at.
fn shown(root: &Path, place: Place) -> String {
    let file = say::path(&source::file_of(root, place));
    match source::lines_of(root, place) {
        Some(lines) => format!("sed -n {},{}p {file}", lines.start(), lines.end()),
        None => format!(
            "grep -n {} {file}",
            place.function.rsplit("::").next().unwrap_or_default()
        ),
    }
}

/// The whole answer in a line: what was to be typed.
pub(super) fn right_answer(cause: &Cause) -> String {
    let place = cause.kept_by.first().or(cause.made_by.first());
    match (cause.is, place) {
        (Is::Leak(class), Some(place)) => {
            let holder = cause.holders.first().copied().unwrap_or_default();
            say::command(&format!(
                "answer --class {class} --site {} --holder {holder} --evidence FILE",
                place.function
            ))
        }
        (Is::Leak(class), None) => say::command(&format!("answer --class {class} --evidence FILE")),
        (Is::NoLeak(verdicts), _) => {
            let verdict = verdicts
                .first()
                .map_or("steady", |verdict| verdict.as_str());
            say::command(&format!("answer no-leak {verdict} --evidence FILE"))
        }
    }
}
