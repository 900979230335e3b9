//! Which scope a thread is in, and which one each block belongs to.

use super::ScopeHandle;
use super::counters::{CORES, Core};
use crate::allocator::sampling::SAMPLES;
use crate::allocator::stacks::Stack;
use crate::allocator::stacks::sites::{self, SITES};
use crate::allocator::{owners, slot};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

/// A scope and which of its lives: cores are used again, and what belonged to an earlier life must not count in a later one.
///
/// ```text
/// bit  63      62         61..56  55..40       39..24   23..0
///      set: a  lasts (in  0       generation   core     site (in an owner's word; 0 in a thread's tag)
///      scope   an owner's
///              word)
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag(u64);

const SITE_BITS: u32 = 24;
const VALID: u64 = 1 << 63;
/// The block was there when somebody asked to remember those that are.
const LASTS: u64 = 1 << 62;
const OF_BLOCK: u64 = LASTS | ((1 << SITE_BITS) - 1);

impl Tag {
    pub(super) fn new(core: usize, generation: u16) -> Self {
        Tag(VALID | u64::from(generation) << 40 | (core as u64) << SITE_BITS)
    }

    /// As it lies in a thread's slot, and with a site as a block's owner.
    pub(super) fn word(self) -> u64 {
        self.0
    }

    pub(super) fn unpacked(word: u64) -> Option<Self> {
        (word & VALID != 0).then_some(Tag(word & !OF_BLOCK))
    }

    pub(super) fn generation(self) -> u16 {
        u16::try_from(self.0 >> 40 & 0xffff).unwrap_or(0)
    }

    pub(super) fn core(self) -> &'static Core {
        let core = u16::try_from(self.0 >> SITE_BITS & 0xffff).unwrap_or(0);
        // SAFETY: a tag is made from a core that is in the table, and no core is ever freed.
        unsafe { &*CORES[usize::from(core)].load(Acquire) }
    }

    fn is_open(self) -> bool {
        self.core().generation.load(Acquire) == self.generation()
    }

    /// The scope around this one, ended or not.
    fn parent(self) -> Option<Tag> {
        // SAFETY: what is in the table is never freed.
        let parents = unsafe { self.core().parents.load(Acquire).as_ref() }?;
        Tag::unpacked(parents[usize::from(self.generation())].load(Relaxed))
    }

    /// This scope, or the nearest around it that hasn't ended.
    fn nearest_open(self) -> Option<Tag> {
        let mut tag = self;
        while !tag.is_open() {
            tag = tag.parent()?;
        }
        Some(tag)
    }

    /// This scope and those around it. A scope that has ended may lie within one that hasn't, and its counters may be another
    /// scope's by now. Each change comes with its scope's generation, and a cell of another generation drops the change.
    fn each(self, mut change: impl FnMut(&Core, u16)) {
        let mut around = Some(self);
        while let Some(tag) = around {
            change(tag.core(), tag.generation());
            around = tag.parent();
        }
    }

    fn wants_stacks(self) -> bool {
        let mut tag = Some(self);
        while let Some(this) = tag {
            if this.is_open() && this.core().stacks.load(Relaxed) {
                return true;
            }
            tag = this.parent();
        }
        false
    }
}

/// The scope of the process, as a tag's word; 0 for none.
pub(super) static OF_PROCESS: AtomicU64 = AtomicU64::new(0);

/// The scope that this thread's allocations belong to.
pub(super) fn current() -> Option<Tag> {
    let of_thread = Tag::unpacked(slot::scope()).and_then(Tag::nearest_open);
    of_thread.or_else(|| Tag::unpacked(OF_PROCESS.load(Acquire)).filter(|tag| tag.is_open()))
}

/// The scope, as a word for a slot, that a new thread inherits from whoever allocated the block that it frees first.
pub(in crate::allocator) fn of_spawner(freed: usize) -> u64 {
    let owner = Tag::unpacked(owners::get(freed)).and_then(Tag::nearest_open);
    owner
        .filter(|tag| tag.0 != OF_PROCESS.load(Relaxed))
        .map_or(0, |tag| tag.0)
}

/// Notes a fresh block, in the scope that the thread is in.
#[inline(always)]
pub(in crate::allocator) fn record(address: usize, size: usize) {
    let Some(tag) = current() else { return };
    let site = if tag.wants_stacks() {
        SITES.number(Stack::here().frames())
    } else {
        sites::NONE
    };
    if owners::note(address, size, tag.0 | site as u64) {
        tag.each(|core, generation| core.add_alloc(generation, site, size));
    }
}

/// Notes a fresh block that isn't Rust's, in the scope that the thread is in; `site` tells its number where that is wanted.
#[cfg(sees_foreign)]
pub(in crate::allocator) fn record_at(
    address: usize,
    size: usize,
    site: impl FnOnce() -> usize,
) -> bool {
    let Some(tag) = current() else { return false };
    let site = if tag.wants_stacks() {
        site()
    } else {
        sites::NONE
    };
    let is_noted = owners::note(address, size, tag.0 | site as u64);
    if is_noted {
        tag.each(|core, generation| core.add_alloc(generation, site, size));
    }
    is_noted
}

/// What was noted of a block that isn't Rust's, and isn't any more.
#[cfg(sees_foreign)]
#[derive(Debug, Clone, Copy)]
pub(in crate::allocator) struct NotedBefore {
    owner: u64,
    pub(in crate::allocator) size: usize,
}

