//! anza-xyz/shaq#22, 2025: a queue in shared memory is unmapped from its buffer on, where it was mapped from its header on.
//!
//! The address isn't a page's, so the kernel refuses, and a `Drop` has nobody to tell.

use std::fs::File;

wild::case!(a_queue_for_each_client, mended);

const BYTES: usize = 64 << 10;

fn a_queue_for_each_client() -> impl FnMut() {
    let file = shared_file();
    move || {
        // SAFETY: this is the file's only producer.
        let queue = unsafe { shaq::Producer::<[u64; 8]>::create(&file, BYTES) }; // <- the line
        let mut queue = queue.expect("the kernel maps it");
        // SAFETY: each place is written to before it is committed.
        while let Some(place) = unsafe { queue.reserve() } {
            unsafe { place.write([7; 8]) };
        }
        queue.commit();
    }
}

fn mended() -> impl FnMut() {
    let file = shared_file();
    move || {
        // SAFETY: this is the file's only producer.
        let queue = unsafe { shaq_mended::spsc::Producer::<[u64; 8]>::create(&file, BYTES) };
        let mut queue = queue.expect("the kernel maps it");
        // SAFETY: each place is written to before it is committed.
        while let Some(place) = unsafe { queue.reserve() } {
            unsafe { place.write([7; 8]) };
        }
        queue.commit();
    }
}

fn shared_file() -> File {
    tempfile::tempfile().expect("a temporary file")
}
