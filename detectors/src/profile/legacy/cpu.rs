//! CPU profiles of gperftools: words of the machine's size and order. A header of five, then for each stack how often it was seen, how
//! many addresses it has, and these; the stack of one address 0 that was seen 0 times ends them. What follows is text: which files were
//! mapped, or in Java's the names.

use std::collections::HashMap;

use super::java;
use super::stacks::{Dropped, Stacks, into_calls};
use super::text::Lines;
use super::threads::without_second_leaf;
use crate::profile::{ProfileError, protos};

const CPU: (&str, &str) = ("cpu", "nanoseconds");

/// What a stack takes beside its addresses until all were read.
const HELD_BYTES: u64 = 64;

/// How many bytes a word has, and how to read one.
type Word = (usize, fn(&[u8]) -> Option<u64>);

const WORDS: [Word; 4] = [
    (4, |bytes| {
        Some(u32::from_le_bytes(bytes.try_into().ok()?).into())
    }),
    (4, |bytes| {
        Some(u32::from_be_bytes(bytes.try_into().ok()?).into())
    }),
    (8, |bytes| Some(u64::from_le_bytes(bytes.try_into().ok()?))),
    (8, |bytes| Some(u64::from_be_bytes(bytes.try_into().ok()?))),
];

/// What such a file begins with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    word: Word,
    is_java: bool,
    period_us: u64,
}

impl Header {
    pub(super) fn of(plain: &[u8]) -> Option<Self> {
        WORDS.into_iter().find_map(|word| {
            let mut words = Words { word, rest: plain };
            let header = [(); 5].map(|()| words.next());
            match header {
                [
                    Some(0),
                    Some(3),
                    Some(java @ (0 | 1)),
                    Some(period_us),
                    Some(0),
                ] if period_us > 0 => Some(Self {
                    word,
                    is_java: java == 1,
                    period_us,
                }),
                _ => None,
            }
        })
    }
}

struct Words<'a> {
    word: Word,
    rest: &'a [u8],
}

impl Iterator for Words<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let (size, read) = self.word;
        let (word, rest) = self.rest.split_at_checked(size)?;
        self.rest = rest;
        read(word)
    }
}

pub(super) fn read(
    name: &str,
    plain: &[u8],
    header: Header,
) -> Result<protos::Profile, ProfileError> {
    let period = i64::try_from(header.period_us)
        .unwrap_or(i64::MAX)
        .saturating_mul(1000);
    let types = [("samples", "count"), CPU];
    let mut words = Words {
        word: header.word,
        rest: &plain[5 * header.word.0..],
    };
    let mut samples: Vec<(u64, Vec<u64>)> = Vec::new();
    let mut stacks = Stacks::new(name, &types, (CPU, period), Dropped::Signals);
    while !words.rest.is_empty() {
        let cut = || ProfileError::Truncated {
            input: name.to_owned(),
            reason: format!("inside stack {}", samples.len() + 1),
        };
        let count = words.next().ok_or_else(cut)?;
        let length = words.next().ok_or_else(cut)?;
        // A length that the rest doesn't hold would have memory reserved for it.
        let length = usize::try_from(length)
            .ok()
            .filter(|length| *length <= words.rest.len() / header.word.0)
            .ok_or_else(cut)?;
        let stack: Vec<u64> = words.by_ref().take(length).collect();
        if count == 0 && stack == [0] {
            break;
        }
        stacks.take(HELD_BYTES + size_of_val(&*stack) as u64)?;
        samples.push((count, stack));
    }
    if !header.is_java {
        for (_, stack) in &mut samples {
            into_calls(stack);
        }
        strip_handler(&mut samples);
        for (_, stack) in &mut samples {
            without_second_leaf(stack);
        }
    }
    let text = String::from_utf8_lossy(words.rest);
    for (count, stack) in samples {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        stacks.add(&stack, vec![count, count.saturating_mul(period)], None)?;
    }
    if header.is_java {
        java::name_locations(&mut stacks, Lines::new(&text))?;
        return Ok(stacks.message);
    }
    stacks.finish(&mut Lines::new(&text))
}

/// Takes out the frame below the leaf where nearly all stacks have the same one: the handler of the signal that took them, and what
/// the kernel put below it. Twice at most.
fn strip_handler(samples: &mut [(u64, Vec<u64>)]) {
    /// One stack in so many may have another.
    const OTHERS: usize = 32;
    for _ in 0..2 {
        let mut times: HashMap<u64, usize> = HashMap::new();
        for second in samples.iter().filter_map(|(_, stack)| stack.get(1)) {
            *times.entry(*second).or_default() += 1;
        }
        let enough = samples.len() - samples.len() / OTHERS;
        let Some((&handler, _)) = times.iter().find(|(_, times)| **times >= enough) else {
            return;
        };
        for (_, stack) in samples.iter_mut() {
            if stack.get(1) == Some(&handler) {
                stack.remove(1);
            }
        }
    }
}
