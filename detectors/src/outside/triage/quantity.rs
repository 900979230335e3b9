//! What is judged of a look: each quantity with what it did.

use super::collector::{Collector, LETS_COME};
use super::evidence::Moment;
use super::rule::{self, Judged, Series};
use super::sampling::Look;
use crate::model::judge::Motion;
use crate::model::kind::{Counts, Kind};
use crate::model::words;
use crate::model::words::{bytes, figure, one_of};
use std::time::Duration;

/// Memory moves by this much without a reason worth a word: an allocator takes pages from the system some at a time.
const MEMORY_GRAIN: i64 = 64 << 10;

/// What a service counts itself it counts to the byte: less moves without a reason.
const COUNTED_GRAIN: i64 = 16 << 10;

/// Blocks come and go with whatever a service does in passing.
const BLOCK_GRAIN: i64 = 64;

/// Entries are counted one by one.
const TABLE_GRAIN: i64 = 2 << 10;

/// What C code seems to have moves by this much as threads come.
const A_LITTLE: u64 = 1 << 20;

/// So much of what a thread has freed may count as in use: glibc keeps seven blocks of each of 64 sizes for it, which are 236 KB
/// (`tcache` in its `malloc/malloc.c`).
const KEPT_FOR_A_THREAD: u64 = 256 << 10;

/// One descriptor comes and goes with whatever a process does in passing.
const COUNT_GRAIN: i64 = 1;

/// Page cache is at least so many times what the kernel keeps for its pages: for each page of 4,096 bytes a buffer head of 104 bytes, and a
/// 64th of a node of 576 bytes. The rest is room.
const PAGES_OVERHEAD: f64 = 24.0;

pub(super) const ANONYMOUS: &str = "anonymous memory";
pub(super) const LIVE: &str = "live memory";
/// What is in no process' resident memory, and is charged to a control group.
pub(super) const TMPFS: &str = "tmpfs and shared memory";
/// What the kernel has for a control group.
pub(super) const KERNEL: &str = "the kernel's memory for this group";
/// What a buffer that comes or goes doesn't hide: it is one block, however large.
pub(super) const LIVE_BLOCKS: &str = "live blocks";
/// What goes into room that is there already.
pub(super) const IN_TABLES: &str = "what hash tables hold";
/// What C code has of the allocator.
pub(super) const FOREIGN: &str = "foreign memory on the heap";
/// What nobody has of the allocator.
pub(super) const BESIDE: &str = "memory mapped beside the heap";

/// One quantity over a look.
#[derive(Debug)]
pub(super) struct Quantity {
    pub(super) kind: Kind,
    /// Its name in a sentence: `anonymous memory`.
    pub(super) name: &'static str,
    /// Whether its growth is a leak. What may as well be the allocator's keeps a verdict from being calm, and accuses nobody.
    pub(super) accuses: bool,
    /// A difference of an allocator's figures that is no larger is nobody's.
    little: u64,
    /// Whether what rose of it has no block in it: the allocator's free memory rose as much.
    is_kept_free: bool,
    /// Who may let so much come before it is collected.
    collector: Option<Collector>,
    pub(super) series: Series,
    pub(super) judged: Judged,
}

impl Quantity {
    /// `None` when it was never read.
    pub(super) fn of(
        look: &Look,
        kind: Kind,
        name: &'static str,
        value: impl Fn(&Moment) -> Option<i64>,
    ) -> Option<Self> {
        let read = |moment: &Moment| {
            let at = Duration::from_secs_f64(moment.seconds);
            value(moment).map(|value| (at, value))
        };
        let series: Series = look.moments.iter().filter_map(read).collect();
        if series.is_empty() {
            return None;
        }
        let grain = match kind {
            Kind::Bytes if name == IN_TABLES => TABLE_GRAIN,
            Kind::Bytes => COUNTED_GRAIN,
            Kind::Blocks => BLOCK_GRAIN,
            kind if is_memory(kind) => MEMORY_GRAIN,
            _ => COUNT_GRAIN,
        };
        let judged = rule::judge(&series, look.time, grain);
        let threads = look.moments.iter().filter_map(|now| now.counts.threads);
        let threads = threads.max().unwrap_or(0).unsigned_abs();
        Some(Quantity {
            kind,
            name,
            accuses: true,
            little: A_LITTLE.max(KEPT_FOR_A_THREAD * threads),
            is_kept_free: false,
            collector: look.collector.filter(|_| name == ANONYMOUS),
            series,
            judged,
        })
    }

