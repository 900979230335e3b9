//! The programs that are compared: which there are, and how they are built.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The allocator inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inner {
    System,
    Jemalloc,
}

pub(crate) const INNERS: [Inner; 2] = [Inner::System, Inner::Jemalloc];

impl Inner {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Inner::System => "system",
            Inner::Jemalloc => "jemalloc",
        }
    }
}

/// A program, and the mode that it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) program: &'static str,
    pub(crate) mode: &'static str,
}

const BARE_WITH_PROFILER: &str = "alloc-bare-jemalloc-with-profiler";

impl Subject {
    pub(crate) fn all_on(inner: Inner) -> Vec<Subject> {
        let of = |program, mode| Subject { program, mode };
        match inner {
            Inner::System => vec![
                of("alloc-bare-system", "bare"),
                of("alloc-pass-through-system", "pass-through"),
                of("alloc-profiling-system", "counting"),
                of("alloc-profiling-system", "sampling"),
                of("alloc-profiling-system", "sites"),
                of("alloc-dhat", "dhat"),
                of("alloc-pprof-alloc-system", "pprof-alloc"),
            ],
            Inner::Jemalloc => vec![
                of("alloc-bare-jemalloc", "bare"),
                of("alloc-pass-through-jemalloc", "pass-through"),
                of("alloc-profiling-jemalloc", "counting"),
                of("alloc-profiling-jemalloc", "sampling"),
                of("alloc-profiling-jemalloc", "sites"),
                of(BARE_WITH_PROFILER, "bare"),
                of("alloc-pprof-alloc-jemalloc", "pprof-alloc"),
            ],
        }
    }

    /// Which of `all` is this one's inner allocator, bare; `None` for those that are bare themselves.
    pub(crate) fn base(self, all: &[Subject]) -> Option<usize> {
        if self.mode == "bare" {
            return None;
        }
        let with_profiler = self.program == "alloc-pprof-alloc-jemalloc";
        all.iter()
            .position(|other| other.mode == "bare" && other.is_with_profiler() == with_profiler)
    }

    pub(crate) fn is_with_profiler(self) -> bool {
        self.program == BARE_WITH_PROFILER
    }

    /// How many times fewer rounds it is given, so that it takes about as long as the others.
    pub(crate) fn slower_by(self) -> usize {
        if self.mode == "dhat" { 20 } else { 1 }
    }
}

/// Where the programs are.
pub(crate) struct Subjects(HashMap<String, PathBuf>);

impl Subjects {
    /// Builds all of them, with what cargo has to say on standard error.
    pub(crate) fn all() -> Result<Self, String> {
        eprintln!("building the subjects: the first time takes some minutes");
        // Another build for the jemalloc that has its profiler compiled in, and for none of the programs on the other one.
        Self::of(&[
            "--bins --features dhat,jemalloc,pprof-alloc",
            "--bin alloc-pprof-alloc-jemalloc --bin alloc-bare-jemalloc-with-profiler --features jemalloc-with-profiler",
        ])
    }

    /// Builds those on the system's allocator, bare and counted, which need nothing but the library.
    #[allow(dead_code, reason = "the benchmark builds all of them")]
    pub(crate) fn on_system() -> Result<Self, String> {
        Self::of(&["--bin alloc-bare-system --bin alloc-profiling-system"])
    }

    fn of(builds: &[&str]) -> Result<Self, String> {
        let mut programs = HashMap::new();
        for arguments in builds {
            programs.extend(built(arguments)?);
        }
        Ok(Subjects(programs))
    }

    /// The command that runs a program.
    pub(crate) fn path(&self, program: &str) -> Result<&PathBuf, String> {
        self.0
            .get(program)
            .ok_or_else(|| format!("cargo built no program named {program}"))
    }
}

/// What cargo says that it built: names and paths.
fn built(arguments: &str) -> Result<Vec<(String, PathBuf)>, String> {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--release", "-p", "allocator-subjects"])
        .arg("--message-format=json-render-diagnostics")
        .args(arguments.split(' '))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo doesn't start: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "cargo build --release -p allocator-subjects {arguments}: {}",
            output.status
        ));
    }
    let messages = String::from_utf8_lossy(&output.stdout).into_owned();
    let programs = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let name = message["target"]["name"].as_str()?.to_owned();
        Some((name, message["executable"].as_str()?.into()))
    });
    Ok(programs.collect())
}
