//! Where memory isn't read: every question ends here.

use std::ops::Range;

/// Where a pointer stands that isn't in a known block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Static,
    Thread,
    Elsewhere,
}

/// One word of memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word {
    pub(super) address: usize,
    pub(super) value: usize,
    pub(super) place: Place,
}

/// The words before and after one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around<'m>(std::marker::PhantomData<&'m ()>);

impl Around<'_> {
    pub(super) fn at(self, _further: isize) -> Option<usize> {
        None
    }
}

/// A range of addresses that is one thread's.
#[derive(Debug)]
pub(super) struct OfThread {
    pub(super) range: Range<usize>,
    pub(super) name: String,
    pub(super) part: Part,
}

/// Which part of a thread's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    OwnStack,
    OwnLocals,
    Stack,
}

pub(super) struct Memory {
    pub(super) threads: Vec<OfThread>,
    pub(super) locals: Vec<Range<usize>>,
    pub(super) copied: Option<()>,
}

impl Memory {
    pub(super) fn of_this_process(_begins: Option<usize>) -> Result<Self, String> {
        Err("who holds a block is read on Linux only".to_owned())
    }

    pub(super) fn is_of_image(&self, _address: usize) -> bool {
        false
    }

    pub(super) fn words<const COUNT: usize>(&self, _address: usize) -> Option<[usize; COUNT]> {
        None
    }

    pub(super) fn not_read(&self) -> Option<String> {
        None
    }

    pub(super) fn each_word(
        &self,
        _without: &[Range<usize>],
        _is_over: &dyn Fn() -> bool,
        _visit: impl FnMut(Word, Around<'_>),
    ) -> Result<(), String> {
        Ok(())
    }
}

pub(super) fn static_at(_address: usize) -> Option<String> {
    None
}
