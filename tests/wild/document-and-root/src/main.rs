//! fefit/visdom#3, 2021: a loop that loads a page, searches it and drops it grows by a megabyte or two a second.
//!
//! The parser's root node owned the document that owned the root: fefit/rphtml#1. The page is not searched here: each search
//! loses the text of its selector, in the fixed version too, which is another bug.

use visdom::Vis;

wild::case!(load_a_page);

fn load_a_page() -> impl FnMut() {
    || {
        let page = Vis::load("<html><body><p>Ada</p><p>Grace</p></body></html>"); // <- the line
        let page = page.expect("it is HTML");
        assert!(!page.is_empty());
    }
}
