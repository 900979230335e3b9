//! Has cargo build for musl: by Rust's own linker, so that no C compiler for musl is needed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use workbook::problem::{Problem, Result};
use workbook::workspace::Workspace;

/// It comes with Rust.
const LINKER: &str = "rust-lld";

/// What is built for: `x86_64-unknown-linux-musl`. Rust's library for it is there.
pub(super) struct Target(String);

impl Target {
    /// Installs Rust's library for it by rustup, where it is missing.
    pub(super) fn found_or_installed(workspace: &Workspace, arch: &str) -> Result<Self> {
        let target = format!("{arch}-unknown-linux-musl");
        let is_there = || library(workspace, Some(&target)).is_some_and(|folder| folder.is_dir());
        if is_there() {
            return Ok(Target(target));
        }
        workbook::note!(format!(
            "Rust's library for {target} isn't here: rustup is asked for it."
        ));
        let asked = Command::new("rustup")
            .args(["target", "add", &target])
            .current_dir(&workspace.root)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status();
        let why = match asked {
            Ok(status) if status.success() && is_there() => return Ok(Target(target)),
            Ok(_) => "rustup couldn't install it, as it says above".to_owned(),
            Err(error) => format!("rustup, which installs it, can't be started ({error})"),
        };
        Err(Problem::new(format!("can't build for {target}: Rust's library for it is missing"))
            .because(why)
            .next(format!(
                "Where rustup reaches the network: rustup target add {target}. A distribution's Rust has it in a package of its own, if at all. Or \
                 build on another machine, and bring the file here: it needs nothing of the machine that it runs on."
            )))
    }

    /// The program that cargo built, which says on standard error how far it is.
    pub(super) fn build(&self, workspace: &Workspace) -> Result<PathBuf> {
        let target = &self.0;
        workbook::note!(format!(
            "Building for {target}: two or three minutes the first time, seconds later."
        ));
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let failed = || {
            Problem::new(format!(
                "can't build the operator's part of leaks for {target}"
            ))
        };
        let mut command = Command::new(cargo);
        command
            .args(["build", "--package", "leaks", "--bin", "leaks"])
            .args(["--no-default-features", "--profile", "portable"])
            .args(["--target", target])
            .arg("--message-format=json-render-diagnostics")
            .current_dir(&workspace.root)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit());
        let variable = linker_variable(target);
        if std::env::var_os(&variable).is_none() && has_linker(workspace) {
            command.env(variable, LINKER);
        }
        let built = command.output().map_err(|error| {
            failed()
                .because(error)
                .next("Install Rust from https://rustup.rs, or set CARGO to where cargo lies.")
        })?;
        if !built.status.success() {
            return Err(failed().because("cargo said why, above"));
        }
        let told = String::from_utf8_lossy(&built.stdout);
        executable(&told).ok_or_else(|| {
            failed()
                .because("cargo named no file that it built")
                .next("Update Rust: rustup update")
        })
    }
}

/// The folder of Rust's library for a target, or for this machine, whether it is there or not.
fn library(workspace: &Workspace, target: Option<&str>) -> Option<PathBuf> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let mut command = Command::new(rustc);
    command
        .args(["--print", "target-libdir"])
        .current_dir(&workspace.root)
        .stdin(Stdio::null());
    if let Some(target) = target {
        command.args(["--target", target]);
    }
    let told = command.output().ok()?;
    let path = String::from_utf8(told.stdout).ok()?;
    Some(PathBuf::from(path.trim())).filter(|path| path.is_absolute())
}

/// Beside the library for this machine, where Rust comes from rustup.
fn has_linker(workspace: &Workspace) -> bool {
    let library = library(workspace, None);
    let folder = library.as_deref().and_then(Path::parent);
    let name = format!("{LINKER}{}", std::env::consts::EXE_SUFFIX);
    folder.is_some_and(|folder| folder.join("bin").join(name).is_file())
}

/// How cargo is told a target's linker.
fn linker_variable(target: &str) -> String {
    let name = target.to_uppercase().replace('-', "_");
    format!("CARGO_TARGET_{name}_LINKER")
}

/// The one executable in what cargo printed in its format for messages.
fn executable(told: &str) -> Option<PathBuf> {
    let messages = told
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    messages
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back()
}

#[cfg(test)]
mod tests {
    use super::{executable, linker_variable};
    use std::path::Path;

    #[test]
    fn cargo_is_told_the_linker_and_tells_the_file() {
        assert_eq!(
            linker_variable("x86_64-unknown-linux-musl"),
            "CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER"
        );
        let told = "{\"reason\":\"compiler-artifact\",\"executable\":null}\nnoise\n{\"executable\":\"/t/leaks\"}\n";
        assert_eq!(executable(told).as_deref(), Some(Path::new("/t/leaks")));
        assert_eq!(executable("{}"), None);
    }
}
