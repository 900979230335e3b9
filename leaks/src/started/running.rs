//! The drill that runs, in a file that other commands find. Who reads it learns the seed, which doesn't tell the answer.

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fs, io};
use workbook::files;
use workbook::problem::{Problem, Result};
use workbook::workspace::Workspace;

/// Where drills keep what they need, below the workbook's root.
pub(crate) const FOLDER: &str = "target/apexd";

/// The program's file is the service's: a number is given to another process some day.
const PROGRAM: &str = "apexd";

/// What can be asked for while a drill runs, for points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Asked {
    /// Which class, or which verdict
    Class,
    /// Where what grows is made
    Line,
    /// Who holds what grows
    Holder,
}

/// Which drill: its seed, its level, and whether it is looked at after its service's death. With the same three it is the same on every
/// machine.
pub(crate) type Played = (u64, u8, bool);

/// How far whoever answers has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Standing {
    /// Answers that were wrong.
    pub(crate) wrong: u32,
    /// Which causes were found, by their place in the plan, and for how many points.
    pub(crate) found: Vec<(usize, u32)>,
    pub(crate) bought: Vec<Asked>,
    /// Whether it was answered, or shown.
    pub(crate) is_over: bool,
}

/// A drill that was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Running {
    pub(crate) seed: u64,
    pub(crate) level: u8,
    /// The service's process.
    pub(crate) process: u32,
    /// `127.0.0.1:8080`.
    pub(crate) service: String,
    pub(crate) debug: String,
    pub(crate) cluster: String,
    /// Milliseconds since 1970.
    pub(crate) began_ms: u64,
    /// What a killed service left; `None` where the service is there to be asked.
    pub(crate) left: Option<PathBuf>,
    #[serde(default)]
    pub(crate) standing: Standing,
}

impl Running {
    fn file(root: &Path) -> PathBuf {
        root.join(FOLDER).join("running.json")
    }

    /// The last one that was started here, if any.
    pub(crate) fn read(root: &Path) -> Result<Option<Self>> {
        let file = Running::file(root);
        let text = match fs::read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Problem::file("read", &file, &error)),
        };
        serde_json::from_slice(&text).map(Some).map_err(|error| {
            Problem::new(format!("can't read which drill runs in {}", file.display()))
                .because(error)
                .next("Delete the file, and start another drill.")
        })
    }

    pub(crate) fn write(&self, root: &Path) -> Result<()> {
        files::make_folder(&root.join(FOLDER))?;
        let text = serde_json::to_vec_pretty(self)
            .map_err(|error| Problem::new("can't put the drill into JSON").because(error))?;
        files::write(&Running::file(root), &text)
    }

    /// Which drill it is.
    pub(crate) fn played(&self) -> Played {
        (self.seed, self.level, self.left.is_some())
    }

    /// Whether its service runs.
    pub(crate) fn is_alive(&self) -> bool {
        let program = fs::read_link(format!("/proc/{}/exe", self.process));
        let name = program.ok().and_then(|path| {
            path.file_name()
                .map(|name| name.to_string_lossy().into_owned())
        });
        // A program that was built anew meanwhile has ` (deleted)` behind its name.
        name.is_some_and(|name| name.starts_with(PROGRAM))
    }

    /// For how long it has run.
    pub(crate) fn lasted(&self) -> Duration {
        now().saturating_sub(self.began())
    }

    /// When it began, since 1970.
    pub(crate) fn began(&self) -> Duration {
        Duration::from_millis(self.began_ms)
    }
}

/// Since 1970.
pub(super) fn now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// Whether a process is the service of a drill that nobody has answered yet.
pub(crate) fn is_withheld(process: u32) -> bool {
    let here = Workspace::find().ok();
    let running = here.and_then(|here| Running::read(&here.root).ok().flatten());
    running.is_some_and(|running| {
        running.process == process && !running.standing.is_over && running.is_alive()
    })
}

#[cfg(test)]
mod tests {
    use super::{Running, Standing};

    #[test]
    fn a_drill_is_found_again_and_a_process_that_is_none_of_its_isnt_alive() {
        let root = tempfile::tempdir().expect("a scratch folder");
        assert_eq!(Running::read(root.path()).expect("readable"), None);
        let running = Running {
            seed: 7,
            level: 2,
            process: std::process::id(),
            service: "127.0.0.1:1".to_owned(),
            debug: "127.0.0.1:2".to_owned(),
            cluster: "127.0.0.1:3".to_owned(),
            began_ms: 5,
            left: None,
            standing: Standing {
                wrong: 1,
                ..Standing::default()
            },
        };
        running.write(root.path()).expect("writable");
        assert_eq!(
            Running::read(root.path()).expect("readable"),
            Some(running.clone())
        );
        assert!(!running.is_alive(), "this is no service");
    }
}
