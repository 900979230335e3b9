//! Memory that is taken in steps of many iterations, and fills between two of them: interners and arenas. What grows so is a leak, though
//! most windows see no step. What is used again, or comes to an end, is none.

use detectors::{Class, Evidence, Kind, Verdict, Watch};
use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;

/// Where an arena's blocks come from.
trait Source {
    fn block(bytes: usize) -> Self;

    fn fill(&mut self, range: std::ops::Range<usize>);
}

/// The system's allocator, asked beside the program's global one.
struct Beside(*mut u8);

impl Source for Beside {
    fn block(bytes: usize) -> Self {
        let layout = Layout::array::<u8>(bytes).expect("a size that fits");
        // SAFETY: the layout isn't empty.
        Beside(unsafe { System.alloc(layout) })
    }

    fn fill(&mut self, range: std::ops::Range<usize>) {
        // SAFETY: an arena fills what it has asked for.
        unsafe { self.0.add(range.start).write_bytes(7, range.len()) };
    }
}

/// The program's own.
impl Source for Vec<u8> {
    fn block(bytes: usize) -> Self {
        Vec::with_capacity(bytes)
    }

    fn fill(&mut self, range: std::ops::Range<usize>) {
        self.resize(range.end, 7);
    }
}

/// Hands out pieces of large blocks, each twice as large as the one before, and keeps all of them.
struct Arena<S> {
    blocks: Vec<S>,
    room: usize,
    used: usize,
}

impl<S: Source> Arena<S> {
    fn new(first: usize) -> Self {
        let mut blocks = Vec::with_capacity(32);
        blocks.push(S::block(first));
        Arena {
            blocks,
            room: first,
            used: 0,
        }
    }

    fn take(&mut self, bytes: usize) {
        if self.used + bytes > self.room {
            self.room *= 2;
            self.used = 0;
            self.blocks.push(S::block(self.room));
        }
        let block = self.blocks.last_mut().expect("the first came at once");
        block.fill(self.used..self.used + bytes);
        self.used += bytes;
    }

    fn start_again(&mut self) {
        self.used = 0;
    }
}

/// So much an iteration, in blocks that double from this size on.
fn fills<S: Source + 'static>(first: usize, each: usize) -> Evidence {
    let evidence = Watch::new("an arena").run(|| {
        let mut arena: Arena<S> = Arena::new(first);
        move || {
            for _ in 0..16 {
                arena.take(each / 16);
            }
            black_box(&arena.blocks);
        }
    });
    println!("{}: {}", evidence.verdict, evidence.because);
    evidence
}

/// The rate is what became resident, give or take the room that the last step left.
#[track_caller]
fn leaks_about(evidence: &Evidence, kind: Kind, each: f64) {
    assert_eq!(evidence.verdict, Verdict::Leak, "{}", evidence.because);
    let found = evidence
        .findings
        .iter()
        .find(|finding| finding.kind == kind);
    let told = found.and_then(|finding| finding.per_iteration);
    let told = told.expect("it is told by this kind");
    assert!(
        told > each / 3.0 && told < each * 3.0,
        "{each} an iteration come, {told} are told"
    );
}

/// A process takes what an earlier test gave back for its steps, and nothing becomes resident then: so each has a process of its own.
#[track_caller]
fn beside(first: usize, each: usize) {
    let evidence = fills::<Beside>(first, each);
    leaks_about(&evidence, Kind::Resident, each as f64);
    assert_eq!(evidence.class, Some(Class::ForeignMemory));
}

#[track_caller]
fn of_the_programs_own(first: usize, each: usize) {
    let evidence = fills::<Vec<u8>>(first, each);
    leaks_about(&evidence, Kind::Bytes, each as f64);
    let site = evidence.findings[0].at.as_ref().expect("its line is known");
    assert!(
        site.stack
            .iter()
            .any(|frame| frame.function.contains("steps")),
        "{site:?}"
    );
}

detectors::tests! {
    // None of them takes a step within the first two windows.
    fn an_arena_beside_the_global_allocator() { beside(5 << 20, 24 << 10); }
    fn a_slower_one_beside_the_global_allocator() { beside(2 << 20, 8 << 10); }
    fn one_of_other_steps_beside_the_global_allocator() { beside(6 << 20, 21_504); }
    fn an_arena_of_the_programs_own() { of_the_programs_own(5 << 20, 24 << 10); }
    fn a_slower_one_of_the_programs_own() { of_the_programs_own(2 << 20, 8 << 10); }
    fn one_of_other_steps_of_the_programs_own() { of_the_programs_own(6 << 20, 21_504); }

    fn an_arena_that_starts_again() {
        let evidence = Watch::new("an arena, used again").run(|| {
            let mut arena: Arena<Beside> = Arena::new(1 << 20);
            move || {
                arena.start_again();
                for _ in 0..16 {
                    arena.take(4_096);
                }
            }
        });
        evidence.assert_steady();
    }

    fn an_interner_of_what_comes_again() {
        let evidence = Watch::new("texts that come again").run(|| {
            let mut known = std::collections::HashSet::with_capacity(64);
            let mut arena: Arena<Beside> = Arena::new(64 << 10);
            let mut number = 0_u64;
            move || {
                number += 1;
                if known.insert(number % 40) {
                    arena.take(20_000);
                }
            }
        });
        evidence.assert_steady();
    }

    // As much as was asked for, and nothing in the last quarter of the run.
    fn an_arena_beside_that_is_full_at_once() { until::<Beside>(150); }
    fn an_arena_beside_that_is_full_soon() { until::<Beside>(450); }
    fn an_arena_beside_that_is_full_late() { until::<Beside>(1_100); }
    fn an_arena_that_is_full_at_once() { until::<Vec<u8>>(150); }
    fn an_arena_that_is_full_soon() { until::<Vec<u8>>(450); }
    fn an_arena_that_is_full_late() { until::<Vec<u8>>(1_100); }

    fn a_buffer_that_was_large_enough_hides_as_much_as_it_takes() {
        let evidence = Watch::new("a buffer with room").run(|| {
            let mut buffer: Vec<u8> = Vec::with_capacity(64 << 20);
            move || buffer.resize(buffer.len() + (12 << 10), 7)
        });
        evidence.assert_steady();
        assert_eq!(evidence.readings.len(), 5, "it never stops early");
        let smallest = evidence.smallest_leak.expect("it ran");
        assert!(smallest.bytes_per_iteration > 10_000.0, "{}", evidence.reach());
    }
}

/// Nothing is taken after that many iterations.
#[track_caller]
fn until<S: Source + 'static>(last: u64) {
    let evidence = Watch::new("an arena that is full").run(|| {
        let mut arena: Arena<S> = Arena::new(1 << 20);
        let mut number = 0;
        move || {
            number += 1;
            if number <= last {
                arena.take(20_000);
            }
        }
    });
    println!("{last}: {}: {}", evidence.verdict, evidence.because);
    assert_ne!(evidence.verdict, Verdict::Leak, "{}", evidence.because);
}
