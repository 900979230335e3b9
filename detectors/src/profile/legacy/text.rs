//! Lines and numbers of a text that nobody vouches for.

use crate::profile::check::malformed;
use crate::profile::{Printable, ProfileError};

/// The lines of a text, which know how far they have come.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    rest: std::str::Lines<'a>,
    /// How many were given; the last one's number, counted from one.
    number: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            rest: text.lines(),
            number: 0,
        }
    }

    /// The refusal of the line that was given last.
    pub(super) fn refused(&self, name: &str, line: &str, what: &str) -> ProfileError {
        const SHOWN_MAX: usize = 60;
        let shown: String = line.trim().chars().take(SHOWN_MAX).collect();
        let shown = Printable(&shown);
        malformed(name, format!("line {} {what}: \"{shown}\"", self.number))
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let line = self.rest.next()?;
        self.number += 1;
        Some(line)
    }
}

pub(super) fn is_blank_or_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

/// A number in hexadecimal digits, with or without `0x`.
pub(super) fn hexadecimal(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    // `from_str_radix` takes a sign as well.
    digits
        .starts_with(|digit: char| digit.is_ascii_hexdigit())
        .then_some(())?;
    u64::from_str_radix(digits, 16).ok()
}

/// The addresses of a stack, the leaf first: `0x4b911d 0x4b923e`.
pub(super) fn addresses(text: &str) -> Option<Vec<u64>> {
    text.split_ascii_whitespace()
        .map(|word| word.starts_with("0x").then(|| hexadecimal(word))?)
        .collect()
}

/// A count and what it comes to: `10: 1064960`.
pub(super) fn pair(text: &str) -> Option<[i64; 2]> {
    let (count, size) = text.split_once(':')?;
    Some([count.trim().parse().ok()?, size.trim().parse().ok()?])
}

/// Two such pairs, the second in brackets: `10: 1064960 [12: 1081344]`.
pub(super) fn pairs(text: &str) -> Option<[[i64; 2]; 2]> {
    let (first, second) = text.split_once('[')?;
    let second = second.trim_end().strip_suffix(']')?;
    Some([pair(first)?, pair(second)?])
}
