//! The book: built with mdBook as a library, checked, and served while it is being read or written.

mod build;
mod evidence;
mod lint;
mod pdf;
mod questions;
mod reading;
mod serve;

use build::build;
use clap::Parser;
use std::io::Write;
use std::process::ExitCode;
use workbook::BookArgs;
use workbook::problem::Result;
use workbook::workspace::Workspace;
use workbook::{Ending, say};

/// Build the book and serve it on this machine: what `leaks book` starts
#[derive(Debug, Parser)]
#[command(name = "leaks-book", version)]
struct Cli {
    #[command(flatten)]
    args: BookArgs,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    workbook::with_output(|out| book(&Workspace::find()?, &cli.args, out))
}

/// Builds the site, and prints it where `pdf` is asked for; unless either is or `build_only`, serves it until Ctrl-C.
///
/// Faults in the pages end a `build_only` with status 1. When serving they are told and the pages are served
/// all the same, since whoever writes a page wants to see it.
fn book(workspace: &Workspace, args: &BookArgs, out: &mut dyn Write) -> Result<Ending> {
    if !args.build_only && args.pdf.is_none() {
        return serve::serve(&workspace.root, args, out);
    }
    let built = build(&workspace.root)?;
    for fault in &built.faults {
        workbook::note!(fault);
    }
    if let (true, Some(file)) = (built.faults.is_empty(), &args.pdf) {
        pdf::print(&built.site, file)?;
        writeln!(out, "The book is in {}", say::path(file))?;
        return Ok(Ending::AsWanted);
    }
    if built.faults.is_empty() {
        writeln!(
            out,
            "The book is in {}",
            say::path(&built.site.join("index.html"))
        )?;
        Ok(Ending::AsWanted)
    } else {
        let faults = match built.faults.len() {
            1 => "1 fault".to_owned(),
            n => format!("{n} faults"),
        };
        workbook::note!(format!(
            "{}{faults} in the book's pages{:#}",
            say::BAD,
            say::BAD
        ));
        Ok(Ending::NotWanted)
    }
}
