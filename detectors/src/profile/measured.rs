//! From stacks of return addresses of this process to a profile.

use std::collections::HashMap;
use std::rc::Rc;

use super::assemble::{self, Call};
use super::symbols::resolve_here;
use super::trim::{self, Role};
use super::{Profile, ProfileError, SourceFrame, Symbols, symbols};

/// A stack, and what was measured there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// Return addresses, the innermost first.
    pub stack: Vec<usize>,
    /// Objects and bytes allocated, objects and bytes in use.
    pub values: [i64; 4],
}

pub(super) fn convert(
    name: &str,
    stacks: &[Measured],
    period: i64,
    how: Symbols<'_>,
) -> Result<Profile, ProfileError> {
    let mut known: HashMap<usize, Call> = HashMap::new();
    let mut merged: HashMap<Vec<Call>, [i64; 4]> = HashMap::new();
    for measured in stacks {
        let calls = measured.stack.iter().map(|&return_address| {
            let call = known.entry(return_address);
            call.or_insert_with(|| resolved(return_address, how))
                .clone()
        });
        let mut stack: Vec<Call> = calls.collect();
        trim::machinery(&mut stack);
        let sums = merged.entry(stack).or_default();
        for (sum, value) in sums.iter_mut().zip(measured.values) {
            *sum = sum.saturating_add(value);
        }
    }
    symbols::give_back();
    let mut samples: Vec<_> = merged.into_iter().collect();
    assemble::sort(&mut samples);
    let program = std::env::current_exe().unwrap_or_default();
    let program = assemble::program(&program.to_string_lossy());
    Profile::sealed(name, assemble::assemble(&program, &samples, period))
}

fn resolved(return_address: usize, how: Symbols<'_>) -> Call {
    let return_address = return_address as u64;
    let mut frames = match how {
        Symbols::ThisProcess => resolve_here(return_address),
        Symbols::With(resolve) => resolve(return_address),
        Symbols::Recorded => Vec::new(),
    };
    if frames.is_empty() {
        frames.push(SourceFrame {
            function: format!("{return_address:#x}"),
            file: String::new(),
            line: 0,
        });
    }
    let frames: Rc<[SourceFrame]> = frames.into();
    Call {
        role: Role::of(&frames),
        frames,
        // The address after the call may be another line's; one less is inside the call.
        address: return_address.saturating_sub(1),
    }
}
