//! Which files were mapped where, as the end of a profile tells it: the kernel's list, or a shorter form of it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::stacks::Stacks;
use super::text::{Lines, hexadecimal};
use crate::profile::ProfileError;

/// Lines that announce the list.
const SENTINELS: [&str; 2] = ["--- Memory map: ---", "MAPPED_LIBRARIES:"];

/// No path is longer; what a list's own words may grow a line to.
const PATH_BYTES_MAX: usize = 4096;

pub(super) fn is_sentinel(line: &str) -> bool {
    SENTINELS.iter().any(|sentinel| line.contains(sentinel))
}

/// A range of addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mapping<'a> {
    pub(super) start: u64,
    pub(super) limit: u64,
    pub(super) offset: u64,
    pub(super) file: Cow<'a, str>,
    pub(super) build_id: &'a str,
    /// Whether what lies there may run, as far as the list tells.
    is_code: bool,
}

/// Reads the list, where `rest` comes to one, and gives each location its mapping. The program comes first.
pub(super) fn read(stacks: &mut Stacks<'_>, rest: &mut Lines<'_>) -> Result<(), ProfileError> {
    let mut mappings: Vec<Mapping<'_>> = Vec::new();
    let mut words: Vec<(&str, &str)> = Vec::new();
    for line in rest {
        if let Some(mut mapping) = mapping(line) {
            if !mapping.is_code {
                continue;
            }
            mapping.file = replaced(mapping.file, &words);
            match mappings.last_mut() {
                Some(last) if is_continued(last, &mapping) => join(last, &mapping),
                _ => {
                    // They are held here, and once more in the message.
                    stacks.take(size_of_val(&mapping) as u64)?;
                    mappings.push(mapping);
                }
            }
        } else if let Some((word, text)) = line.split_once('=').filter(|_| words.len() < 16) {
            words.push((word.trim(), text.trim()));
        }
    }
    if let Some(program) = mappings.iter().position(is_program) {
        mappings.swap(0, program);
    }
    let mut by_start = BTreeMap::new();
    for mapping in &mappings {
        let id = stacks.mapping(mapping)?;
        by_start.entry(mapping.start).or_insert((mapping, id));
    }
    for location in &mut stacks.message.location {
        let address = location.address;
        let holds = by_start.range(..=address).next_back();
        let holds = holds.filter(|(_, (mapping, _))| address < mapping.limit);
        // Some writers leave out the first part of a file that is mapped in several.
        let next = || by_start.range(address..).next();
        let begins = |mapping: &Mapping<'_>| mapping.start.checked_sub(mapping.offset);
        let holds = holds.or_else(|| {
            next().filter(|(_, (mapping, _))| begins(mapping).is_some_and(|start| start <= address))
        });
        if let Some((_, (_, id))) = holds {
            location.mapping_id = *id;
        }
    }
    Ok(())
}

/// Whether the second is the first's next part, which the kernel lists apart.
fn is_continued(first: &Mapping<'_>, second: &Mapping<'_>) -> bool {
    let same = |one: &str, other: &str| one.is_empty() || other.is_empty() || one == other;
    let offset = first
        .offset
        .wrapping_add(first.limit.wrapping_sub(first.start));
    first.limit == second.start
        && same(&first.file, &second.file)
        && same(first.build_id, second.build_id)
        && (first.offset == 0 || second.offset == 0 || offset == second.offset)
}

fn join<'a>(first: &mut Mapping<'a>, second: &Mapping<'a>) {
    first.limit = second.limit;
    if !second.file.is_empty() {
        first.file.clone_from(&second.file);
    }
    if !second.build_id.is_empty() {
        first.build_id = second.build_id;
    }
}

/// Whether it may be the program: a file that is no library's and none of the kernel's.
fn is_program(mapping: &Mapping<'_>) -> bool {
    let file = mapping.file.trim();
    let is_library = file.match_indices(".so").any(|(at, mark)| {
        let rest = &file[at + mark.len()..];
        let version = rest.strip_prefix(['.', '_']);
        rest.is_empty()
            || version.is_some_and(|text| text.starts_with(|c: char| c.is_ascii_digit()))
    });
    !file.is_empty() && !file.starts_with('[') && !is_library
}

/// A line of the list.
///
/// `00400000-0040b000 r-xp 00001000 08:01 1234 /opt/shop` is the kernel's, `400000-40b000: /opt/shop (@1000) b1d` the shorter form.
fn mapping(line: &str) -> Option<Mapping<'_>> {
    let line = line.trim_start();
    let at = line.find('-')?;
    let start = hexadecimal(&line[..at])?;
    let (limit, rest) = line[at + 1..].split_once([' ', '\t', ':'])?;
    let limit = hexadecimal(limit)?;
    let mut words = rest.split_ascii_whitespace().peekable();
    let is_permission = |word: &&str| word.bytes().all(|byte| b"-rwxps".contains(&byte));
    let permissions = words.next_if(is_permission);
    let kernel = kernels(words.clone());
    let (offset, file, build_id) = kernel.unwrap_or_else(|| {
        let file = words.next().unwrap_or_default();
        let offset = words
            .next_if(|word| word.starts_with("(@"))
            .and_then(|word| hexadecimal(word.strip_prefix("(@")?.strip_suffix(')')?));
        (offset.unwrap_or(0), file, words.next().unwrap_or_default())
    });
    Some(Mapping {
        start,
        limit,
        offset,
        file: Cow::Borrowed(file),
        build_id,
        is_code: permissions.is_none_or(|permissions| permissions.contains('x')),
    })
}

/// What follows the permissions in the kernel's list: offset, device, inode, and the file where there is one.
fn kernels<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<(u64, &'a str, &'a str)> {
    let offset = hexadecimal(words.next()?)?;
    let (major, minor) = words.next()?.split_once(':')?;
    hexadecimal(major)?;
    hexadecimal(minor)?;
    words.next()?.parse::<u64>().ok()?;
    Some((offset, words.next().unwrap_or_default(), ""))
}

/// A path in which the list's own words, as `$build`, are replaced by what it says they stand for.
fn replaced<'a>(file: Cow<'a, str>, words: &[(&str, &str)]) -> Cow<'a, str> {
    if !file.contains('$') {
        return file;
    }
    let mut path = file.into_owned();
    for (word, text) in words.iter().filter(|(word, _)| !word.is_empty()) {
        let word = format!("${word}");
        let grown = path.len() + path.matches(&word).count() * text.len();
        if grown <= PATH_BYTES_MAX {
            path = path.replace(&word, text);
        }
    }
    Cow::Owned(path)
}
