//! Mappings: noted by their start, cut at either end or in the middle as `munmap` may.

use super::{By, NOTED_BYTES, record, signed};
use crate::allocator::scope::{self, NotedBefore};
use std::sync::atomic::Ordering::Relaxed;

/// How far back a mapping is looked for that begins before the part of it that goes. Larger ones are cut at their start alone.
const LOOKED_BACK_BYTES: usize = 1 << 30;

/// A mapping came. One at a fixed place takes the place of what was there.
#[inline(never)]
pub(super) fn mapped(address: usize, length: usize, flags: libc::c_int, entry: usize) {
    if flags & libc::MAP_FIXED != 0 {
        unmapped(lift(address, length), true);
    }
    record(address, whole_pages(length), By::Mmap, entry);
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
    let mut at = start;
    let mut next = first;
    while at < end {
        if let Some(noted) = next.take() {
            let ends = at + noted.size;
            if ends > end {
                noted.put_down(end, ends - end);
                count(noted.size, ends - end);
            } else {
                noted.forget();
                count(noted.size, 0);
            }
        }
        at += rustix::param::page_size();
        next = if at < end {
            scope::lift_noted(at)
        } else {
            None
        };
    }
}

fn count(before: usize, now: usize) {
    NOTED_BYTES.fetch_add(signed(now) - signed(before), Relaxed);
}

pub(super) fn whole_pages(length: usize) -> usize {
    let page = rustix::param::page_size();
    length.checked_next_multiple_of(page).unwrap_or(length)
}
