//! Profiles of old Java agents: `--- heapz 1 ---` and `--- contentionz 1 ---` with `format = java`, and the names below the samples.
//!
//! ```text
//! --- heapz 1 ---
//! format = java
//! resolution = bytes
//!   7048     1 @ 0x00000003 0x00000004
//!   0x00000003 com.example.Cart.add (Cart.java:77)
//! ```

use super::heap::unsampled;
use super::stacks::{Dropped, Stacks};
use super::text::{Lines, addresses, hexadecimal};
use crate::profile::{ProfileError, protos};

/// How many bytes lie between two samples of a heap; the agents never tell another rate.
const RATE: i64 = 524_288;

const HEAP: &str = "--- heapz 1 ---";
const CONTENTION: &str = "--- contentionz 1 ---";

/// Whether a text that begins so is one.
pub(super) fn is_one(start: &str) -> bool {
    let mut lines = start.lines();
    let header = lines.next().map(str::trim);
    let says_so = |line: &str| setting(line) == Some(("format", "java"));
    // gperftools' contention profile has the same header, and no format.
    let is_setting = |line: &&str| line.trim().is_empty() || setting(line).is_some();
    matches!(header, Some(HEAP | CONTENTION)) && lines.take_while(is_setting).any(says_so)
}

fn setting(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once('=')?;
    Some((key.trim(), value.trim()))
}

pub(super) fn read(name: &str, text: &str) -> Result<protos::Profile, ProfileError> {
    let mut lines = Lines::new(text);
    let is_heap = lines.next().is_some_and(|header| header.trim() == HEAP);
    let dropped = if is_heap {
        Dropped::Allocators
    } else {
        Dropped::Locks
    };
    let mut stacks = Stacks::new(name, &[], (("", ""), 0), dropped);
    while let Some(line) = lines.next() {
        if line.trim().is_empty() {
            continue;
        }
        if let Some((values, stack)) = line.split_once('@') {
            let period = stacks.message.period;
            let sample = || {
                // The bytes, or how long was waited, stand before how many.
                let (amount, count) = values.trim().split_once(char::is_whitespace)?;
                let values = [count.trim().parse().ok()?, amount.parse().ok()?];
                Some((values, addresses(stack)?))
            };
            let (values, stack): ([i64; 2], _) =
                sample().ok_or_else(|| lines.refused(name, line, "is no sample"))?;
            let block = is_heap.then(|| values[1].checked_div(values[0]).unwrap_or(0));
            let values = match (is_heap, period) {
                (true, _) => unsampled(values, RATE),
                (false, 0) => values,
                (false, period) => values.map(|value| value.saturating_mul(period)),
            };
            stacks.add(&stack, values.to_vec(), block)?;
        } else if let Some((key, value)) = setting(line) {
            set(&mut stacks, is_heap, key, value)
                .ok_or_else(|| lines.refused(name, line, "is no setting of a Java profile"))?;
        } else {
            break;
        }
    }
    // The first name is read already, so the lines are read once more.
    name_locations(&mut stacks, Lines::new(text))?;
    Ok(stacks.message)
}

fn set(stacks: &mut Stacks<'_>, is_heap: bool, key: &str, value: &str) -> Option<()> {
    match (is_heap, key) {
        (_, "format") => {}
        (true, "resolution") => {
            stacks.message.sample_type = vec![
                stacks.ty("inuse_objects", "count"),
                stacks.ty("inuse_space", value),
            ];
        }
        (false, "resolution") => {
            stacks.message.sample_type =
                vec![stacks.ty("contentions", "count"), stacks.ty("delay", value)];
        }
        (false, "sampling period") => {
            stacks.message.period_type = Some(stacks.ty("contentions", "count"));
            stacks.message.period = value.parse().ok()?;
        }
        (false, "ms since reset") => {
            let milliseconds: i64 = value.parse().ok()?;
            stacks.message.duration_nanos = milliseconds.saturating_mul(1_000_000);
        }
        _ => return None,
    }
    Some(())
}

/// Names the locations, which go by numbers here, by lines such as `0x00000003 com.example.Cart.add (Cart.java:77)`.
pub(super) fn name_locations(
    stacks: &mut Stacks<'_>,
    lines: Lines<'_>,
) -> Result<(), ProfileError> {
    for line in lines {
        let Some((number, told)) = line.trim().split_once(char::is_whitespace) else {
            continue;
        };
        let number = number
            .starts_with("0x")
            .then(|| hexadecimal(number))
            .flatten();
        let Some(number) = number.filter(|number| stacks.known(*number).is_some()) else {
            continue;
        };
        let (function, file, line) = call(told.trim());
        let function_id = stacks.function(function, file)?;
        if let Some(location) = stacks.known(number) {
            location.line = vec![protos::Line { function_id, line }];
        }
    }
    // The numbers are no addresses, and mean something else in the next profile.
    for location in &mut stacks.message.location {
        location.address = 0;
    }
    Ok(())
}

/// Function, file and line.
fn call(told: &str) -> (&str, &str, i64) {
    let place = told
        .strip_suffix(')')
        .and_then(|told| told.rsplit_once('('))
        .and_then(|(function, place)| Some((function.strip_suffix(char::is_whitespace)?, place)));
    match place {
        Some((function, place)) => {
            let function = function.trim_end();
            let line = |(file, line): (_, &str)| Some((file, line.parse::<i64>().ok()?));
            match place.rsplit_once(':').and_then(line) {
                Some((file, line)) => (function, file, line.max(0)),
                // A library's path, of which the file's name is enough.
                None => (function, place.rsplit('/').next().unwrap_or(place), 0),
            }
        }
        None if told.contains("generated stub/JIT") => ("STUB", "", 0),
        None => (told, "", 0),
    }
}
