//! The service's program on jemalloc, which is built the first time that an incident needs it: jemalloc is C, and nobody else
//! should wait for it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use workbook::problem::{Problem, Result};
use workbook::workspace::Workspace;

const PROGRAM: &str = "leaks-on-jemalloc";

/// Where it lies, built if it wasn't.
pub(super) fn built(workspace: &Workspace) -> Result<PathBuf> {
    let failed = || Problem::new(format!("can't build {PROGRAM}, the service on jemalloc"));
    let this = std::env::current_exe().map_err(|error| failed().because(error))?;
    let program = this.with_file_name(format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX));
    let cargo = std::env::var_os("CARGO");
    if cargo.is_none() && program.is_file() {
        return Ok(program);
    }
    let is_first = !program.is_file();
    if is_first {
        workbook::note!(
            "The service on jemalloc isn't built yet. The first time takes two minutes."
        );
    }
    let built = Command::new(cargo.unwrap_or_else(|| OsString::from("cargo")))
        .args(["build", "-p", PROGRAM])
        .args((!is_first).then_some("--quiet"))
        .arg("--manifest-path")
        .arg(workspace.root.join("Cargo.toml"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .map_err(|error| {
            failed()
                .because(error)
                .next("Install Rust from https://rustup.rs, or set CARGO to where cargo lies.")
        })?;
    if !built.success() || !program.is_file() {
        return Err(failed()
            .because("cargo said why, above")
            .next("jemalloc is built from C: see that `cc` and `make` are installed."));
    }
    Ok(program)
}
