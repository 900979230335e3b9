//! Names addresses that a profile leaves without, from the files that it says were mapped where these lie on this disk.
//!
//! A path may lead to another build than the one that was profiled. Where both tell their build, such a file isn't asked; where they
//! don't, the names are what Go's tool would say too.

use std::collections::HashMap;
use std::path::PathBuf;

use super::SourceFrame;
use super::lean::{Call, resolve_file};
use super::protos;

/// How much is read of all files together: a profile may name any.
const BYTES_MAX: u64 = 1 << 30;

pub(super) fn name_frames(message: &mut protos::Profile) {
    let mut room = BYTES_MAX;
    let mut functions = HashMap::new();
    for (mapping, calls) in without_names(message).into_iter().enumerate() {
        let mapping = &message.mapping[mapping];
        let text = |index: i64| {
            let text = usize::try_from(index).map(|at| message.string_table.get(at));
            text.ok().flatten().map_or("", String::as_str).to_owned()
        };
        let (path, build_id) = (
            PathBuf::from(text(mapping.filename)),
            text(mapping.build_id),
        );
        let bytes = path.metadata().map_or(u64::MAX, |about| about.len());
        if calls.is_empty() || !path.is_absolute() || bytes > room {
            continue;
        }
        room -= bytes;
        let named = resolve_file(&path, &build_id, &calls, bytes);
        for (location, frames) in named.into_iter().flatten() {
            let lines = frames
                .into_iter()
                .map(|frame| line(message, &mut functions, frame));
            let lines = lines.collect();
            message.location[location].line = lines;
        }
    }
}

/// For each mapping the locations in it that lack names, by their positions. None for a mapping whose writer did look for names.
fn without_names(message: &protos::Profile) -> Vec<Vec<Call>> {
    let mut calls = Vec::new();
    calls.resize_with(message.mapping.len(), Vec::new);
    for (at, location) in message.location.iter().enumerate() {
        let mapping = usize::try_from(location.mapping_id).unwrap_or(0);
        let Some(of) = mapping.checked_sub(1).filter(|_| location.line.is_empty()) else {
            continue;
        };
        let mapping = &message.mapping[of];
        let is_told = mapping.has_functions || mapping.has_filenames || mapping.has_line_numbers;
        if !is_told && let Some(inside) = location.address.checked_sub(mapping.memory_start) {
            calls[of].push(Call {
                return_address: at,
                in_file: mapping.file_offset.wrapping_add(inside),
            });
        }
    }
    calls
}

fn line(
    message: &mut protos::Profile,
    functions: &mut HashMap<(String, String), u64>,
    frame: SourceFrame,
) -> protos::Line {
    let line = frame.line.into();
    let next = message.function.len() as u64 + 1;
    let key = (frame.function, frame.file);
    if let Some(&function_id) = functions.get(&key) {
        return protos::Line { function_id, line };
    }
    let mut text = |text: &str| {
        message.string_table.push(text.to_owned());
        i64::try_from(message.string_table.len() - 1).unwrap_or(0)
    };
    let function = protos::Function {
        id: next,
        name: text(&key.0),
        filename: text(&key.1),
        ..protos::Function::default()
    };
    message.function.push(function);
    functions.insert(key, next);
    protos::Line {
        function_id: next,
        line,
    }
}
