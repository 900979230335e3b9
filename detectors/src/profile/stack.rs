use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::Profile;

/// One way through the program that ended in an allocation, and what it allocated.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stack<'a> {
    /// The frames, the one that allocated first.
    pub frames: Vec<StackFrame<'a>>,
    /// One value per sample type, in the order of [`Profile::sample_types`].
    pub values: Vec<i64>,
}

/// One call in a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct StackFrame<'a> {
    /// The function's name, without hash; empty when it is unknown.
    pub function: &'a str,
    /// The source file as the compiler recorded it; empty when it is unknown.
    pub file: &'a str,
    /// The line, counted from one; zero when it is unknown.
    pub line: u32,
    /// The call's address in the process that was profiled; zero when it is unknown. It differs
    /// from run to run.
    pub address: u64,
    /// Whether the compiler put this call's code into its caller.
    pub inlined: bool,
}

pub(super) fn stacks(profile: &Profile) -> impl Iterator<Item = Stack<'_>> {
    merged_samples(profile).into_iter().map(|sample| Stack {
        frames: frames(profile, sample.location_id),
        values: match sample.value {
            Cow::Borrowed(values) => values.to_vec(),
            Cow::Owned(values) => values,
        },
    })
}

/// A sample in which a diff's two sides have become one.
pub(super) struct Merged<'a> {
    pub(super) location_id: &'a [u64],
    pub(super) value: Cow<'a, [i64]>,
}

pub(super) fn merged_samples(profile: &Profile) -> Vec<Merged<'_>> {
    let samples = &profile.message.sample;
    if !samples.iter().any(|sample| profile.is_base(sample)) {
        return samples
            .iter()
            .map(|sample| Merged {
                location_id: &sample.location_id,
                value: Cow::Borrowed(&sample.value),
            })
            .collect();
    }
    let mut positions: HashMap<(&[u64], Vec<[i64; 4]>), usize> = HashMap::new();
    let mut merged: Vec<Merged<'_>> = Vec::new();
    for sample in samples {
        let labels = sample
            .label
            .iter()
            .filter(|label| !profile.is_base_label(label));
        let labels = labels.map(|l| [l.key, l.str, l.num, l.num_unit]).collect();
        match positions.entry((sample.location_id.as_slice(), labels)) {
            Entry::Occupied(entry) => {
                let sums = merged[*entry.get()].value.to_mut();
                for (sum, value) in sums.iter_mut().zip(&sample.value) {
                    *sum = sum.saturating_add(*value);
                }
            }
            Entry::Vacant(entry) => {
                entry.insert(merged.len());
                merged.push(Merged {
                    location_id: &sample.location_id,
                    value: Cow::Borrowed(&sample.value),
                });
            }
        }
    }
    merged.retain(|sample| sample.value.iter().any(|&value| value != 0));
    merged
}

/// The frames of a stack of locations, leaf first.
pub(super) fn frames<'a>(profile: &'a Profile, location_ids: &[u64]) -> Vec<StackFrame<'a>> {
    let mut frames = Vec::with_capacity(location_ids.len());
    for &id in location_ids {
        let location = profile.location(id);
        if location.line.is_empty() {
            frames.push(StackFrame {
                function: "",
                file: "",
                line: 0,
                address: location.address,
                inlined: false,
            });
        }
        for (position, line) in location.line.iter().enumerate() {
            let function = profile.function(line.function_id);
            frames.push(StackFrame {
                function: profile.text(function.name),
                file: profile.text(function.filename),
                line: u32::try_from(line.line).unwrap_or(0),
                address: location.address,
                inlined: position + 1 < location.line.len(),
            });
        }
    }
    frames
}
