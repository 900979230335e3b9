//! Go's counts of stacks: `goroutine profile: total 8`, `threadcreate`, or one of a program's own.

use super::stacks::{Dropped, Stacks, into_calls};
use super::text::{Lines, addresses, is_blank_or_comment};
use crate::profile::{ProfileError, protos};

/// What is counted, by the header.
pub(super) fn kind(header: &str) -> Option<&str> {
    let (kind, total) = header.split_once(" profile: total ")?;
    let is_word = !kind.is_empty() && !kind.contains(char::is_whitespace);
    (is_word && total.trim_end().parse::<u64>().is_ok()).then_some(kind)
}

pub(super) fn read<'a>(
    name: &'a str,
    lines: &mut Lines<'a>,
) -> Result<protos::Profile, ProfileError> {
    let header = lines
        .find(|line| !is_blank_or_comment(line))
        .unwrap_or_default();
    let kind = kind(header).ok_or_else(|| lines.refused(name, header, "is no count's header"))?;
    let mut stacks = Stacks::new(name, &[], (("", ""), 1), Dropped::Signals);
    let counted = stacks.ty(kind, "count");
    stacks.message.sample_type.push(counted);
    stacks.message.period_type = Some(counted);
    while let Some(line) = lines.next() {
        if line.starts_with("---") {
            break;
        }
        if is_blank_or_comment(line) {
            stacks.comment(line)?;
            continue;
        }
        let sample = line
            .split_once('@')
            .and_then(|(count, stack)| Some((count.trim().parse().ok()?, addresses(stack)?)));
        let (count, mut stack): (i64, Vec<u64>) =
            sample.ok_or_else(|| lines.refused(name, line, "is no count of a stack"))?;
        into_calls(&mut stack);
        stacks.add(&stack, vec![count], None)?;
    }
    stacks.finish(lines)
}
