//! Drives the built `leaks` command in a copy of the workbook, so that no test touches the reader's own files.
//!
//! ```ignore
//! let workbook = Workbook::copy("hints");
//! workbook.leaks(["hint", "retained-subslices"]).exits(0).stdout_has("Hint 1 of 3");
//! ```

#![allow(dead_code, reason = "each test target uses its part")]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

/// The chapter that the tests use.
pub(crate) const CHAPTER: &str = "retained-subslices";

/// A copy of the workbook: chapters, book and manifests, with the real `detectors` behind them.
pub(crate) struct Workbook {
    root: PathBuf,
}

/// What a command did.
pub(crate) struct Ran {
    output: Output,
    /// What was run, for a failure's text.
    what: String,
    root: PathBuf,
}

impl Workbook {
    /// A fresh copy. `name` is the test's own: the folder is used again by the next run, and so doesn't pile up.
    pub(crate) fn copy(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("workbooks")
            .join(name);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                panic!("{}: {error}", folder.display())
            }
            _ => {}
        }
        let real = real_root();
        let given = [
            "Cargo.lock",
            "LICENSE-MIT",
            "book.toml",
            "chapters",
            "leaks",
            "tests",
        ];
        for part in given {
            copy(&real.join(part), &folder.join(part));
        }
        // The chapter's tests then find `detectors` built, instead of building it again for each copy.
        let mut manifest = text(&real.join("Cargo.toml"))
            // Cargo tells workspaces in one target folder apart by what is in them, not by where they are. With a
            // version of its own, a copy never takes another's build for its own, nor the reader's workbook a copy's.
            .replace(
                "version = \"0.1.0\"",
                &format!("version = \"0.1.0-copy-{name}\""),
            )
            .replace("\"detectors/benches/subjects\", ", "")
            .replace("\"detectors/jemalloc\", ", "")
            .replace("\"detectors/proofs\", ", "")
            .replace("\"detectors/proofs/public-api\", ", "")
            .replace("\"detectors\", ", "");
        for part in ["detectors", "detectors/jemalloc"] {
            manifest = manifest.replace(
                &format!("path = {part:?}"),
                &format!("path = {:?}", real.join(part).display().to_string()),
            );
        }
        fs::write(folder.join("Cargo.toml"), manifest).expect("a writable copy");
        // Below the workbook cargo finds its configuration anyway, and would take the flags twice.
        if !folder.starts_with(&real) {
            copy(&real.join(".cargo"), &folder.join(".cargo"));
        }
        // Paths are compared with what the command prints, which resolves links.
        let root = folder.canonicalize().expect("the copy");
        Workbook { root }
    }

    /// The same copy, for whoever wants it as their own.
    pub(crate) fn same(&self) -> Self {
        Workbook {
            root: self.root.clone(),
        }
    }

    /// A path in the copy.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// A file's text.
    pub(crate) fn read(&self, relative: &str) -> String {
        text(&self.path(relative))
    }

    /// Writes a file.
    pub(crate) fn write(&self, relative: &str, content: &str) {
        fs::write(self.path(relative), content).expect("a writable copy");
    }

    /// Puts one of the chapter's `solution/` files in the learner's place.
    pub(crate) fn solve_with(&self, solution: &str) {
        self.solve(CHAPTER, solution);
    }

    /// The same for any chapter.
    pub(crate) fn solve(&self, chapter: &str, solution: &str) {
        let solution = self.read(&format!("chapters/{chapter}/solution/{solution}"));
        self.write(&format!("chapters/{chapter}/src/exercise.rs"), &solution);
    }

    /// The command, ready to be started in the copy.
    pub(crate) fn command<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let binary = binary();
        let target = binary
            .parent()
            .and_then(Path::parent)
            .expect("target/debug/leaks");
        let mut command = Command::new(binary);
        command
            .args(arguments)
            .current_dir(&self.root)
            // As a shell there has it.
            .env("PWD", &self.root)
            .stdin(Stdio::null())
            // As a reader's shell has it, not as this test's cargo does.
            .env_remove("CARGO")
            .env_remove("DETECTORS_OUT")
            .env("CARGO_TARGET_DIR", target);
        command
    }

    /// Runs the command to its end.
    pub(crate) fn leaks<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Ran {
        self.run(self.command(arguments))
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, mut command: Command) -> Ran {
        let what = format!("{command:?}");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn();
        let output = ended(
            child.unwrap_or_else(|error| panic!("{what}: {error}")),
            &what,
        );
        Ran {
            output,
            what,
            root: self.root.clone(),
        }
    }
}

