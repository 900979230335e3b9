//! Profiles in the forms that came before pprof's: what Go writes with `?debug=1`, gperftools, jemalloc, and old Java agents.
//!
//! Each becomes the same message that pprof's own form does, with the sample types, the scaling and the frames to drop that Go's
//! tool gives it. Addresses stay without names here, except where the text tells them, as Go's and Java's do.

mod contention;
mod count;
mod cpu;
mod heap;
mod java;
mod jemalloc;
mod maps;
mod names;
mod stacks;
mod text;
mod threads;

use super::ProfileError;
use super::protos;
use text::{Lines, is_blank_or_comment};

/// The message of a profile in an older form; `None` where the bytes are something else.
pub(super) fn read(name: &str, plain: &[u8]) -> Result<Option<protos::Profile>, ProfileError> {
    if let Some(header) = cpu::Header::of(plain) {
        return cpu::read(name, plain, header).map(Some);
    }
    let Some(form) = form(plain) else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(plain);
    let mut lines = Lines::new(&text);
    let message = match form {
        Form::Heap => heap::read(name, &mut lines),
        Form::Jemalloc => jemalloc::read(name, &mut lines),
        Form::Count => count::read(name, &mut lines),
        Form::Contention => contention::read(name, &mut lines),
        Form::Threads => threads::read(name, &mut lines),
        Form::Java => java::read(name, &text),
    };
    message.map(Some)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Heap,
    Jemalloc,
    Count,
    Contention,
    Threads,
    Java,
}

/// Of which form a text is, by its first line.
fn form(plain: &[u8]) -> Option<Form> {
    /// No header is longer, nor stands below more lines of comment.
    const START_BYTES: usize = 4096;
    let start = String::from_utf8_lossy(&plain[..plain.len().min(START_BYTES)]);
    let mut lines = start.lines();
    let first = lines.next()?;
    let begins = |starts: &[&str]| starts.iter().any(|start| first.starts_with(start));
    if begins(&["heap profile:"]) {
        return Some(Form::Heap);
    }
    if begins(&["heap_v2/"]) {
        return Some(Form::Jemalloc);
    }
    if java::is_one(&start) {
        return Some(Form::Java);
    }
    if begins(&["--- contentionz ", "--- mutex:", "--- contention:"]) {
        return Some(Form::Contention);
    }
    let header = std::iter::once(first)
        .chain(lines)
        .find(|line| !is_blank_or_comment(line))?;
    if threads::is_header(header) {
        return Some(Form::Threads);
    }
    count::kind(header).map(|_| Form::Count)
}
