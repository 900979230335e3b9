//! The story's service, by its own word: live memory decides, and a profile names the line.

use super::leaks;
use crate::served::{Answer, Served};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Between two requests: the other tests look at their targets meanwhile.
const PAUSE: Duration = Duration::from_millis(20);

/// The answer of a look at a service that leaks like this, while requests come.
fn under_load(leak: &str) -> serde_json::Value {
    looked_at(leak, &[])
}

/// The same by a look with these options.
pub(super) fn looked_at(leak: &str, options: &[&str]) -> serde_json::Value {
    let served = Served::start(
        &format!("triage-{leak}"),
        &["--debug-port", "0", "--leak", leak],
    );
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                let answer = Answer::to(&served.service, "GET /apex/customer-0042.example", &[]);
                assert_eq!(answer.status, 200, "{}", answer.text());
                std::thread::sleep(PAUSE);
            }
        });
        let url = format!("http://{}", served.debug);
        let look = ["triage", "--url", &url, "--format", "json"];
        let ran = leaks(&[&look, options].concat());
        is_done.store(true, Ordering::Relaxed);
        ran.exits(0).json()
    })
}

#[track_caller]
fn names(answer: &serde_json::Value, kind: &str, function: &str) {
    assert_eq!(answer["verdict"], "leak", "{answer}");
    let findings = answer["findings"].as_array().expect("a list");
    let is_it = |finding: &&serde_json::Value| {
        let site = finding["site"].as_str().unwrap_or_default();
        finding["kind"] == kind && site.contains(function)
    };
    assert!(
        findings.iter().any(|finding| is_it(&finding)),
        "{findings:#?}"
    );
}

#[test]
fn live_memory_that_grows_is_a_leak_by_its_line() {
    names(
        &under_load("retained-subslices"),
        "bytes",
        "retained_subslices::",
    );
}

#[test]
fn tasks_that_pile_up_are_a_leak_by_their_spawn_site_and_class() {
    let answer = under_load("orphaned-tasks");
    names(&answer, "tasks", "orphaned_tasks::leaky");
    assert_eq!(answer["class"], "orphaned-tasks");
}

#[test]
fn descriptors_that_pile_up_are_told_by_their_folder() {
    let answer = under_load("deferred-cleanup");
    names(&answer, "descriptors", "in /");
    assert_eq!(answer["class"], "deferred-cleanup");
}

/// Live memory is flat and low: the accounts say whose the rest is.
#[test]
fn what_a_c_library_keeps_is_a_leak_by_the_allocators_own_figures() {
    let answer = under_load("foreign-memory");
    names(&answer, "resident", "foreign memory on the heap");
    assert_eq!(answer["class"], "foreign-memory");
    let parts = answer["parts"].as_array().expect("a list");
    let told: u64 = parts.iter().filter_map(|part| part["bytes"].as_u64()).sum();
    let last = answer["timeline"].as_array().and_then(|all| all.last());
    let resident = last.and_then(|now| now["resident"].as_u64());
    let share = told as f64 / resident.expect("it was read") as f64;
    assert!((0.9..1.1).contains(&share), "the parts are {share} of it");
}

#[test]
fn a_token_opens_the_port_and_another_one_does_not() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a writable target");
    let file = |name: &str, token: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, token).expect("writable");
        path.to_str().expect("a path of letters").to_owned()
    };
    let right = file("right", "0123456789abcdef\n");
    let wrong = file("wrong", "fedcba9876543210\n");
    let served = Served::start(
        "triage-token",
        &["--debug-address", "0.0.0.0:0", "--debug-token-file", &right],
    );
    let url = format!("http://{}", served.debug.replace("0.0.0.0", "127.0.0.1"));
    let ask = |token: &str| {
        leaks(&[
            "triage",
            "--url",
            &url,
            "--for",
            "2s",
            "--token-file",
            token,
        ])
    };
    ask(&right).exits(0).stdout_has("Verdict: ");
    ask(&wrong).exits(2).stderr_has("it wants a token");
    leaks(&["triage", "--url", &url])
        .exits(2)
        .stderr_has("--token-file");
}
