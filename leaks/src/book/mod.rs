//! The book: built with mdBook as a library, checked, and served while it is being read or written.

mod build;
mod lint;
mod serve;

use crate::args::BookArgs;
use crate::problem::Result;
use crate::workspace::Workspace;
use crate::{Ending, say};
use std::io::Write;

pub(crate) use build::build;

/// `leaks book`: builds the site; unless `build_only` is asked for, serves it until Ctrl-C.
///
/// Faults in the pages end a `build_only` with status 1. When serving they are told and the pages are served
/// all the same, since whoever writes a page wants to see it.
pub(crate) fn book(
    workspace: &Workspace,
    args: &BookArgs,
    out: &mut dyn Write,
) -> Result<Ending> {
    if !args.build_only {
        return serve::serve(&workspace.root, args, out);
    }
    let built = build(&workspace.root)?;
    for fault in &built.faults {
        say::note(fault);
    }
    if built.faults.is_empty() {
        writeln!(out, "The book is in {}", say::path(&built.site.join("index.html")))?;
        Ok(Ending::AsWanted)
    } else {
        let faults = match built.faults.len() {
            1 => "1 fault".to_owned(),
            n => format!("{n} faults"),
        };
        say::note(format!("{}{faults} in the book's pages{:#}", say::BAD, say::BAD));
        Ok(Ending::NotWanted)
    }
}