    /// Tasks, sockets, descriptors and threads, as far as they were read.
    pub(super) fn counts(look: &Look) -> Vec<Self> {
        let name = |kind| match kind {
            Kind::Tasks => "tasks",
            Kind::Sockets => "sockets",
            Kind::Descriptors => "descriptors",
            _ => "threads",
        };
        let kinds = Counts::KINDS.into_iter();
        kinds
            .filter_map(|kind| Quantity::of(look, kind, name(kind), |now| now.counts.get(kind)))
            .collect()
    }

    /// What tells of live memory: itself where the service counts it, with what it doesn't count; else what is nearest to it from
    /// outside.
    pub(super) fn memory(look: &Look) -> Vec<Self> {
        let of = |kind, name, value: fn(&Moment) -> Option<u64>| {
            Quantity::of(look, kind, name, |now| value(now).map(u64::cast_signed))
        };
        let anonymous = of(Kind::Resident, ANONYMOUS, |now| now.anonymous);
        let shared = of(Kind::Resident, "shared memory", |now| now.shared);
        let resident = || {
            of(Kind::Resident, "resident memory", |now| {
                Some(now.resident?.saturating_sub(now.lazily_freed.unwrap_or(0)))
            })
        };
        let Some(live) = of(Kind::Bytes, LIVE, |now| now.live) else {
            return match anonymous {
                Some(anonymous) => {
                    let tmpfs = of(Kind::Resident, TMPFS, |now| now.tmpfs);
                    let kernel = of(Kind::Resident, KERNEL, |now| now.kernel)
                        .filter(|kernel| !is_for_page_cache(kernel, look));
                    let all = [Some(anonymous), shared, tmpfs, kernel];
                    all.into_iter().flatten().collect()
                }
                None => resident().into_iter().collect(),
            };
        };
        let mut all = Vec::new();
        // What a block costs beside its bytes grows with live memory, and so does whatever the allocator takes for it.
        if !live.grows() {
            all.push(of(Kind::Bytes, IN_TABLES, |now| now.in_tables));
            all.push(of(Kind::Blocks, LIVE_BLOCKS, |now| now.live_blocks));
            all.extend([
                Quantity::of(look, Kind::Resident, FOREIGN, Moment::surely_in_c),
                Quantity::of(look, Kind::Resident, BESIDE, Moment::beside_the_allocator),
            ]);
            let in_use = Quantity::of(look, Kind::Resident, ANONYMOUS, |now| {
                Some(now.anonymous?.cast_signed() - now.allocator_free?.cast_signed())
            });
            all.push(anonymous.or_else(resident).map(|whole| Quantity {
                accuses: false,
                is_kept_free: in_use.is_some_and(|in_use| !in_use.climbs()),
                ..whole
            }));
        }
        let live_first = std::iter::once(live);
        live_first
            .chain(shared)
            .chain(all.into_iter().flatten())
            .collect()
    }

    /// What is no growth of a program's, and is told beside.
    pub(super) fn page_cache(look: &Look) -> Option<Self> {
        Quantity::of(look, Kind::Resident, "page cache", |now| {
            now.page_cache.map(u64::cast_signed)
        })
    }

    /// Whether each floor is higher than the one before, and the last by more than what moves by itself. That is never called calm.
    pub(super) fn climbs(&self) -> bool {
        self.grows() || self.judged.climbs
    }

