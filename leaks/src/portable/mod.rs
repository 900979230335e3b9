//! `leaks portable`: the operator's part as one file, for machines and containers that have neither Rust nor this workbook.

mod build;

use crate::show::scale;
use build::Target;
use clap::{Args, ValueEnum};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use workbook::problem::{Problem, Result};
use workbook::say::{self, BOLD, DIM};
use workbook::workspace::Workspace;
use workbook::{Ending, files};

/// What `leaks portable` takes.
#[derive(Debug, Args)]
pub(crate) struct PortableArgs {
    /// Where the file is to lie [default: target/portable/leaks-ARCH]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// The processor of the machine that it is for [default: this machine's]
    #[arg(long, value_enum)]
    pub(crate) arch: Option<Arch>,
}

/// A processor that Rust has a library for musl for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Arch {
    /// Intel's and AMD's
    #[value(name = "x86_64")]
    X86_64,
    /// ARM's with 64 bits
    #[value(name = "aarch64")]
    Aarch64,
}

impl Arch {
    fn name(self) -> &'static str {
        match self {
            Arch::X86_64 => "x86_64",
            Arch::Aarch64 => "aarch64",
        }
    }

    fn of_this_machine() -> Result<Self> {
        let known = [Arch::X86_64, Arch::Aarch64];
        let found = known
            .into_iter()
            .find(|arch| arch.name() == std::env::consts::ARCH);
        found.ok_or_else(|| {
            let text = format!("can't build for {}, this machine's", std::env::consts::ARCH);
            Problem::new(text).next("Say which machine it is for: --arch x86_64 or --arch aarch64.")
        })
    }
}

/// Builds it, and says how to bring it to where it is needed.
pub(crate) fn portable(
    workspace: &Workspace,
    args: &PortableArgs,
    out: &mut dyn Write,
) -> Result<Ending> {
    let arch = args.arch.map_or_else(Arch::of_this_machine, Ok)?;
    let file = match &args.out {
        Some(file) => file.clone(),
        None => default_file(workspace, arch)?,
    };
    // Before minutes of work.
    if file.is_dir() {
        let text = format!("can't write {}: it is a folder", say::path(&file));
        return Err(Problem::new(text).next(format!(
            "Name a file in it: --out {}",
            say::path(&file.join("leaks"))
        )));
    }
    let built = Target::found_or_installed(workspace, arch.name())?.build(workspace)?;
    let content = fs::read(&built).map_err(|error| Problem::file("read", &built, &error))?;
    files::write_program(&file, &content)?;
    print(&file, arch, content.len(), out)?;
    Ok(Ending::AsWanted)
}

fn default_file(workspace: &Workspace, arch: Arch) -> Result<PathBuf> {
    let folder = workspace.root.join("target/portable");
    files::make_folder(&folder)?;
    Ok(folder.join(format!("leaks-{}", arch.name())))
}

fn print(file: &Path, arch: Arch, size: usize, out: &mut dyn Write) -> Result<()> {
    let (file, size) = (say::path(file), scale::bytes(size as f64));
    let what = format!(
        "It is static and needs no other file: any Linux on {} runs it. It has triage, load, autopsy and all that reads profiles.",
        arch.name()
    );
    writeln!(out, "{BOLD}{file}{BOLD:#}, {size}")?;
    write!(out, "{}", say::wrapped(&what, "", say::width()))?;
    write!(
        out,
        "
{DIM}Into a container, to look at its first process:{DIM:#}
  docker cp {file} CONTAINER:/leaks
  docker exec CONTAINER /leaks triage --pid 1

{DIM}Into a pod, where the image has tar:{DIM:#}
  kubectl cp {file} POD:/tmp/leaks
  kubectl exec POD -- /tmp/leaks triage --pid 1

{DIM}Where it has none, into a container beside it that sees its processes:{DIM:#}
  kubectl debug POD --image busybox --target CONTAINER --container beside -- sleep 1d
  kubectl cp {file} POD:/tmp/leaks --container beside
  kubectl exec POD --container beside -- /tmp/leaks triage --pid 1

{DIM}What a killed service kept, where it lies:{DIM:#}
  docker exec CONTAINER /leaks autopsy /DIR

"
    )?;
    let caveat = "Another user's process is read by root alone. A profile's source lines are listed where the sources lie: bring the profile to \
        them.";
    write!(
        out,
        "{DIM}{}{DIM:#}",
        say::wrapped(caveat, "", say::width())
    )?;
    Ok(())
}
