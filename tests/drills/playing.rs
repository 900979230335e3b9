//! A drill that a test plays, as its reader would.

#![allow(dead_code, reason = "each test target uses its part")]

use crate::driver::{self, Workbook, real_root};
use crate::served::Answer;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Once;

/// A drill that runs. It ends with the test, whatever happens in it.
pub(crate) struct Playing {
    pub(crate) workbook: Workbook,
    /// What the command said until all ran.
    pub(crate) told: String,
    child: Child,
    pub(crate) service: String,
    pub(crate) debug: String,
    pub(crate) process: u32,
    pub(crate) level: u8,
    /// Whether what grows is believed at once.
    pub(crate) is_sample: bool,
}

impl Playing {
    pub(crate) fn start(workbook: Workbook, seed: u64, level: u8) -> Self {
        built();
        let arguments = [
            "drill",
            "--seed",
            &seed.to_string(),
            "--level",
            &level.to_string(),
        ];
        let mut command = workbook.command(arguments);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the command");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let lines = lines.map(|line| line.expect("text"));
        let told: Vec<String> = lines
            .take_while(|line| !line.contains("Ctrl-C ends all"))
            .collect();
        let told = told.join("\n");
        let address = |what: &str| {
            let after = told
                .split(what)
                .nth(1)
                .unwrap_or_else(|| panic!("no {what} in: {told}"));
            let after = after.split("http://").nth(1).expect("an address");
            after.split('/').next().expect("an address").to_owned()
        };
        let (service, debug) = (address("the service"), address("its debug port"));
        let process = told
            .split("(process ")
            .nth(1)
            .and_then(|rest| rest.split(')').next());
        let process = process.and_then(|id| id.parse().ok()).expect("the process");
        Playing {
            workbook,
            child,
            service,
            debug,
            process,
            level,
            is_sample: false,
            told,
        }
    }

    pub(crate) fn get(&self, path: &str) -> Vec<u8> {
        let answer = Answer::to(&self.debug, &format!("GET {path}"), &[]);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.body
    }

    pub(crate) fn get_text(&self, path: &str) -> String {
        String::from_utf8_lossy(&self.get(path)).into_owned()
    }

    pub(crate) fn post(&self, path: &str) -> Answer {
        Answer::to(&self.debug, &format!("POST {path}"), &[])
    }

    /// A profile of that name, in a file.
    pub(crate) fn profile(&self, name: &str) -> PathBuf {
        let file = self
            .workbook
            .path(&format!("{}.pb.gz", name.split('?').next().unwrap_or(name)));
        fs::write(&file, self.get(&format!("/debug/pprof/{name}"))).expect("writable");
        file
    }

    /// The report of a triage, in a file, and its verdict.
    pub(crate) fn triage(&self, seconds: Option<u64>) -> (PathBuf, String) {
        let url = format!("http://{}", self.debug);
        let time = seconds.map(|seconds| format!("{seconds}s"));
        let mut arguments = vec!["triage", "--format", "json", "--url", &url];
        if let Some(time) = &time {
            arguments.extend(["--for", time]);
        }
        let report = self.workbook.leaks(arguments).exits(0).stdout();
        let file = self.workbook.path("report.json");
        fs::write(&file, &report).expect("writable");
        (file, verdict_of(&report))
    }

    /// What the reader's progress says of drills.
    pub(crate) fn done(&self) -> Vec<Value> {
        let file = self.workbook.path(".leaks.json");
        let text = fs::read_to_string(file).unwrap_or_else(|_| "{}".to_owned());
        let state: Value = serde_json::from_str(&text).expect("JSON");
        state["drills"]["done"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        let id = self.child.id().to_string();
        let _ = Command::new("kill").args(["-INT", &id]).status();
        let _ = self.child.wait();
    }
}

/// The service of drills, beside the command.
fn built() {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| {
        driver::binary();
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args([
            "build",
            "--quiet",
            "-p",
            "leaks",
            "-p",
            "domain-service",
            "--bin",
            "apexd",
        ]);
        let status = command.current_dir(real_root()).status().expect("cargo");
        assert!(status.success(), "the drills' service could not be built");
    });
}

/// What a triage's JSON says.
fn verdict_of(report: &str) -> String {
    let report: Value =
        serde_json::from_str(report).unwrap_or_else(|error| panic!("{error}: {report}"));
    report["verdict"].as_str().expect("a verdict").to_owned()
}
