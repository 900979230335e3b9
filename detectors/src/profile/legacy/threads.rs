//! The stacks of all threads: `--- threadz 1 ---`, then for each thread a header and its addresses, with or without names.

use super::maps::is_sentinel;
use super::stacks::{Dropped, Stacks, into_calls};
use super::text::{Lines, hexadecimal, is_blank_or_comment};
use crate::profile::{ProfileError, protos};

const THREADS: (&str, &str) = ("thread", "count");

/// Whether a profile of threads begins with this line.
pub(super) fn is_header(line: &str) -> bool {
    line.starts_with("--- threadz ") || is_thread(line)
}

/// `--- Thread 7f794ab90940 (name: main/14748) stack: ---`
fn is_thread(line: &str) -> bool {
    line.starts_with("--- Thread ") && line.trim_end().ends_with(" stack: ---")
}

pub(super) fn read<'a>(
    name: &'a str,
    lines: &mut Lines<'a>,
) -> Result<protos::Profile, ProfileError> {
    let mut stacks = Stacks::new(name, &[THREADS], (THREADS, 1), Dropped::Signals);
    let mut line = lines.find(|line| !is_blank_or_comment(line));
    if line.is_some_and(|line| !is_thread(line)) {
        line = lines.find(|line| line.starts_with('-') || is_sentinel(line));
    }
    while let Some(header) = line.filter(|line| !is_sentinel(line)) {
        if header.starts_with("---- no stack trace for") {
            break;
        }
        if !is_thread(header) {
            return Err(lines.refused(name, header, "is no thread's header"));
        }
        let mut stack = Vec::new();
        let mut is_as_before = false;
        line = None;
        for next in lines.by_ref() {
            if next.trim_start().starts_with("---") {
                line = Some(next);
                break;
            }
            is_as_before |= next.contains("same as previous thread");
            stack.extend(
                next.match_indices("0x")
                    .filter_map(|(at, _)| address(&next[at..])),
            );
        }
        if stack.is_empty() || is_as_before {
            if let Some(last) = stacks.message.sample.last_mut() {
                last.value[0] = last.value[0].saturating_add(1);
            }
            continue;
        }
        into_calls(&mut stack);
        without_second_leaf(&mut stack);
        stacks.add(&stack, vec![1], None)?;
    }
    stacks.finish(lines)
}

/// The address that a text begins with; what follows may be a name: `0x403c11: add_to_cart`.
fn address(text: &str) -> Option<u64> {
    let end = text[2..].find(|c: char| !c.is_ascii_hexdigit());
    hexadecimal(end.map_or(text, |end| &text[..end + 2]))
}

/// The leaf is known twice where it came from the signal's context as well as from the stack, there as the end of a call.
pub(super) fn without_second_leaf(stack: &mut Vec<u64>) {
    if stack.len() > 1 && Some(stack[0]) == stack[1].checked_add(1) {
        stack.remove(1);
    }
}