    pub(super) fn grows(&self) -> bool {
        self.judged.motion == Motion::Growing
    }

    /// Whether it is a difference of an allocator's figures, or may be the allocator's own, and moved by no more than a service's threads
    /// move it: each that comes has an arena, with what blocks cost in it. Where the allocator has all that came without a block in it,
    /// that settles while threads come, and the last half counts.
    pub(super) fn moved_a_little(&self) -> bool {
        if self.is_kept_free {
            return self.rose_in_the_last_half() < self.little;
        }
        let is_difference = [FOREIGN, BESIDE].contains(&self.name) || !self.accuses;
        is_difference && self.last().abs_diff(self.first()) < self.little
    }

    /// From the floor of the window that ends by half of the look to the floor of the last.
    fn rose_in_the_last_half(&self) -> u64 {
        match &self.judged.floors[..] {
            [.., half, last] => u64::try_from(last.floor - half.floor).unwrap_or(0),
            _ => self.last().abs_diff(self.first()),
        }
    }

    pub(super) fn is_leak(&self) -> bool {
        self.accuses && self.grows() && !self.moved_a_little() && self.may_be_collected().is_none()
    }

    /// The garbage collector that may yet take all that rose.
    pub(super) fn may_be_collected(&self) -> Option<Collector> {
        let may = |collector: &Collector| {
            collector.has_limit || self.last() < LETS_COME.saturating_mul(self.first())
        };
        self.collector.filter(may)
    }

    /// The slowest growth that would have been told, each second of such a look.
    pub(super) fn smallest_per_second(&self, look: Duration) -> f64 {
        let smallest = self.judged.smallest_per_second;
        match self.name {
            FOREIGN | BESIDE => smallest.max(self.little as f64 / look.as_secs_f64()),
            _ => smallest,
        }
    }

    pub(super) fn first(&self) -> i64 {
        self.series.first().map_or(0, |(_, value)| *value)
    }

    pub(super) fn last(&self) -> i64 {
        self.series.last().map_or(0, |(_, value)| *value)
    }

    pub(super) fn highest(&self) -> i64 {
        let values = self.series.iter().map(|(_, value)| *value);
        values.max().unwrap_or(0)
    }

    /// What stays: the last window's floor.
    pub(super) fn rests_at(&self) -> i64 {
        let last = self.judged.floors.last();
        last.map_or_else(|| self.last(), |window| window.floor)
    }

    /// A value beside the quantity's name: `3 MiB`, `12`.
    pub(super) fn text(&self, value: i64) -> String {
        self.figure(value as f64)
    }

    /// The same of what isn't whole.
    pub(super) fn figure(&self, value: f64) -> String {
        if is_memory(self.kind) {
            memory(value)
        } else {
            figure(value)
        }
    }
}

/// Whether what rises is what the kernel keeps for each page of a page cache that rises beside it: buffer heads and nodes of its tree.
fn is_for_page_cache(kernel: &Quantity, look: &Look) -> bool {
    let cache = Quantity::page_cache(look).filter(|cache| cache.judged.per_second > 0.0);
    cache.is_some_and(|cache| {
        kernel.judged.per_second > 0.0
            && kernel.judged.per_second * PAGES_OVERHEAD <= cache.judged.per_second
    })
}

pub(super) fn is_memory(kind: Kind) -> bool {
    matches!(kind, Kind::Bytes | Kind::Resident)
}

/// `2.1 MiB a second`, `10 sockets a second`.
pub(super) fn rate(kind: Kind, per_second: f64) -> String {
    format!("{} a second", amount(kind, per_second))
}

/// `2.1 MiB`, `10 sockets`.
pub(super) fn amount(kind: Kind, value: f64) -> String {
    if is_memory(kind) {
        memory(value)
    } else {
        words::amount(value, one_of(kind))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bytes of a process: positive, and far below 2^63"
)]
fn memory(value: f64) -> String {
    bytes(value.max(0.0).round() as u64)
}