impl Ran {
    /// Standard output.
    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    /// How it ended.
    pub(crate) fn status(&self) -> Option<i32> {
        self.output.status.code()
    }

    /// The copy that it ran in.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Standard error.
    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// Standard output as the one JSON document that it has to be.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout())
            .unwrap_or_else(|error| panic!("no single JSON document: {error}\n{}", self.whole()))
    }

    /// Fails unless the command ended with this status, and without a panic.
    #[track_caller]
    pub(crate) fn exits(&self, status: i32) -> &Self {
        assert_eq!(self.output.status.code(), Some(status), "{}", self.whole());
        let panicked = self.stderr().contains("panicked at");
        assert!(!panicked, "the command itself panicked:\n{}", self.whole());
        self
    }

    /// Fails unless standard output contains the text.
    #[track_caller]
    pub(crate) fn stdout_has(&self, text: &str) -> &Self {
        assert!(
            self.stdout().contains(text),
            "no {text:?} in:\n{}",
            self.whole()
        );
        self
    }

    /// Fails unless standard error contains the text.
    #[track_caller]
    pub(crate) fn stderr_has(&self, text: &str) -> &Self {
        assert!(
            self.stderr().contains(text),
            "no {text:?} in:\n{}",
            self.whole()
        );
        self
    }

    /// Both outputs for a snapshot: without this machine's paths, line numbers and what a compiler may change.
    pub(crate) fn snapshot(&self) -> String {
        let mut both = format!("{}--- standard error\n{}", self.stdout(), self.stderr());
        // The command's own sources are the real workbook's.
        for root in [&self.root, &real_root()] {
            both = both.replace(&format!("{}/", root.display()), "");
            both = both.replace(&root.display().to_string(), "[workbook]");
        }
        both
    }

    fn whole(&self) -> String {
        format!(
            "{}\nended with {}\n--- standard output\n{}\n--- standard error\n{}",
            self.what,
            self.output.status,
            self.stdout(),
            self.stderr()
        )
    }
}

/// How a command ended, with what it wrote where that is piped. One that hangs is ended, and fails the test.
#[track_caller]
pub(crate) fn ended(child: Child, what: &str) -> Output {
    const DEADLINE: Duration = Duration::from_mins(15);
    let id = child.id().to_string();
    let (tell, told) = mpsc::channel();
    // Fails when nobody waits any more.
    thread::spawn(move || tell.send(child.wait_with_output()));
    let Ok(output) = told.recv_timeout(DEADLINE) else {
        let _ = Command::new("kill").args(["-KILL", &id]).status();
        panic!("{what}: not at its end after {DEADLINE:?}");
    };
    output.unwrap_or_else(|error| panic!("{what}: {error}"))
}

/// The workbook that these tests belong to.
pub(crate) fn real_root() -> PathBuf {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let root = above
        .skip(1)
        .find(|folder| folder.join("book.toml").is_file());
    root.expect("the package lies in the workbook").to_owned()
}

/// All packages for which cargo chooses the features of libraries as it does for the command, so that nothing is built twice.
pub(crate) const AS_FOR_THE_COMMAND: [&str; 3] = [
    "--workspace",
    "--exclude=leaks-book",
    "--exclude=detectors-public-api",
];

/// The command's executable, built once. Built like `cargo run` builds it, so that nothing is built twice.
pub(crate) fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args([
                "build",
                "--bin",
                "leaks",
                "--message-format",
                "json-render-diagnostics",
            ])
            .current_dir(real_root())
            .stderr(Stdio::inherit())
            .output()
            .expect("cargo");
        assert!(built.status.success(), "leaks could not be built");
        String::from_utf8_lossy(&built.stdout)
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .find_map(|message| message["executable"].as_str().map(PathBuf::from))
            .expect("cargo names the executable")
    })
}

/// Copies a file or a folder, without what was built.
fn copy(from: &Path, to: &Path) {
    let failed = |error: std::io::Error| -> ! { panic!("{}: {error}", from.display()) };
    if !from.is_dir() {
        fs::create_dir_all(to.parent().expect("a folder")).unwrap_or_else(|error| failed(error));
        fs::copy(from, to).unwrap_or_else(|error| failed(error));
        return;
    }
    fs::create_dir_all(to).unwrap_or_else(|error| failed(error));
    for entry in fs::read_dir(from).unwrap_or_else(|error| failed(error)) {
        let entry = entry.unwrap_or_else(|error| failed(error));
        if entry.file_name() != "target" {
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    }
}

fn text(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
