//! Evidence in the place of dumps: what a run says, drawn from the JSON that it left.
//!
//! A page shows a run as a block of terminal text. Built by `leaks book`, the page shows the same run as its verdict, what decided it,
//! the floors of its windows, who holds what, a table and a flame graph, with the text folded below. All of it is read from the
//! JSON beside the text (`report.json`, `check.json`), never from the text. `mdbook build` shows the text.

mod flames;
mod floors;
mod held;
mod html;
mod noise;
mod page;
mod pages;
mod predict;
mod progress;
mod recorded;
mod report;

use mdbook_driver::book::Book;
use mdbook_driver::errors::Result;
use mdbook_preprocessor::{Preprocessor, PreprocessorContext};

/// Draws the runs that pages show. It has to run before includes are put in, since it goes by what a page includes.
#[derive(Debug)]
pub(crate) struct Evidence;

impl Preprocessor for Evidence {
    fn name(&self) -> &'static str {
        "evidence"
    }

    fn run(&self, context: &PreprocessorContext, mut book: Book) -> Result<Book> {
        let source = context.root.join(&context.config.book.src);
        let progress = progress::draw(&book);
        let mut failed = None;
        book.for_each_chapter_mut(|chapter| {
            let Some(path) = chapter.source_path.as_ref() else {
                return;
            };
            let page = source.join(path);
            let Some(folder) = page.parent() else {
                return;
            };
            match page::drawn(&chapter.content, folder) {
                Ok(drawn) => chapter.content = progress::put_in(drawn, &progress),
                Err(error) => failed = failed.take().or(Some(error)),
            }
        });
        match failed {
            Some(error) => Err(error),
            None => Ok(book),
        }
    }
}
