//! What each of these programs on jemalloc does.

#![allow(dead_code, reason = "each test target uses its part")]

use std::ffi::{CStr, c_char};
use std::hint::black_box;

pub(crate) const MIB: u64 = 1 << 20;

/// What jemalloc reads before `main`, where the program exports it as `_rjem_malloc_conf`: a pointer to text.
#[repr(transparent)]
pub(crate) struct Configuration(*const c_char);

// SAFETY: the text is constant.
unsafe impl Sync for Configuration {}

impl Configuration {
    pub(crate) const fn new(text: &'static CStr) -> Self {
        Configuration(text.as_ptr())
    }
}

/// 128 MiB in small blocks, of which one stays.
pub(crate) fn burst() -> Box<[u8]> {
    let mut blocks: Vec<Box<[u8]>> = (0..131_072)
        .map(|_| black_box(vec![1; 1 << 10].into()))
        .collect();
    blocks.pop().expect("a burst has blocks")
}
