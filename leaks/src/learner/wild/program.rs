//! A case built for one instrument, in one of its two variants, and run.

use super::super::cargo::executable_of;
use super::super::child::{self, Ended, Errors};
use super::case::Case;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use workbook::problem::{Problem, Result};
use workbook::say;

/// The program as the report's author had it, or its twin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variant {
    Affected,
    Twin,
}

/// What the program is built for: the support crate's features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Built {
    ForTheWatch,
    ForDhat,
    /// The witness, and programs that look from outside.
    Plain,
    /// By the nightly compiler, which links `LeakSanitizer` in.
    ForLeakSanitizer,
}

/// The target that `LeakSanitizer` is built for.
const TARGET: &str = if cfg!(target_arch = "aarch64") {
    "aarch64-unknown-linux-gnu"
} else {
    "x86_64-unknown-linux-gnu"
};

/// A built program.
pub(super) struct Program {
    executable: PathBuf,
    variant: Variant,
}

impl Program {
    pub(super) fn build(
        case: &Case,
        target: &Path,
        built: Built,
        variant: Variant,
    ) -> Result<Self> {
        let mut folder = case.folder.clone();
        if variant == Variant::Twin && case.has_fixed_version {
            folder.push("fixed");
        }
        let mut command = if built == Built::ForLeakSanitizer {
            let mut command = Command::new("rustup");
            command.args(["run", "nightly", "cargo"]);
            command
        } else {
            Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
        };
        command
            .current_dir(&folder)
            .args([
                "build",
                "--quiet",
                "--message-format=json-render-diagnostics",
            ])
            .arg("--target-dir")
            .arg(target);
        match built {
            Built::ForTheWatch => command.args(["--features", "watch"]),
            Built::ForDhat => command.args(["--features", "dhat"]),
            Built::Plain => &mut command,
            // With a target named, the flags aren't those of what runs while it is built.
            Built::ForLeakSanitizer => command
                .args(["--target", TARGET])
                .env("RUSTFLAGS", "-Zsanitizer=leak -Cforce-frame-pointers=yes"),
        };
        let ended = child::run(command, Errors::Shown, None)?;
        match executable_of(&ended.output, &case.name) {
            Some(executable) if ended.how.is_success() => Ok(Program {
                executable,
                variant,
            }),
            _ => Err(Problem::new(format!("{} doesn't build", say::path(&folder)))
                .because("cargo's message stands above")
                .next("It needs the registry that cargo is set up for, and the system's libraries that tests/wild/README.md names.")),
        }
    }

    /// Its path.
    pub(super) fn path(&self) -> &Path {
        &self.executable
    }

    /// How its support crate calls the variant.
    pub(super) fn word(&self) -> &'static str {
        match self.variant {
            Variant::Affected => "affected",
            Variant::Twin => "twin",
        }
    }

    /// Runs a command that runs it.
    pub(super) fn run(command: Command, deadline: Duration) -> Result<Ended> {
        child::run(command, Errors::Kept, Some(deadline))
    }
}
