//! What grows where no Rust allocator sees it: by which mechanism, and when that is doubtful.
//!
//! An accusation needs a mechanism's own figure, which is exact: what C has on its heap, or what is mapped. It must rise in every window
//! by the growth rule, and in a straight line: windows double, so a leak's rise does as well, while a warm-up's rises stay alike. That
//! resident memory rises beside all heaps makes a verdict doubtful, and no more: an allocator that isn't known may hold it.

mod time;

use super::filling::{Filling, rate};
use super::resolution::COARSE_BYTES_PER_ITERATION;
use crate::allocator;
use crate::model::finding::Finding;
use crate::model::judge::{Floor, Floors, Motion, PARTS};
use crate::model::kind::{Kind, NotRead};
use crate::model::reading::HeapReading;
use crate::model::thread_cache;
use crate::model::words::{amount, bytes, count, listed};
use crate::readings::unseen::{self, Unseen};
use crate::verdicts::evidence::Reading;
use std::time::Instant;
use time::Time;

/// Who may hold it, in the order of the floors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    InC,
    Anonymous,
    Files,
    Shared,
    Beside,
}

/// Less in one window is no reason to doubt.
const WORTH_A_DOUBT: i64 = 16 << 10;

/// What C's allocator keeps of freed blocks for a thread, at most: 7 of each of 64 sizes.
const KEPT_FOR_A_THREAD: i64 = 236 << 10;

/// Two rises are the least that can tell growth from warm-up.
const WINDOWS_MIN: usize = 3;

/// So often a part is read at most, an iteration apart, until no other thread comes between.
const TRIES_MAX: u32 = 16;

const HOLDERS: [Holder; 5] = [
    Holder::InC,
    Holder::Anonymous,
    Holder::Files,
    Holder::Shared,
    Holder::Beside,
];

impl Holder {
    fn of(self, unseen: &Unseen) -> Option<i64> {
        let mapped = |bytes: u64| bytes.cast_signed();
        match self {
            Holder::InC => unseen.in_c,
            Holder::Anonymous => unseen.mapped.map(|all| mapped(all.anonymous.bytes)),
            Holder::Files => unseen.mapped.map(|all| mapped(all.files.bytes)),
            Holder::Shared => unseen.mapped.map(|all| mapped(all.shared.bytes)),
            Holder::Beside => unseen.beside,
        }
    }

    fn mappings(self, unseen: &Unseen) -> Option<u64> {
        let mapped = unseen.mapped?;
        match self {
            Holder::InC | Holder::Beside => None,
            Holder::Anonymous => Some(mapped.anonymous.mappings),
            Holder::Files => Some(mapped.files.mappings),
            Holder::Shared => Some(mapped.shared.mappings),
        }
    }

    /// By how much its floor moves when nothing leaks.
    fn grain(self) -> i64 {
        match self {
            // What C's allocator keeps for a thread counts as in use, unless it keeps nothing. dhat keeps a table there.
            Holder::InC if allocator::is_in_use() && thread_cache::is_off() => 1 << 10,
            Holder::InC => 64 << 10,
            Holder::Anonymous | Holder::Files | Holder::Shared => 16 << 10,
            Holder::Beside => 256 << 10,
        }
    }

    /// From which rise on it is doubtful in one window.
    fn worth_a_doubt(self) -> i64 {
        if self == Holder::InC && !thread_cache::is_off() {
            KEPT_FOR_A_THREAD
        } else {
            WORTH_A_DOUBT
        }
    }

    /// As a finding's site.
    fn words(self) -> &'static str {
        match self {
            Holder::InC => "C's malloc",
            Holder::Anonymous => "mappings without a file",
            Holder::Files => "mappings of files",
            Holder::Shared => "mappings of shared memory",
            Holder::Beside => "what lies beside all heaps",
        }
    }
}

/// The floors of what no Rust allocator sees.
#[derive(Debug, Default)]
pub(crate) struct UnseenFloors {
    /// `None` where nothing is read: the process isn't the workload's alone, or the system doesn't tell.
    floors: Option<[Floors; HOLDERS.len()]>,
    /// This window's readings, one for each part.
    parts: [Option<Unseen>; PARTS],
    /// How often each of them was read.
    tries: [u32; PARTS],
    filling: Filling,
    time: Time,
    /// How many windows there were, read or not; and how many were read.
    windows: usize,
    read: usize,
    /// In the middle of the first window, and of the last.
    ends: Option<[(u64, Unseen); 2]>,
}