/// Takes what is noted of the block at an address: nothing where it isn't noted.
#[cfg(sees_foreign)]
pub(in crate::allocator) fn lift_noted(address: usize) -> Option<NotedBefore> {
    let (owner, size) = owners::take_whole(address);
    Tag::unpacked(owner).map(|_| NotedBefore { owner, size })
}

/// The nearest address below `address` and not below `lowest`, in steps of `step`, at which a block is noted.
#[cfg(sees_foreign)]
pub(in crate::allocator) fn noted_before(
    address: usize,
    lowest: usize,
    step: usize,
) -> Option<usize> {
    owners::nearest_below(address, lowest, step)
}

/// The nearest address from `address` on and below `end`, in steps of `step`, at which a block is noted.
#[cfg(sees_foreign)]
pub(in crate::allocator) fn noted_from(address: usize, end: usize, step: usize) -> Option<usize> {
    owners::nearest_from(address, end, step)
}

#[cfg(sees_foreign)]
impl NotedBefore {
    /// The block stays where it was.
    pub(in crate::allocator) fn put_back(self, address: usize) {
        put_back(address, self.size, self.owner);
    }

    /// The block is there now, and so large.
    pub(in crate::allocator) fn put_down(self, address: usize, size: usize) {
        put_down(address, self.owner, self.size, size);
    }

    /// The block has gone.
    pub(in crate::allocator) fn forget(self) {
        if let Some(tag) = Tag::unpacked(self.owner) {
            let site = site_of(self.owner);
            tag.each(|core, generation| core.add_free(generation, site, self.size));
        }
    }

    /// A part of it is a block of its own.
    pub(in crate::allocator) fn split_off(self, address: usize, size: usize) {
        if let Some(tag) = Tag::unpacked(self.owner)
            && owners::note(address, size, self.owner)
        {
            let site = site_of(self.owner);
            tag.each(|core, generation| core.add_alloc(generation, site, size));
        }
    }
}

/// Forgets a block that is about to go.
pub(in crate::allocator) fn forget(address: usize, size: usize) {
    let owner = owners::take(address);
    if let Some(tag) = Tag::unpacked(owner) {
        let site = site_of(owner);
        tag.each(|core, generation| core.add_free(generation, site, size));
    }
}

/// A block on its way to another address: whose it is.
pub(in crate::allocator) fn lift(address: usize) -> u64 {
    owners::take(address)
}

/// The block stays where it was.
pub(in crate::allocator) fn put_back(address: usize, size: usize, owner: u64) {
    if owner != 0 {
        owners::note(address, size, owner);
    }
}

/// The block has another address and size now. It keeps its site. `false` when it belonged to no scope, or to one that has ended with
/// all around it: then it is a fresh one, as whatever else grows in a later scope.
pub(in crate::allocator) fn put_down(
    address: usize,
    owner: u64,
    old_size: usize,
    new_size: usize,
) -> bool {
    let Some(tag) = Tag::unpacked(owner).filter(|tag| tag.nearest_open().is_some()) else {
        return false;
    };
    let site = site_of(owner);
    if owners::note(address, new_size, owner) {
        tag.each(|core, generation| core.add_realloc(generation, site, old_size, new_size));
    } else {
        tag.each(|core, generation| core.add_free(generation, site, old_size));
    }
    true
}

/// A block that is noted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NotedBlock {
    pub(crate) start: usize,
    pub(crate) size: usize,
    /// Its site's number.
    pub(crate) site: usize,
    /// Whether it belongs to the scope that was asked for.
    pub(crate) is_of_scope: bool,
    /// Whether it was there at the last [`remember_those_that_are`].
    pub(crate) lasts: bool,
}

/// Tells each noted block.
pub(crate) fn each_block(of: ScopeHandle, mut visit: impl FnMut(NotedBlock)) {
    owners::each(|start, size, owner| {
        visit(NotedBlock {
            start,
            size,
            site: site_of(owner),
            is_of_scope: Tag::unpacked(owner) == Some(of.0),
            lasts: owner & LASTS != 0,
        });
    });
}

/// Marks each block that is noted now: those of them that are there later have lasted.
pub(crate) fn remember_those_that_are() {
    owners::mark_each(LASTS);
}

/// Tells each noted block, whichever scope it belongs to: its address, its size and its site's number.
#[cfg(finds_stuck_tasks)]
pub(crate) fn each_noted_block(mut visit: impl FnMut(usize, usize, usize)) {
    owners::each(|address, size, owner| visit(address, size, site_of(owner)));
}

/// Whether every block that is asked for is noted: the process has a scope.
#[cfg(finds_stuck_tasks)]
pub(crate) fn notes_every_block() -> bool {
    Tag::unpacked(OF_PROCESS.load(Acquire)).is_some_and(Tag::is_open)
}

/// Where this instrument keeps addresses of blocks, or what is as large as they are: nothing of it holds a block.
pub(crate) fn own_tables() -> impl Iterator<Item = std::ops::Range<usize>> {
    let samples = &raw const SAMPLES;
    let samples = samples.addr()..samples.addr() + size_of_val(&SAMPLES);
    owners::tables().chain([samples])
}

fn site_of(owner: u64) -> usize {
    (owner & ((1 << SITE_BITS) - 1)) as usize
}
