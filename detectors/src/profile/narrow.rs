//! A part of a profile: the stacks that match, or the frames that are the program's.

use regex_lite::Regex;

use super::list::last_line;
use super::top::{TopOptions, top};
use super::{Profile, ProfileError, protos};
use crate::model::sources;

/// What a profile was before it was narrowed. Empty for a whole one.
#[derive(Debug, Clone, Default)]
pub(super) struct Narrowed {
    /// What shares are taken of, for each sample type.
    pub(super) totals: Vec<i64>,
    /// By what it was, as Go's tool writes it: `focus=cart`.
    pub(super) filters: Vec<String>,
}

/// The samples with a frame that matches.
pub(super) fn focus(mut profile: Profile, pattern: &str) -> Result<Profile, ProfileError> {
    let matching = matching(&profile, pattern)?;
    remember(&mut profile, format!("focus={pattern}"));
    let whole = profile.message.sample.len();
    let (focused, others) = std::mem::take(&mut profile.message.sample)
        .into_iter()
        .partition(|sample| has_any(sample, &matching));
    profile.message.sample = focused;
    if profile.is_empty() && whole > 0 {
        profile.message.sample = others;
        return Err(no_match(&profile, profile.default_index(), pattern));
    }
    Ok(profile)
}

/// The samples without such a frame.
pub(super) fn ignore(mut profile: Profile, pattern: &str) -> Result<Profile, ProfileError> {
    let matching = matching(&profile, pattern)?;
    remember(&mut profile, format!("ignore={pattern}"));
    let samples = &mut profile.message.sample;
    samples.retain(|sample| !has_any(sample, &matching));
    Ok(profile)
}

/// Without the frames between an allocation and the program's own code: a Rust program's standard library, and its allocator.
pub(super) fn without_standard(mut profile: Profile) -> Profile {
    let is_between: Vec<bool> = profile
        .message
        .function
        .iter()
        .map(|function| is_between(profile.text(function.name)))
        .collect();
    // C++ has a namespace `std` too, and none of these.
    let is_rusts = |function: &protos::Function| {
        let name = profile.text(function.name);
        matches!(sources::crate_of(name), Some("core" | "alloc"))
    };
    if !profile.message.function.iter().any(is_rusts) {
        return profile;
    }
    let is_between = |line: &protos::Line| *Profile::by_id(&is_between, line.function_id);
    let mut hidden = Vec::with_capacity(profile.message.location.len());
    for location in &mut profile.message.location {
        let is_whole = !location.line.is_empty() && location.line.iter().all(is_between);
        // Its lines stay for a stack that has nothing else.
        if !is_whole {
            location.line.retain(|line| !is_between(line));
        }
        hidden.push(is_whole);
    }
    for sample in &mut profile.message.sample {
        let is_hidden = |id: &u64| *Profile::by_id(&hidden, *id);
        if !sample.location_id.iter().all(is_hidden) {
            sample.location_id.retain(|id| !is_hidden(id));
        }
    }
    profile
}

fn is_between(function: &str) -> bool {
    sources::is_standard(function)
        || function.starts_with("__rust")
        || function.contains(" as core::alloc::global::GlobalAlloc>::")
}

pub(super) fn regex(pattern: &str) -> Result<Regex, ProfileError> {
    Regex::new(pattern).map_err(|error| ProfileError::BadPattern {
        pattern: pattern.to_owned(),
        reason: last_line(&error.to_string()),
    })
}

/// Says which functions there are.
pub(super) fn no_match(profile: &Profile, index: usize, pattern: &str) -> ProfileError {
    let largest = top(profile, index, &TopOptions::default().rows_max(3)).rows;
    ProfileError::NoMatch {
        input: profile.name.clone(),
        pattern: pattern.to_owned(),
        largest: largest.into_iter().map(|row| row.function).collect(),
    }
}

/// Which locations have a function, a source file or a program's file that matches.
fn matching(profile: &Profile, pattern: &str) -> Result<Vec<bool>, ProfileError> {
    let regex = regex(pattern)?;
    let message = &profile.message;
    let is_match = |text| regex.is_match(profile.text(text));
    let functions = message.function.iter();
    let functions: Vec<bool> = functions
        .map(|function| is_match(function.name) || is_match(function.filename))
        .collect();
    let mappings = message.mapping.iter();
    let mappings: Vec<bool> = mappings.map(|mapping| is_match(mapping.filename)).collect();
    let locations = message.location.iter().map(|location| {
        let is_mapped = location.mapping_id != 0 && *Profile::by_id(&mappings, location.mapping_id);
        let mut lines = location.line.iter();
        is_mapped || lines.any(|line| *Profile::by_id(&functions, line.function_id))
    });
    Ok(locations.collect())
}

fn has_any(sample: &protos::Sample, matching: &[bool]) -> bool {
    let mut ids = sample.location_id.iter();
    ids.any(|id| *Profile::by_id(matching, *id))
}

pub(super) fn remember(profile: &mut Profile, filter: String) {
    if profile.narrowed.totals.is_empty() {
        let types = 0..profile.message.sample_type.len();
        profile.narrowed.totals = types.map(|index| profile.reference_total(index)).collect();
    }
    profile.narrowed.filters.push(filter);
}
