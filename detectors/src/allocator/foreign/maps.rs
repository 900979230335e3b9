//! Mappings: noted by their start, cut at either end or in the middle as `munmap` may.

use super::{By, NOTED_BYTES, record, signed};
use crate::allocator::scope::{self, NotedBefore};
use std::sync::atomic::Ordering::Relaxed;

/// How far back a mapping is looked for that begins before the part of it that goes. Larger ones are cut at their start alone.
const LOOKED_BACK_BYTES: usize = 1 << 30;

/// What a caller asked of the kernel for a mapping.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    pub(super) rights: libc::c_int,
    pub(super) flags: libc::c_int,
}

impl Asked {
    /// Whether it is for addresses, of which memory is taken later, or never: 4 GiB of them are no memory yet.
    fn is_reservation(self) -> bool {
        self.rights == libc::PROT_NONE || self.flags & libc::MAP_NORESERVE != 0
    }
}

/// A mapping came. One at a fixed place takes the place of what was there.
#[inline(never)]
pub(super) fn mapped(address: usize, length: usize, asked: Asked, entry: usize) {
    if asked.flags & libc::MAP_FIXED != 0 {
        unmapped(lift(address, length), true);
    }
    if !asked.is_reservation() {
        record(address, whole_pages(length), By::Mmap, entry);
    }
}

/// What is noted of a range that may go: the mappings that begin in it, and the one that begins before and reaches into it.
#[derive(Clone, Copy)]
pub(super) struct Lifted {
    start: usize,
    end: usize,
    before: Option<(usize, NotedBefore)>,
    /// Those that begin within are taken one by one when it has gone.
    first: Option<NotedBefore>,
}

#[inline(never)]
pub(super) fn lift(start: usize, length: usize) -> Lifted {
    let end = start.saturating_add(whole_pages(length));
    let first = scope::lift_noted(start);
    let before = if first.is_some() {
        None
    } else {
        reaching_into(start)
    };
    Lifted {
        start,
        end,
        before,
        first,
    }
}

/// The mapping that begins before an address and reaches beyond it, lifted.
fn reaching_into(address: usize) -> Option<(usize, NotedBefore)> {
    let page = rustix::param::page_size();
    let lowest = address.saturating_sub(LOOKED_BACK_BYTES);
    let start = scope::noted_before(address, lowest, page)?;
    let before = scope::lift_noted(start)?;
    if start + before.size > address {
        Some((start, before))
    } else {
        before.put_back(start);
        None
    }
}

/// It has gone, or the kernel refused.
#[inline(never)]
pub(super) fn unmapped(lifted: Lifted, is_gone: bool) {
    let Lifted {
        start,
        end,
        before,
        first,
    } = lifted;
    if !is_gone {
        for (at, noted) in before.into_iter().chain(first.map(|noted| (start, noted))) {
            noted.put_back(at);
        }
        return;
    }
    if let Some((at, noted)) = before {
        let ends = at + noted.size;
        noted.put_down(at, start - at);
        count(noted.size, start - at);
        if ends > end {
            noted.split_off(end, ends - end);
            count(0, ends - end);
        }
    }
    let mut next = first.map_or_else(|| lift_first(start, end), |noted| Some((start, noted)));
    while let Some((at, noted)) = next {
        let ends = at + noted.size;
        if ends > end {
            noted.put_down(end, ends - end);
            count(noted.size, ends - end);
        } else {
            noted.forget();
            count(noted.size, 0);
        }
        next = lift_first(at + rustix::param::page_size(), end);
    }
}

/// The first mapping that begins in a range, lifted. What has no notes is passed over as a whole: 4 GiB are a million pages.
fn lift_first(from: usize, end: usize) -> Option<(usize, NotedBefore)> {
    let at = scope::noted_from(from, end, rustix::param::page_size())?;
    Some((at, scope::lift_noted(at)?))
}

fn count(before: usize, now: usize) {
    NOTED_BYTES.fetch_add(signed(now) - signed(before), Relaxed);
}

pub(super) fn whole_pages(length: usize) -> usize {
    let page = rustix::param::page_size();
    length.checked_next_multiple_of(page).unwrap_or(length)
}
