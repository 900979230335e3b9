//! A service in Go: its heap profile tells what is live, and its goroutines are tasks.

use super::{leaks, target};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

struct Service {
    process: Child,
    url: String,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The program; `None` where there is no Go.
fn program() -> Option<PathBuf> {
    let built = target("profiled.go");
    if !built.exists() {
        println!("left out: there is no Go here");
        return None;
    }
    Some(built)
}

const BRIEFLY: [&str; 2] = ["--for", "15s"];

/// The answer of a look by these options at a service that keeps this for each tick.
fn keeping(what: &str, options: &[&str]) -> Option<serde_json::Value> {
    let mut process = Command::new(program()?)
        .arg(what)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it was built");
    let mut url = String::new();
    let out = process.stdout.take().expect("it is piped");
    BufReader::new(out).read_line(&mut url).expect("text");
    let service = Service {
        process,
        url: url.trim().to_owned(),
    };
    let look = ["triage", "--url", &service.url, "--format", "json"];
    let ran = leaks(&[&look[..], options].concat());
    Some(ran.exits(0).json())
}

/// The site of the first finding.
fn site(answer: &serde_json::Value) -> &str {
    answer["findings"][0]["site"].as_str().unwrap_or_default()
}

#[test]
fn memory_that_grows_is_a_leak_by_its_line() {
    // As long as it needs: a busy machine makes the service slower meanwhile.
    let Some(answer) = keeping("memory", &[]) else {
        return;
    };
    assert_eq!(answer["verdict"], "leak", "{answer}");
    assert!(
        site(&answer).starts_with("main.keep ("),
        "{}",
        site(&answer)
    );
}

#[test]
fn goroutines_that_pile_up_are_orphaned_tasks() {
    let Some(answer) = keeping("goroutines", &BRIEFLY) else {
        return;
    };
    assert_eq!(answer["verdict"], "leak", "{answer}");
    assert_eq!(answer["class"], "orphaned-tasks");
    assert!(
        site(&answer).starts_with("main.wait ("),
        "{}",
        site(&answer)
    );
}

/// The port tells no resident memory, so nothing is called calm.
#[test]
fn what_keeps_nothing_is_open_since_resident_memory_is_not_read() {
    let Some(answer) = keeping("nothing", &BRIEFLY) else {
        return;
    };
    assert_eq!(answer["verdict"], "inconclusive", "{answer}");
    let because = answer["because"].as_str().unwrap_or_default();
    assert!(because.contains("resident memory wasn't read"), "{because}");
}
