//! dusk-network/piecrust#265, 2023: files that back a memory are mapped by a descriptor which is never closed.
//!
//! `File::into_raw_fd` gives the descriptor away; the kernel's mapping doesn't take it.

use crumbles::{Mmap, PAGE_SIZE};
use std::fs::File;
use std::io::Write;

wild::case!(open_a_memory);

fn open_a_memory() -> impl FnMut() {
    let mut pages = tempfile::NamedTempFile::new().expect("a temporary file");
    pages
        .write_all(&vec![7; PAGE_SIZE])
        .expect("room for a page");
    move || {
        let file = File::open(pages.path()); // <- the line
        let file = file.expect("it is there");
        // SAFETY: nobody changes the file.
        let memory = unsafe { Mmap::with_files([Ok((0, file))]) };
        assert_eq!(memory.expect("the kernel maps it")[42], 7);
    }
}
