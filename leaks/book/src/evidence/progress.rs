//! What a reader has answered, on the first page: which pages ask how many questions. The answers stay in the browser.

use super::html::Escaped;
use crate::questions;
use mdbook_driver::book::{Book, BookItem};
use std::fmt::Write;

/// Where the first page has it.
const PLACE: &str = "<section class=\"progress\"></section>";

/// The list of pages with questions, which the script fills in.
pub(super) fn draw(book: &Book) -> String {
    let mut rows = String::new();
    for item in book.iter() {
        let BookItem::Chapter(chapter) = item else {
            continue;
        };
        let Some(path) = &chapter.path else {
            continue;
        };
        let count = questions::count(&chapter.content);
        if count > 0 {
            let address = path.with_extension("html").display().to_string();
            let address = address.replace("README.html", "index.html");
            let _ = writeln!(
                rows,
                "<li data-page=\"{0}\" data-count=\"{count}\"><a href=\"{address}#questions\">{0}</a> <span></span></li>",
                Escaped(&chapter.name)
            );
        }
    }
    format!(
        "<section class=\"progress\" aria-labelledby=\"your-answers\" hidden>\n<h2 id=\"your-answers\">Your answers</h2>\n\
         <p>What you answer stays in this browser, and no page needs it.</p>\n<ul>\n{rows}</ul>\n\
         <p class=\"tools\"><button type=\"button\" class=\"export\">Export them</button>\n\
         <button type=\"button\" class=\"forget\">Forget them</button></p>\n</section>"
    )
}

/// A page with the list in its place.
pub(super) fn put_in(page: String, progress: &str) -> String {
    if page.contains(PLACE) {
        page.replace(PLACE, progress)
    } else {
        page
    }
}