/// One mechanism that grows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Grows {
    holder: Holder,
    pub(crate) per_iteration: f64,
    /// How many mappings come with it; `None` where it is no mapping.
    mappings: Option<f64>,
}

impl UnseenFloors {
    /// Takes the room for so many windows. Reads once, since a first reading may allocate.
    pub(crate) fn of_process(windows: usize, source: &dyn Fn() -> HeapReading) -> Self {
        let first = unseen::now(source);
        let is_read = HOLDERS.iter().any(|holder| holder.of(&first).is_some());
        let floors =
            HOLDERS.map(|holder| Floors::in_steps_of(holder.grain()).with_room_for(windows));
        UnseenFloors {
            floors: is_read.then_some(floors),
            filling: Filling::with_room_for(windows),
            ..UnseenFloors::default()
        }
    }

    /// Reads once in each part of a window: the allocator's own count walks what is free on its heap. Where other threads came and went
    /// meanwhile, it is read again after the next iterations.
    pub(super) fn read(&mut self, part: usize, source: &dyn Fn() -> HeapReading) {
        if self.floors.is_some() {
            self.filling.read(part);
        }
        // The first reading is the one in the window's middle, or there is none: it stands for the middle.
        let is_next = part == 0 || self.parts[0].is_some();
        let wanted = match &self.parts[part] {
            None => true,
            Some(read) => !read.is_of_one_moment && self.tries[part] < TRIES_MAX,
        };
        // Without two or three windows to compare nothing is seen at all, however much grows. Once for each of them: a busy neighbour has
        // it read again and again.
        let is_needed = part == 0 && self.parts[0].is_none() && self.read < WINDOWS_MIN;
        let is_allowed = self.time.allows(part == 0, is_needed);
        if self.floors.is_some() && wanted && is_next && is_allowed {
            let started = Instant::now();
            self.parts[part] = Some(unseen::now(source));
            self.tries[part] += 1;
            self.time.took(started.elapsed());
        }
    }

    pub(super) fn end_window(&mut self, middle: u64) {
        self.filling.end_window(middle);
        self.windows += 1;
        let parts = std::mem::take(&mut self.parts);
        self.tries = [0; PARTS];
        let (Some(floors), Some(first)) = (&mut self.floors, parts[0]) else {
            return;
        };
        self.read += 1;
        for (holder, floors) in HOLDERS.iter().zip(floors) {
            // A part that wasn't read for want of time is like the one before: neither a rise nor a fall.
            if let Some(mut value) = holder.of(&first) {
                let parts = parts.each_ref().map(|part| {
                    value = part
                        .as_ref()
                        .and_then(|part| holder.of(part))
                        .unwrap_or(value);
                    value
                });
                floors.push(Floor { middle, parts });
            }
        }
        let begin = self.ends.map_or((middle, first), |[begin, _]| begin);
        self.ends = Some([begin, (middle, first)]);
    }

    fn each(&self) -> impl Iterator<Item = (Holder, &Floors)> {
        let floors = self.floors.iter().flatten();
        let all = HOLDERS.into_iter().zip(floors);
        all.filter(|(holder, floors)| floors.len() > 1 && self.is_told(*holder, floors))
    }

    /// Whether a figure is what it is taken for.
    fn is_told(&self, holder: Holder, floors: &Floors) -> bool {
        match holder {
            // Another allocator than the C library's maps for Rust as well.
            Holder::Anonymous => self.ends.is_some_and(|[_, (_, last)]| last.is_one_heap),
            // Below zero there is memory that an allocator has and nobody has touched: it may become resident, and none has come.
            Holder::Beside => floors
                .windows()
                .first()
                .is_some_and(|floor| floor.value() >= 0),
            Holder::InC | Holder::Files | Holder::Shared => true,
        }
    }

    /// Whether nothing grows here, nor may yet. Of a window that wasn't read nobody knows.
    pub(super) fn is_calm(&self) -> bool {
        let all_read = self.floors.is_none() || self.read == self.windows;
        let may_grow = |(holder, floors): (Holder, &Floors)| {
            let steps = holder != Holder::Beside && floors.steps_at_the_end();
            steps || self.rose(holder, floors)
        };
        all_read && !self.filling.goes_on() && !self.each().any(may_grow)
    }

    /// Whether a figure of memory in use grows in steps of many iterations.
    pub(crate) fn by_steps(&self, in_use: &Floors) -> bool {
        self.filling.by_steps(in_use)
    }

