//! Programs to look at: leaking and not, in six languages. Each says in its first line what it is.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;

/// A running target. It ends with the test, whatever happens in it.
pub(crate) struct Target(Child);

impl Target {
    /// Starts one, by the name of its source, and waits until it is ready; `None` where its language isn't installed.
    pub(crate) fn start(source: &str, arguments: &[&str]) -> Option<Self> {
        Target::started(source, arguments, |command| command)
    }

    /// Starts one in a control group, from its first page on.
    pub(crate) fn start_in(group: &Path, source: &str, arguments: &[&str]) -> Option<Self> {
        Target::started(source, arguments, |command| {
            let mut shell = Command::new("sh");
            shell
                .args(["-c", "echo $$ > \"$0/cgroup.procs\" && exec \"$@\""])
                .arg(group)
                .arg(command.get_program());
            shell.args(command.get_args());
            shell
        })
    }

    /// Waits until it has ended, and says how.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        self.0.wait().expect("it is this test's")
    }

    fn started(
        source: &str,
        arguments: &[&str],
        by: impl FnOnce(Command) -> Command,
    ) -> Option<Self> {
        // Built now if need be, so that the target is looked at from its start.
        crate::driver::binary();
        let interpreted = |by: &str, options: &[&str]| {
            let mut command = Command::new(by);
            command.args(options).arg(sources().join(source));
            command
        };
        let mut command = match ending(Path::new(source)) {
            "py" => interpreted("python3", &["-B"]), // leaves nothing beside the sources
            "js" => interpreted("node", &[]),
            "java" => {
                let mut command = Command::new("java");
                command.arg("-Xmx128m").arg("-cp").arg(built());
                command.arg(source.trim_end_matches(".java"));
                command
            }
            _ => Command::new(path(source)),
        };
        command.args(arguments);
        let mut child = match by(command).stdout(Stdio::piped()).spawn() {
            Err(_) if !is_everywhere(Path::new(source)) => {
                println!("{source} is left out: its language isn't here");
                return None;
            }
            child => child.unwrap_or_else(|error| panic!("{source}: {error}")),
        };
        let out = child.stdout.take().expect("it is piped");
        let target = Target(child);
        let mut line = String::new();
        let read = BufReader::new(out).read_line(&mut line);
        read.expect("text");
        assert_eq!(line, "ready\n", "{source} did not come to its start");
        Some(target)
    }

    pub(crate) fn id(&self) -> String {
        self.0.id().to_string()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A compiled one, for whoever starts it otherwise.
pub(crate) fn path(source: &str) -> PathBuf {
    built().join(source)
}

fn ending(source: &Path) -> &str {
    let ending = source.extension().and_then(|ending| ending.to_str());
    ending.unwrap_or_default()
}

/// Whether it is built by what Rust itself needs to link, which is there wherever Rust is.
fn is_everywhere(source: &Path) -> bool {
    matches!(ending(source), "c" | "rs")
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("triage/targets")
}

/// The folder with the compiled ones. It is filled once for each process of tests, and used again by the next.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("triage-targets");
        fs::create_dir_all(&folder).expect("a writable target");
        for entry in fs::read_dir(sources()).expect("the sources") {
            let source = entry.expect("the sources").path();
            let name = folder.join(source.file_name().expect("a name"));
            let (compiler, options) = match ending(&source) {
                "c" => ("cc", ["-g", "-o"].map(Path::new).to_vec()),
                "rs" => ("rustc", ["-g", "-o"].map(Path::new).to_vec()),
                "go" => ("go", ["build", "-o"].map(Path::new).to_vec()),
                "java" => ("javac", vec![Path::new("-d"), &folder]),
                _ => continue,
            };
            let mut command = Command::new(compiler);
            command.args(options);
            if compiler != "javac" {
                command.arg(&name);
            }
            match command.arg(&source).status() {
                // CI installs Go, and no Java.
                Err(_) if compiler == "javac" || std::env::var_os("CI").is_none() => {}
                status => {
                    let is_built = status.is_ok_and(|status| status.success());
                    assert!(is_built, "{} can't be compiled", source.display());
                }
            }
        }
        folder
    })
}
