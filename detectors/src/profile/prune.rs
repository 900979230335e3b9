//! Honours a profile's own wish to leave frames out, as Go's pprof does when it loads one.
//!
//! Heap profiles of C and C++ programs name their allocators this way. Ours never do: the
//! converter cuts at the leaf instead.

use super::protos;
use regex_lite::Regex;

use super::ProfileError;
use super::list::last_line;

/// What a match inside a location takes away.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    Nothing,
    /// Frames on the leaf side of this location go, the location keeps its outer lines.
    Beneath,
    /// The location goes as well.
    Whole,
}

pub(super) fn drop_frames(name: &str, message: &mut protos::Profile) -> Result<(), ProfileError> {
    let Some(drop) = pattern(name, message, message.drop_frames)? else {
        return Ok(());
    };
    let keep = pattern(name, message, message.keep_frames)?;
    let dropped: Vec<bool> = message
        .function
        .iter()
        .map(|function| {
            let name = without_arguments(
                &message.string_table[usize::try_from(function.name).unwrap_or(0)],
            );
            !name.is_empty()
                && drop.is_match(name)
                && !keep.as_ref().is_some_and(|keep| keep.is_match(name))
        })
        .collect();
    let position = |id: u64| usize::try_from(id).map_or(0, |id| id - 1);

    let mut cuts = Vec::with_capacity(message.location.len());
    for location in &mut message.location {
        let outermost = location
            .line
            .iter()
            .rposition(|line| dropped[position(line.function_id)]);
        cuts.push(match outermost {
            None => Cut::Nothing,
            Some(at) if at + 1 == location.line.len() => Cut::Whole,
            Some(at) => {
                location.line.drain(..=at);
                Cut::Beneath
            }
        });
    }
    for sample in &mut message.sample {
        // From the root: what lies before the first frame of the user's stays, so that a stack is
        // never emptied.
        let mut found_user = false;
        for at in (0..sample.location_id.len()).rev() {
            let cut = cuts[position(sample.location_id[at])];
            match cut {
                Cut::Nothing => found_user = true,
                Cut::Beneath | Cut::Whole if !found_user => {}
                Cut::Beneath => {
                    sample.location_id.drain(..at);
                    break;
                }
                Cut::Whole => {
                    sample.location_id.drain(..=at);
                    break;
                }
            }
        }
    }
    Ok(())
}

fn pattern(
    name: &str,
    message: &protos::Profile,
    index: i64,
) -> Result<Option<Regex>, ProfileError> {
    let text = &message.string_table[usize::try_from(index).unwrap_or(0)];
    if text.is_empty() {
        return Ok(None);
    }
    Regex::new(&format!("^({text})$"))
        .map(Some)
        .map_err(|error| ProfileError::Malformed {
            input: name.to_owned(),
            reason: format!(
                "it asks to leave out frames by \"{text}\", which is no regular expression: {}",
                last_line(&error.to_string())
            ),
        })
}

/// A C++ name up to its argument list.
fn without_arguments(name: &str) -> &str {
    const NOT_ARGUMENTS: [&str; 2] = ["(anonymous namespace)", "operator()"];
    let name = name.strip_prefix('.').unwrap_or(name);
    let mut at = 0;
    while let Some(found) = name[at..].find('(').map(|found| at + found) {
        let reserved = NOT_ARGUMENTS.iter().find_map(|reserved| {
            let start = found.checked_sub(reserved.find('(')?)?;
            name.get(start..)?
                .starts_with(reserved)
                .then(|| start + reserved.len())
        });
        match reserved {
            Some(end) => at = end,
            None => return &name[..found],
        }
    }
    name
}