    /// How much of what was handed out before fills in each iteration, to the end: a leak of as much into such room looks alike.
    pub(crate) fn fills(&self) -> Option<f64> {
        self.filling.per_iteration()
    }

    /// Whether it rose in the last window, by more than it moves when nothing leaks.
    fn rose(&self, holder: Holder, floors: &Floors) -> bool {
        last(floors) > floors.noise().max(self.slack(holder))
    }

    fn slack(&self, holder: Holder) -> i64 {
        match (holder, self.ends) {
            (Holder::InC, Some([_, (_, last)])) => last.slack,
            _ => 0,
        }
    }

    /// From how many bytes an iteration on a leak would be clear of what moves by itself, in whatever of the mechanisms moves most;
    /// `None` where none was read.
    pub(crate) fn smallest_visible(&self) -> Option<f64> {
        let exact = self.each().filter(|(holder, _)| *holder != Holder::Beside);
        let visible = exact
            .map(|(holder, floors)| floors.smallest_above(floors.clear().max(self.slack(holder))));
        visible.reduce(f64::max)
    }

    /// What grows by a mechanism's own figure.
    pub(crate) fn growing(&self) -> Vec<Grows> {
        let growing = self.each().filter(|(holder, floors)| {
            let is_steady = || {
                self.rose(*holder, floors)
                    && floors.motion() == Motion::Growing
                    && is_straight(floors)
            };
            match holder {
                Holder::Beside => false,
                Holder::InC => is_steady() || self.by_steps(floors),
                Holder::Anonymous | Holder::Files | Holder::Shared => is_steady(),
            }
        });
        let growing = growing.map(|(holder, floors)| Grows {
            holder,
            per_iteration: floors.per_iteration(),
            mappings: self.mappings_per_iteration(holder),
        });
        growing.collect()
    }

    fn mappings_per_iteration(&self, holder: Holder) -> Option<f64> {
        let [(from, first), (to, last)] = self.ends?;
        let more = holder
            .mappings(&last)?
            .checked_sub(holder.mappings(&first)?)?;
        (to > from).then(|| more as f64 / (to - from) as f64)
    }

    /// How much C's heap could gain in each iteration below its noise; 0 where it isn't read.
    pub(super) fn hidden_in_c(&self) -> f64 {
        let mut all = self.each();
        let in_c = all.find(|(holder, _)| *holder == Holder::InC);
        in_c.map_or(0.0, |(_, floors)| floors.hidden_by_noise())
    }

    /// Whether growth of C's heap would be clear of its noise by now, where that is read.
    pub(super) fn is_fine(&self) -> bool {
        let mut all = self.each();
        let in_c = all.find(|(holder, _)| *holder == Holder::InC);
        in_c.is_none_or(|(_, floors)| floors.clear_of_noise() <= COARSE_BYTES_PER_ITERATION)
    }

    /// Why it isn't calm where nothing is known to grow; `None` where it is.
    pub(crate) fn doubtful(&self) -> Option<String> {
        self.each().find_map(|(holder, floors)| {
            let told = || {
                (holder.words(), count(last(floors), "byte"))
            };
            match (holder, floors.motion()) {
                (Holder::Beside, Motion::Growing) if is_straight(floors) => {
                    let (what, by) = told();
                    Some(format!(
                        "resident memory rose in each window, by {by} in the last, in {what}, and live memory doesn't explain it: a \
                         mapping that is older than the watch may fill, or an allocator that isn't known may hold it"
                    ))
                }
                (Holder::Beside, _) => None,
                (_, Motion::Growing | Motion::Unclear) if self.rose(holder, floors) && last(floors) >= holder.worth_a_doubt() => {
                    let (what, by) = told();
                    Some(format!(
                        "no Rust allocator sees {what}, and it rose by {by} in the last window, though not in every window or not in a \
                         straight line"
                    ))
                }
                (Holder::InC, _) if floors.hidden_by_noise() > COARSE_BYTES_PER_ITERATION => {
                    Some(format!(
                        "what C's malloc holds moved by {} without a trend, which hides a leak of {} an iteration",
                        count(floors.noise(), "byte"),
                        amount(floors.hidden_by_noise(), "byte")
                    ))
                }
                _ => None,
            }
        })
    }

