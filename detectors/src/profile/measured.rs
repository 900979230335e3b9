//! From stacks of return addresses of this process to a profile.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::assemble::{
    self, Call, HEAP, HEAP_ORDER, LabelledStack, SPACE, Stacked, WAITS, WAITS_ORDER,
};
use super::remember::frames_at;
use super::symbols::{place_of, resolve_here};
use super::trim::{self, Role};
use super::{Profile, SourceFrame, Symbols, program};
use crate::model::place;

/// A stack, and what was measured there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Measured {
    /// Return addresses, the innermost first.
    pub stack: Vec<usize>,
    /// Objects and bytes allocated, objects and bytes in use.
    pub values: [i64; 4],
    /// Keys and values of the sample's labels: `go tool pprof -tags` lists them.
    pub labels: Vec<(String, String)>,
}

impl Measured {
    /// A stack of return addresses, the innermost first, with objects and bytes allocated, objects and bytes in use. Without labels.
    pub fn new(stack: Vec<usize>, values: [i64; 4]) -> Self {
        let labels = Vec::new();
        Measured {
            stack,
            values,
            labels,
        }
    }
}

/// The heap profile of blocks at stacks of this process.
pub(super) fn heap(name: &str, stacks: &[Measured], period: i64, how: Symbols<'_>) -> Profile {
    let stacks = stacks
        .iter()
        .map(|measured| (&measured.stack[..], &measured.labels[..], measured.values));
    let samples = merged(stacks, how, HEAP_ORDER);
    Profile::new(
        name,
        assemble::assemble(&this_program(), &samples, HEAP, SPACE, period),
    )
}

/// The profile of waits at stacks of this process, each with how many they were and how many nanoseconds they took together.
pub(super) fn waits(name: &str, stacks: &[(Vec<usize>, [i64; 2])]) -> Profile {
    let stacks = stacks
        .iter()
        .map(|(stack, values)| (&stack[..], &[][..], *values));
    let samples = merged(stacks, Symbols::ThisProcess, WAITS_ORDER);
    Profile::new(
        name,
        assemble::assemble(&this_program(), &samples, WAITS, WAITS[0], 1),
    )
}

/// Stacks that are the same once they are trimmed, and have the same labels, become one.
fn merged<'a, const TYPES: usize>(
    stacks: impl Iterator<Item = (&'a [usize], &'a [(String, String)], [i64; TYPES])> + Clone,
    how: Symbols<'_>,
    order: [usize; TYPES],
) -> Vec<Stacked<LabelledStack, TYPES>> {
    let mut known = known(stacks.clone().map(|(stack, ..)| stack), how);
    let mut merged: HashMap<LabelledStack, [i64; TYPES]> = HashMap::new();
    for (stack, labels, values) in stacks {
        let stack = LabelledStack {
            calls: trimmed(stack, how, &mut known),
            labels: labels.to_vec(),
        };
        let sums = merged.entry(stack).or_insert([0; TYPES]);
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum = sum.saturating_add(value);
        }
    }
    let mut samples: Vec<_> = merged.into_iter().collect();
    assemble::sort(&mut samples, order);
    samples
}

pub(super) fn this_program() -> String {
    let program = std::env::current_exe().unwrap_or_default();
    assemble::program(&program.to_string_lossy())
}

/// The frames of stacks of return addresses, each trimmed as a profile's are, allocation first.
pub(crate) fn resolve_stacks(stacks: &[&[usize]], how: Symbols<'_>) -> Vec<Vec<place::Frame>> {
    let mut known = known(stacks.iter().copied(), how);
    stacks
        .iter()
        .map(|stack| {
            trimmed(stack, how, &mut known)
                .iter()
                .flat_map(|call| call.frames.iter())
                .map(place::Frame::from)
                .collect()
        })
        .collect()
}

/// What was looked up of this process' code: nothing is looked up twice.
#[derive(Default)]
pub(crate) struct Names {
    known: HashMap<usize, Call>,
    nameless: HashSet<usize>,
}

