//! The profiling allocator as a heap source: exact, cheap, and able to tell its sites while it runs.

use super::{Detail, HeapReading, HeapSource, ReadError, SiteReading, Tables};
use crate::allocator::{self, Scope, foreign};
use crate::model::place::Frame;
use crate::model::this_test;
use crate::profile::{self, Names, Profile, ProfileError, Symbols, resolve_stacks};
use crate::readings::holders::{self, Holders, Wanted};
use std::cell::RefCell;

/// Reads the heap through a [`ProfilingAllocator`](crate::ProfilingAllocator), which the test's file or the program declares.
///
/// It counts the whole process where a test has one for itself, by [`tests!`](crate::tests). Elsewhere it counts the watch's
/// own thread and what that one spawns, so that plain tests run in parallel: see [`Scope`] for what a scope can't see.
#[derive(Debug, Default)]
pub struct AllocatorSource {
    reach: Option<Reach>,
    scope: Option<Scope>,
    /// The process' live bytes at the start.
    before: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Process,
    Thread,
}

impl AllocatorSource {
    /// Counts every thread of the process.
    pub fn of_process() -> Self {
        AllocatorSource {
            reach: Some(Reach::Process),
            ..AllocatorSource::default()
        }
    }

    /// Counts the thread that runs the watch, and what it spawns.
    pub fn of_thread() -> Self {
        AllocatorSource {
            reach: Some(Reach::Thread),
            ..AllocatorSource::default()
        }
    }

    fn reach(&self) -> Reach {
        self.reach.unwrap_or_else(|| {
            if this_test::name().is_some() {
                Reach::Process
            } else {
                Reach::Thread
            }
        })
    }
}

/// Whatever a scope of the process counts: Rust's live bytes, and those of C that are noted.
fn live_bytes() -> u64 {
    let noted = foreign::noted_bytes();
    allocator::stats().live_bytes.saturating_add_signed(noted)
}

impl HeapSource for AllocatorSource {
    fn name(&self) -> &'static str {
        match self.reach() {
            Reach::Process => "profiling allocator, whole process",
            Reach::Thread => "profiling allocator, this thread and what it spawns",
        }
    }

    fn stacks(&self) -> String {
        allocator::how_stacks_are_taken()
    }

    fn lacks(&self) -> Vec<String> {
        let mut lacks = Vec::new();
        if self.reach() == Reach::Thread && !allocator::follows_threads() {
            lacks.push(
                "this standard library's threads don't tell who spawned them, so what the workload's threads allocate is not \
                 counted: declare the test with detectors::tests!, which counts the whole process"
                    .to_owned(),
            );
        }
        lacks.extend(profile::lacks());
        if cfg!(sees_foreign) && !foreign::is_called() {
            lacks.push(
                "the feature `foreign` is on, and what C code asks for isn't seen: put detectors::foreign_memory!(); into the test's file"
                    .to_owned(),
            );
        }
        let lost = allocator::stats().lost;
        if lost != allocator::Lost::default() {
            lacks.push(format!(
                "the allocator's tables are full: {} blocks were not counted, {} stacks not told apart",
                lost.noted_blocks, lost.stacks
            ));
        }
        lacks
    }

    fn counts_process(&self) -> bool {
        self.reach() == Reach::Process
    }

    fn start(&mut self, detail: Detail) -> Result<(), ReadError> {
        assert!(
            self.scope.is_none(),
            "detectors: this heap source is counting already; stop it before you start it again"
        );
        allocator::stacks::learn();
        self.scope = Some(match self.reach() {
            Reach::Process => Scope::of_process(detail)?,
            Reach::Thread => Scope::new(detail)?,
        });
        self.before = live_bytes();
        Ok(())
    }

    fn read(&self) -> HeapReading {
        self.scope.as_ref().map(Scope::read).unwrap_or_default()
    }

    /// What the process' live bytes lack of the scope's: older blocks that have gone. A scope of one thread can't tell, since
    /// others free what they like.
    fn older_freed(&self) -> Option<u64> {
        let scope = self.scope.as_ref().filter(|_| self.counts_process())?;
        let expected = self.before + scope.read().bytes;
        Some(expected.saturating_sub(live_bytes()))
    }

    fn reads_sites(&self) -> bool {
        true
    }

    fn each_site(&self, visit: &mut dyn FnMut(SiteReading)) {
        if let Some(scope) = &self.scope {
            scope.each_site(visit);
        }
    }

    fn stacks_of(&self, sites: &[usize]) -> Vec<Vec<Frame>> {
        let stacks: Vec<&[usize]> = sites.iter().map(|&site| Scope::stack_of(site)).collect();
        let mut stacks = resolve_stacks(&stacks, Symbols::ThisProcess);
        for (stack, &site) in stacks.iter_mut().zip(sites) {
            // What the program's own symbols stand for is C's.
            if let Some(by) = foreign::by(site) {
                stack.insert(0, Frame::new(by.function(), "", 0));
            }
        }
        stacks
    }

    fn holders(&self, sites: &[usize], is_over: &dyn Fn() -> bool) -> Result<Holders, ReadError> {
        let Some(scope) = self.scope.as_ref().map(Scope::handle) else {
            return Err(ReadError::new("nothing is being counted", "start it first"));
        };
        allocator::uncounted(|| {
            let names: RefCell<Names> = RefCell::default();
            let stacks_of = |sites: &[usize]| {
                let stacks: Vec<&[usize]> =
                    sites.iter().map(|&site| Scope::stack_of(site)).collect();
                names.borrow_mut().of_stacks(&stacks)
            };
            let mut wanted: Vec<Wanted> = Vec::new();
            for (&number, (stack, functions)) in sites.iter().zip(stacks_of(sites)) {
                let name = crate::model::place::name_of(&stack);
                let known = wanted.iter().position(|known| known.name == name);
                let at = known.unwrap_or_else(|| {
                    wanted.push(Wanted {
                        name,
                        ..Wanted::default()
                    });
                    wanted.len() - 1
                });
                wanted[at].add(number, &stack, functions);
            }
            holders::find(scope, &wanted, &stacks_of, is_over)
        })
        .map_err(ReadError::from)
    }

    fn remember_live(&self) {
        allocator::remember_those_that_are();
    }

    fn tables(&self, sites: &[usize], is_over: &dyn Fn() -> bool) -> Option<Tables> {
        let scope = self.scope.as_ref().map(Scope::handle)?;
        holders::tables(scope, sites, is_over).ok()
    }

    fn stop(&mut self) -> Result<Option<Profile>, ReadError> {
        let Some(scope) = self.scope.take() else {
            return Ok(None);
        };
        if scope.detail() == Detail::Counts {
            return Ok(None);
        }
        match scope.profile() {
            Ok(profile) => Ok(Some(profile)),
            Err(ProfileError::NoSamples { .. }) => Ok(None),
            Err(error) => Err(ReadError {
                reason: format!("the scope's profile can't be taken: {error}"),
                next: "watch with dhat instead: Watch::heap_source(DhatSource::default())"
                    .to_owned(),
            }),
        }
    }
}
