//! What can't be looked at is said, with the reason and the next step.

use super::leaks;
use super::targets::Target;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;

#[test]
fn there_is_no_such_process() {
    // Above the highest that Linux gives.
    leaks(&["triage", "--pid", "4194305"])
        .exits(2)
        .stderr_has("there is no process 4194305")
        .stderr_has("ps -e");
}

#[test]
fn it_ends_while_it_is_looked_at() {
    // Built and copied now, so that the look begins before it ends.
    leaks(&["--version"]).exits(0);
    let mut child = Command::new("sleep").arg("1").spawn().expect("sleep");
    let id = child.id().to_string();
    // Nobody asks how it ended until the look is over: what is left of it then is not taken for a process.
    leaks(&["triage", "--pid", &id, "--for", "1m"])
        .exits(2)
        .stderr_has("ended while it was looked at");
    child.wait().expect("it ended");
}

#[test]
fn another_users_process_needs_another_user() {
    let target = Target::start("idle.c", &[]).expect("C is there");
    let command = format!("exec {} triage --pid {}", leaks_binary(), target.id());
    let ran = Command::new("su")
        .env_remove("CARGO")
        .args(["nobody", "-s", "/bin/sh", "-c", &command])
        .output();
    match ran {
        Ok(ran) if String::from_utf8_lossy(&ran.stderr).contains("may not be read") => {
            let errors = String::from_utf8_lossy(&ran.stderr);
            assert_eq!(ran.status.code(), Some(2), "{errors}");
            assert!(errors.contains("sudo leaks triage --pid"), "{errors}");
        }
        // Only root becomes somebody else without a password, and only where the build may be read by all.
        _ => println!("left out: this user can't become another one"),
    }
}

fn leaks_binary() -> String {
    crate::driver::binary().display().to_string()
}

#[test]
fn nobody_answers_or_somebody_else_does() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback");
    let address = listener.local_addr().expect("it is bound");
    let url = format!("http://{address}");
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut request = [0; 1_024];
        let read = stream.read(&mut request).expect("a request");
        assert!(read > 0);
        let page = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";
        stream.write_all(page.as_bytes()).expect("it reads");
    });
    leaks(&["triage", "--url", &url])
        .exits(2)
        .stderr_has("has no figure of detectors::debug")
        .stderr_has("--pid N");
    server.join().expect("it doesn't panic");
    leaks(&["triage", "--url", &url])
        .exits(2)
        .stderr_has("doesn't answer /metrics")
        .stderr_has("refused");
}

#[test]
fn what_makes_no_sense_is_refused_with_what_would() {
    for (arguments, says) in [
        (
            &["triage"][..],
            "--pid <N>|--cgroup <PATH>|--container-of <PID>|--url <URL>",
        ),
        (
            &["triage", "--pid", "1", "--url", "http://x"],
            "cannot be used with",
        ),
        (
            &["triage", "--pid", "1", "--container-of", "1"],
            "cannot be used with",
        ),
        (
            &["triage", "--container-of", "1", "--squeeze"],
            "cannot be used with",
        ),
        (&["triage", "--pid", "1", "--for", "0s"], "write 500ms"),
        (
            &["triage", "--pid", "1", "--for", "25h"],
            "longer than a day",
        ),
        (&["triage", "--pid", "1", "--expect", "fine"], "warming-up"),
        (&["triage", "--url", "ftp://x"], "http://127.0.0.1:6060"),
        (&["triage", "--url", "6060"], "http://127.0.0.1:6060"),
        (
            &["triage", "--url", "http://127.0.0.1:1", "--squeeze"],
            "cannot be used with",
        ),
        (
            &[
                "triage",
                "--url",
                "http://127.0.0.1:1",
                "--token-file",
                "/none",
            ],
            "/none",
        ),
        (
            &[
                "triage",
                "--url",
                "http://127.0.0.1:1",
                "--token-variable",
                "NONE",
            ],
            "NONE",
        ),
    ] {
        leaks(arguments).exits(2).stderr_has(says);
    }
}