impl Names {
    /// The frames of stacks, trimmed as a profile's are, with the names of the functions on each, trimmed ones among them: those of a
    /// library that made a block tell what kind of block it is. The allocator's own are left out, so the first is whoever asked for the
    /// block.
    pub(crate) fn of_stacks(
        &mut self,
        stacks: &[&[usize]],
    ) -> Vec<(Vec<place::Frame>, Vec<String>)> {
        self.look_up(stacks);
        let of_stack = |stack: &&[usize]| {
            let named = stack
                .iter()
                .filter(|address| !self.nameless.contains(address));
            let calls = named.filter_map(|address| self.known.get(address));
            let functions = calls.flat_map(|call| call.frames.iter().map(|frame| &frame.function));
            let functions = trim::who_asked(functions).cloned().collect();
            let calls = trimmed(stack, Symbols::ThisProcess, &mut self.known);
            let frames = calls.iter().flat_map(|call| call.frames.iter());
            (frames.map(place::Frame::from).collect(), functions)
        };
        stacks.iter().map(of_stack).collect()
    }

    fn look_up(&mut self, stacks: &[&[usize]]) {
        let mut wanted = distinct(stacks.iter().copied());
        wanted.retain(|address| !self.known.contains_key(address));
        for (address, frames) in resolve_each(&wanted) {
            if frames.is_empty() {
                self.nameless.insert(address);
            }
            self.known.insert(address, call(address, frames));
        }
    }
}

/// The frames at addresses of this process: in one batch, and by themselves where no batch can resolve them.
pub(super) fn resolve_each(addresses: &[usize]) -> HashMap<usize, Vec<SourceFrame>> {
    let mut resolved = frames_at(addresses);
    for &address in addresses {
        resolved
            .entry(address)
            .or_insert_with(|| resolve_here(address as u64));
    }
    resolved
}

pub(super) fn distinct<'a>(stacks: impl Iterator<Item = &'a [usize]>) -> Vec<usize> {
    let mut addresses: Vec<usize> = stacks.flatten().copied().collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

/// The calls of all stacks that one batch can resolve; the others are resolved one by one as the stacks reach them.
fn known<'a>(stacks: impl Iterator<Item = &'a [usize]>, how: Symbols<'_>) -> HashMap<usize, Call> {
    let Symbols::ThisProcess = how else {
        return HashMap::new();
    };
    frames_at(&distinct(stacks))
        .into_iter()
        .map(|(return_address, frames)| (return_address, call(return_address, frames)))
        .collect()
}

fn trimmed(stack: &[usize], how: Symbols<'_>, known: &mut HashMap<usize, Call>) -> Vec<Call> {
    let mut calls = Vec::with_capacity(stack.len());
    for &return_address in stack {
        let call = known
            .entry(return_address)
            .or_insert_with(|| resolved(return_address, how));
        calls.push(call.clone());
        // What is further out would be cut. To resolve it would mean to read the C library's debug information.
        if call.role.starts() {
            break;
        }
    }
    trim::machinery(&mut calls);
    calls
}

fn resolved(return_address: usize, how: Symbols<'_>) -> Call {
    let address = return_address as u64;
    let frames = match how {
        Symbols::ThisProcess => resolve_here(address),
        Symbols::With(resolve) => resolve(address),
        Symbols::Recorded => Vec::new(),
    };
    call(return_address, frames)
}

/// The call before a return address, by its frames; by its place in the file, or the address itself, where nothing is known of it.
pub(super) fn call(return_address: usize, mut frames: Vec<SourceFrame>) -> Call {
    let is_nameless = frames.is_empty();
    if is_nameless {
        let place = place_of(return_address).unwrap_or_else(|| format!("{return_address:#x}"));
        frames.push(SourceFrame::new(place, "", 0));
    }
    let frames: Rc<[SourceFrame]> = frames.into();
    let role = if is_nameless && program::is_machinery(return_address) {
        Role::of_machinery()
    } else {
        Role::of(&frames)
    };
    Call {
        role,
        frames,
        // The address after the call may be another line's; one less is inside the call.
        address: (return_address as u64).saturating_sub(1),
    }
}
