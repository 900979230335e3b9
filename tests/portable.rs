//! `leaks portable` builds one file, and the file works in a root folder that is empty but for it.
//!
//! Left out, in words, where Rust's library for musl can't be had (in CI that is a failure, unless its script said so too), or where this
//! user can enter no root folder of its own.

use crate::driver::{Ran, Workbook, real_root};
use crate::served::{Answer, Served};
use detectors::Profile;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a writable target")
}

fn workbook() -> &'static Workbook {
    static COPY: OnceLock<Workbook> = OnceLock::new();
    COPY.get_or_init(|| Workbook::copy("portable"))
}

/// The file, built once; `None` where Rust's library for musl can't be had.
fn file() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("leaks-anywhere");
        // In the workbook itself, whose build is kept from run to run; what it writes is this file.
        let mut command = workbook().command(["portable", "--out"]);
        command.arg(&file).current_dir(real_root());
        let ran = workbook().run(command);
        if ran.stderr().contains("Rust's library for it is missing") {
            let is_told = std::env::var_os("WITHOUT_MUSL").is_some();
            let is_ci = std::env::var_os("CI").is_some();
            assert!(is_told || !is_ci, "{}", ran.stderr());
            println!("skipped: Rust's library for musl can't be had here");
            ran.exits(2).stderr_has("rustup target add");
            return None;
        }
        ran.exits(0)
            .stdout_has("leaks-anywhere, ")
            .stdout_has("leaks-anywhere CONTAINER:/leaks")
            .stdout_has("kubectl cp");
        let mode = fs::metadata(&file).expect("it is there").permissions();
        assert_ne!(mode.mode() & 0o111, 0, "it can be started");
        Some(file)
    });
    built.as_deref()
}

/// A root folder with the file in it, `/proc`, and nothing else yet.
struct Bare {
    root: TempDir,
    /// Makes the namespaces in which a root can be entered.
    unshare: &'static [&'static str],
}

impl Bare {
    fn new() -> Option<Self> {
        const AS_ROOT: &[&str] = &["--mount", "--pid", "--fork"];
        const AS_ANYBODY: &[&str] = &["--map-root-user", "--mount", "--pid", "--fork"];
        let file = file()?;
        let root = folder();
        fs::create_dir(root.path().join("proc")).expect("writable");
        fs::copy(file, root.path().join("leaks")).expect("writable");
        let found = [AS_ROOT, AS_ANYBODY].into_iter().find(|unshare| {
            let entered = Bare::command(root.path(), unshare, "true", &[], &["--version"]).output();
            entered.is_ok_and(|entered| entered.status.success())
        });
        let Some(unshare) = found else {
            println!("skipped: this user can enter no root folder of its own");
            return None;
        };
        Some(Bare { root, unshare })
    }

    /// Runs `before` outside of the root, then the file in it. What `before` has started ends with it.
    fn command(
        root: &Path,
        unshare: &[&str],
        before: &str,
        more: &[&str],
        arguments: &[&str],
    ) -> Command {
        let script = format!(
            "mount -t proc proc \"$0/proc\" || exit 9; {before}; exec chroot \"$0\" /leaks \"$@\" {}",
            more.join(" ")
        );
        let mut command = Command::new("unshare");
        command
            .args(unshare)
            .args(["sh", "-c", &script])
            .arg(root)
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command
    }

    fn leaks(&self, arguments: &[&str]) -> Ran {
        let root = self.root.path();
        workbook().run(Bare::command(root, self.unshare, "true", &[], arguments))
    }

    /// A look at a program that runs outside of the root, in the same namespace of processes.
    fn look_at(&self, program: &Path) -> Value {
        let (root, program) = (self.root.path(), program.display());
        let told = folder();
        let told = told.path().join("told");
        let told = told.display();
        let before =
            format!("'{program}' >'{told}' & until grep -q ready '{told}'; do sleep 0.05; done");
        let look = ["triage", "--for", "15s", "--format", "json"];
        let command = Bare::command(root, self.unshare, &before, &["--pid $!"], &look);
        workbook().run(command).exits(0).json()
    }
}

