//! From stacks of frames that are counted, and not measured in bytes, to a profile: tasks by where they were spawned.

use std::collections::HashMap;
use std::rc::Rc;

use super::assemble::{self, Call};
use super::trim::Role;
use super::{Profile, SourceFrame};
use crate::model::place;

/// `unit` is what is counted, and the name of the only sample type.
pub(super) fn convert(name: &str, unit: &str, stacks: &[(Vec<place::Frame>, u64)]) -> Profile {
    let mut addresses = HashMap::new();
    let mut samples: Vec<(Vec<Call>, [i64; 1])> = stacks
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(stack, count)| {
            let calls = stack.iter().map(|frame| call(frame, &mut addresses));
            (calls.collect(), [count.cast_signed()])
        })
        .collect();
    assemble::sort(&mut samples, [0]);
    let program = std::env::current_exe().unwrap_or_default();
    let program = assemble::program(&program.to_string_lossy());
    let types = [(unit, "count")];
    Profile::new(
        name,
        assemble::assemble(&program, &samples, types, types[0], 1),
    )
}

/// Frames come without addresses, and readers tell locations apart by address: so each frame gets one of its own.
fn call(frame: &place::Frame, addresses: &mut HashMap<place::Frame, u64>) -> Call {
    let next = addresses.len() as u64 + 1;
    let address = *addresses.entry(frame.clone()).or_insert(next);
    let frames: Rc<[SourceFrame]> = Rc::new([SourceFrame {
        function: frame.function.clone(),
        file: frame.file.clone(),
        line: frame.line,
    }]);
    Call {
        role: Role::of(&frames),
        frames,
        address,
    }
}
