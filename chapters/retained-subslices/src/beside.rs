//! Ways to keep sixteen bytes of a buffer: what each keeps alive is measured in `tests/by_dhat/beside.rs`.

use bytes::{Bytes, BytesMut};
use std::ops::Range;
use std::sync::Arc;

/// The buffer's length: one mebibyte.
pub const BUFFER_BYTES: usize = 1 << 20;

/// What is wanted of it.
pub const WANTED: Range<usize> = 64..80;

// ANCHOR: ways
/// `Bytes::slice`: a view with a reference count.
pub fn slice(buffer: Vec<u8>) -> Bytes {
    Bytes::from(buffer).slice(WANTED)
}

/// `BytesMut::split_to`: looks like cutting a piece off, and shares the block.
pub fn split_to(buffer: &[u8]) -> Bytes {
    let mut rest = BytesMut::from(buffer);
    drop(rest.split_to(WANTED.start));
    rest.split_to(WANTED.len()).freeze()
}

/// `Vec::truncate`: the length shrinks, the capacity doesn't.
pub fn truncate(mut buffer: Vec<u8>) -> Vec<u8> {
    buffer.drain(..WANTED.start);
    buffer.truncate(WANTED.len());
    buffer
}

/// A window into an `Arc<str>`: a hand-made view.
#[derive(Debug)]
pub struct Window {
    text: Arc<str>,
    range: Range<usize>,
}

impl Window {
    /// The wanted part of the text.
    pub fn new(text: String) -> Self {
        Window {
            text: Arc::from(text),
            range: WANTED,
        }
    }

    /// What the window shows.
    pub fn as_str(&self) -> &str {
        &self.text[self.range.clone()]
    }
}

/// A copy.
pub fn copy(buffer: &[u8]) -> Box<[u8]> {
    Box::from(&buffer[WANTED])
}
// ANCHOR_END: ways