    /// What isn't read here, though the process is the workload's alone.
    pub(super) fn not_read(&self) -> Option<NotRead> {
        let floors = self.floors.as_ref()?;
        let why = if self.ends.is_none() {
            return None;
        } else if floors[0].windows().is_empty() {
            "how much C code has on the C library's heap: this C library doesn't tell (glibc does)"
                .to_owned()
        } else if floors[0].len() < WINDOWS_MIN.min(self.windows) {
            format!(
                "what no Rust allocator sees was read in {} alone: the C library's heap is in so many pieces that \
                 counting them takes it {}",
                count(floors[0].windows().len().try_into().unwrap_or(0), "window"),
                self.time.of_a_reading()
            )
        } else {
            return None;
        };
        Some(NotRead {
            kind: Kind::Resident,
            why,
        })
    }
}

fn last(floors: &Floors) -> i64 {
    floors.rises().next_back().unwrap_or(0)
}

/// Windows double, and so does the rise of what grows at a steady rate. What rises by the same each time slows down.
fn is_straight(floors: &Floors) -> bool {
    let [.., first, before, last] = floors.windows() else {
        return false;
    };
    rate(before, last) >= 0.75 * rate(first, before)
}

impl Grows {
    pub(crate) fn finding(&self) -> Finding {
        Finding {
            kind: Kind::Resident,
            per_iteration: Some(self.per_iteration),
            cum_per_iteration: None,
            site: Some(self.holder.words().to_owned()),
            at: None,
            outlook: None,
        }
    }

    fn words(&self) -> String {
        let of = amount(self.per_iteration, "byte");
        match self.mappings {
            Some(mappings) if mappings >= 0.01 => {
                format!(
                    "{of} in {} ({})",
                    self.holder.words(),
                    amount(mappings, "mapping")
                )
            }
            _ => format!("{of} in {}", self.holder.words()),
        }
    }
}

/// What grows without its line: what the findings tell by a line of C's is left out.
pub(crate) fn without_a_line(growing: Vec<Grows>, findings: &[Finding]) -> Vec<Grows> {
    let has_line = |by: &str| {
        let mut sites = findings.iter().filter_map(|finding| finding.at.as_ref());
        sites.any(|site| site.is_foreign() && site.stack[0].function == by)
    };
    let (malloc, mmap) = (has_line("malloc"), has_line("mmap"));
    let mut growing = growing;
    growing.retain(|grows| match grows.holder {
        Holder::InC => !malloc,
        _ => !mmap,
    });
    growing
}

/// Adds what grows to the findings: before the heap where it is more than that.
pub(crate) fn add_unseen(findings: &mut Vec<Finding>, growing: &[Grows]) {
    let is_heap = |finding: &Finding| matches!(finding.kind, Kind::Bytes | Kind::Blocks);
    let of_heap: f64 = findings
        .iter()
        .filter(|finding| finding.kind == Kind::Bytes)
        .filter_map(|finding| finding.per_iteration)
        .sum();
    let all: f64 = growing.iter().map(|grows| grows.per_iteration).sum();
    let at = if all > of_heap {
        findings.iter().position(is_heap).unwrap_or(findings.len())
    } else {
        findings.len()
    };
    findings.splice(at..at, growing.iter().map(Grows::finding));
}

/// Why it leaks: what Rust's allocator saw, if it saw any, and what it didn't, with resident memory as the witness.
pub(crate) fn because(seen: Option<String>, growing: &[Grows], readings: &[Reading]) -> String {
    if growing.is_empty() {
        return seen.unwrap_or_default();
    }
    let grown: Vec<String> = growing.iter().map(Grows::words).collect();
    let [first, last] = [readings.first(), readings.last()]
        .map(|reading| reading.and_then(|reading| reading.resident_bytes));
    let witness = first.zip(last).map_or_else(String::new, |(first, last)| {
        format!(
            "; resident memory was {} after the first window, {} after the last",
            bytes(first),
            bytes(last)
        )
    });
    let beside = seen.map_or_else(String::new, |seen| format!("{seen}; beside that "));
    format!(
        "{beside}{} stay for each iteration, in each of {} windows, and no Rust allocator sees them{witness}",
        listed(&grown),
        readings.len()
    )
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::UnseenFloors;
    use crate::model::reading::HeapReading;
    use crate::readings::unseen::Unseen;

    #[test]
    fn a_window_that_was_not_read_is_not_calm() {
        let mut floors = UnseenFloors::of_process(4, &HeapReading::default);
        for middle in [12, 24] {
            floors.parts[0] = Some(Unseen {
                in_c: Some(100_000),
                ..Unseen::default()
            });
            floors.end_window(middle);
        }
        assert!(floors.is_calm(), "flat");
        floors.end_window(48);
        assert!(!floors.is_calm(), "nobody knows");
    }
}
