//! Right as well: the slowest lie in a heap, the least of them on top.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, BufRead};

/// One request of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub milliseconds: u64,
    pub path: String,
}

/// What the job reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The slowest first; of two that took as long, the earlier one first.
    pub slowest: Vec<Request>,
    /// Lines that were no requests.
    pub skipped: usize,
}

/// Reads a log to its end and reports its `most` slowest requests.
pub fn report(log: impl BufRead, most: usize) -> io::Result<Report> {
    let mut slowest = BinaryHeap::new();
    let mut skipped = 0;
    for (number, line) in log.lines().enumerate() {
        let Some((milliseconds, path)) = request(&line?) else {
            skipped += 1;
            continue;
        };
        slowest.push(Reverse((milliseconds, Reverse(number), path)));
        if slowest.len() > most {
            slowest.pop();
        }
    }
    let slowest = slowest.into_sorted_vec().into_iter();
    let slowest = slowest.map(|Reverse((milliseconds, _, path))| Request { milliseconds, path });
    Ok(Report {
        slowest: slowest.collect(),
        skipped,
    })
}

/// `17 /apex/shop.example`; `None` for a line that says something else.
fn request(line: &str) -> Option<(u64, String)> {
    let (milliseconds, path) = line.split_once(' ')?;
    Some((milliseconds.parse().ok()?, path.to_owned()))
}
