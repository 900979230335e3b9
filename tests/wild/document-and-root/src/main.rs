//! fefit/visdom#3, 2021: a loop that loads a page, searches it and drops it grows by a megabyte or two a second.
//!
//! The parser's root node owned the document that owned the root: fefit/rphtml#1.

use visdom::Vis;

wild::case!(search_a_page);

fn search_a_page() -> impl FnMut() {
    || {
        let page = Vis::load("<html><body><p class=name>Ada</p><p>Grace</p></body></html>"); // <- the line
        let page = page.expect("it is HTML");
        let names = page.find(".name");
        assert_eq!(names.length(), 1);
    }
}
