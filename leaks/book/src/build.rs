//! From pages to a site.

use crate::evidence::Evidence;
use crate::lint::{self, Fault};
use crate::reading::Reading;
use mdbook_driver::MDBook;
use mdbook_preprocessor::{Preprocessor, PreprocessorContext};
use std::fs;
use std::path::{Path, PathBuf};
use workbook::problem::{Problem, Result};

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
    let mut book = MDBook::load(root).map_err(failed)?;
    let context = PreprocessorContext::new(root.to_owned(), book.config.clone(), "html".to_owned());
    // Before mdBook's own: they put the includes in, by which a page's evidence is found.
    let pages = std::mem::take(&mut book.book);
    book.book = Evidence.run(&context, pages).map_err(failed)?;
    book.with_preprocessor(Reading);
    book.build().map_err(failed)?;
    let site = book.build_dir_for("html");
    remove_crates(&book.source_dir(), &site)?;
    let faults = lint::check(&book.source_dir(), &site)?;
    Ok(Built { site, faults })
}

/// Takes the crates out of the site.
///
/// mdBook copies whatever lies beside a page. Pictures and texts are the pages' own; the rest of a crate is not,
/// and its `solution/` least of all. A crate without a page has nothing there.
fn remove_crates(pages: &Path, site: &Path) -> Result<()> {
    let folders = fs::read_dir(pages).map_err(|error| Problem::file("list", pages, &error))?;
    for crate_folder in folders
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("Cargo.toml").is_file())
    {
        let Some(name) = crate_folder.file_name() else {
            continue; // never: an entry of a folder has a name
        };
        let copied = site.join(name);
        if !crate_folder.join("README.md").is_file() {
            remove(&copied, |folder| fs::remove_dir_all(folder))?;
            continue;
        }
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
