//! From pages to a site.

use crate::lint::{self, Fault};
use mdbook_driver::MDBook;
use std::fs;
use std::path::{Path, PathBuf};
use workbook::problem::{Problem, Result};
use workbook::workspace::Workspace;

/// A built site, and what is wrong with its pages.
#[derive(Debug)]
pub(crate) struct Built {
    /// The site's folder.
    pub(crate) site: PathBuf,
    /// What a reader would stumble over: empty blocks and dead links.
    pub(crate) faults: Vec<Fault>,
}

/// Builds the book of the workbook at `root` and checks its pages.
pub(crate) fn build(root: &Path) -> Result<Built> {
    let failed = |error: mdbook_driver::errors::Error| {
        let problem = Problem::new(format!(
            "can't build the book from {}",
            root.join("book.toml").display()
        ))
        .because(format!("{error:#}"));
        match error.root_cause().downcast_ref::<std::io::Error>() {
            Some(cause) => problem.step_for(cause.kind()),
            None => problem,
        }
    };
    let book = MDBook::load(root).map_err(failed)?;
    book.build().map_err(failed)?;
    let site = book.build_dir_for("html");
    remove_crates(&Workspace::at(root)?, &site)?;
    let faults = lint::check(&book.source_dir(), &site)?;
    Ok(Built { site, faults })
}

/// Takes the chapters' crates out of the site.
///
/// mdBook copies whatever lies beside a page. Pictures and texts are the pages' own; the rest of a crate is not,
/// and its `solution/` least of all.
fn remove_crates(workspace: &Workspace, site: &Path) -> Result<()> {
    for chapter in &workspace.chapters {
        let copied = site.join(&chapter.name);
        for inner in ["solution", "src", "tests", "benches", "target"] {
            remove(&copied.join(inner), |folder| fs::remove_dir_all(folder))?;
        }
        remove_sources(&copied)?;
    }
    // What the crates share.
    remove_sources(site)
}

fn remove_sources(folder: &Path) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("rs" | "toml" | "lock")) {
            remove(&path, |file| fs::remove_file(file))?;
        }
    }
    Ok(())
}

fn remove(path: &Path, how: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<()> {
    match how(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Problem::file("remove", path, &error))
        }
        _ => Ok(()),
    }
}