/// Heap profiles of a service that leaks, in a folder that only it wrote to.
fn kept(folder: &Path) -> Vec<PathBuf> {
    let text = folder.to_str().expect("a path of letters");
    let served = Served::start(
        "portable",
        &[
            "--debug-port",
            "0",
            "--leak",
            "global-caches",
            "--keep-profiles",
            text,
            "--keep-every",
            "500ms",
        ],
    );
    let deadline = Instant::now() + Duration::from_mins(2);
    loop {
        let answer = Answer::to(&served.service, "GET /apex/customer-0042.example", &[]);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let entries = fs::read_dir(folder).expect("readable");
        let paths = entries.map(|entry| entry.expect("readable").path());
        let mut kept: Vec<PathBuf> = paths
            .filter(|path| path.extension().is_some_and(|ending| ending == "gz"))
            .collect();
        kept.sort();
        let tells = |path: &PathBuf| {
            let profile = Profile::read(path).expect("each is whole");
            let top = profile.top(None).expect("it has its types");
            top.to_string().contains("global_caches::")
        };
        if kept.len() >= 4 && kept.last().is_some_and(tells) {
            return kept;
        }
        assert!(Instant::now() < deadline, "{kept:?}");
    }
}

/// What is the same of an answer wherever it is given: no path, no time.
fn told_of(answer: &Value) -> [&Value; 4] {
    ["verdict", "class", "because", "findings"].map(|name| &answer[name])
}

#[test]
fn in_an_empty_container_it_reads_profiles_and_looks_at_processes() {
    let Some(bare) = Bare::new() else { return };
    let root = bare.root.path();
    let folder = folder();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).expect("it is ours");
    let kept = kept(folder.path());
    fs::create_dir(root.join("kept")).expect("writable");
    for path in &kept {
        fs::copy(
            path,
            root.join("kept").join(path.file_name().expect("a name")),
        )
        .expect("writable");
    }
    fs::copy(kept.last().expect("four"), root.join("heap.pb.gz")).expect("writable");

    let help = bare.leaks(&[]);
    help.exits(0).stdout_has("triage").stdout_has("autopsy");
    assert!(!help.stdout().contains("incident"), "{}", help.stdout());

    // What the whole command says of the same files.
    let profile = kept
        .last()
        .and_then(|path| path.to_str())
        .expect("a path of letters");
    let here = workbook().leaks(["top", profile]);
    let there = bare.leaks(&["top", "heap.pb.gz"]);
    assert_eq!(there.exits(0).stdout(), here.exits(0).stdout());
    there.stdout_has("global_caches::");
    let dir = folder.path().to_str().expect("a path of letters");
    let here = workbook()
        .leaks(["autopsy", dir, "--format", "json"])
        .exits(0)
        .json();
    let there = bare
        .leaks(&["autopsy", "kept", "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(told_of(&there), told_of(&here));
    bare.leaks(&["flamegraph", "heap.pb.gz", "--out", "-"])
        .exits(0)
        .stdout_has("<svg");

    let leak = crate::triage::target("malloc_leak.c");
    let answer = bare.look_at(&leak);
    assert_eq!(answer["verdict"], "leak", "{answer}");
    // Its library has no list of names to look into, and no server to ask.
    bare.leaks(&["triage", "--url", "http://localhost:1"])
        .exits(2)
        .stderr_has("refused");
    let names = fs::read_dir(root).expect("readable");
    let names = names.map(|entry| entry.expect("readable").file_name());
    let mut names: Vec<_> = names.collect();
    names.sort();
    assert_eq!(names, ["heap.pb.gz", "kept", "leaks", "proc"]);
}

#[test]
fn without_proc_nobody_is_said_to_be_gone() {
    let Some(bare) = Bare::new() else { return };
    let mut command = Command::new("unshare");
    let script = "exec chroot \"$0\" /leaks triage --pid 1";
    command
        .args(bare.unshare)
        .args(["sh", "-c", script])
        .arg(bare.root.path());
    workbook()
        .run(command)
        .exits(2)
        .stderr_has("/proc isn't mounted here");
}

#[test]
fn a_folder_is_no_file_to_write() {
    workbook()
        .leaks(["portable", "--out", "chapters"])
        .exits(2)
        .stderr_has("it is a folder")
        .stderr_has("--out chapters/leaks");
}

/// As where Rust comes from a distribution, and nobody answers for rustup.
#[test]
fn without_the_library_it_says_where_to_have_it() {
    let bin = folder();
    // A Rust that knows the target and has no library for it.
    let script = "#!/bin/sh\necho /nowhere/lib/rustlib/$4/lib\n";
    for (name, text) in [("rustc", script), ("rustup", "#!/bin/sh\nexit 1\n")] {
        let path = bin.path().join(name);
        fs::write(&path, text).expect("writable");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
    }
    let mut command = workbook().command(["portable"]);
    command.env("PATH", bin.path()).env_remove("RUSTC");
    workbook()
        .run(command)
        .exits(2)
        .stderr_has("Rust's library for it is missing")
        .stderr_has("rustup couldn't install it")
        .stderr_has("rustup target add");
}
