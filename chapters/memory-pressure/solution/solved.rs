//! SOLUTION: one line is in memory at a time, and of all requests only the slowest so far.

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
pub fn report(mut log: impl BufRead, most: usize) -> io::Result<Report> {
    let mut slowest: Vec<Request> = Vec::new();
    let mut skipped = 0;
    let mut line = String::new();
    while log.read_line(&mut line)? > 0 {
        match request(line.trim_end()) {
            Some((milliseconds, path)) => {
                let place = slowest.partition_point(|slow| slow.milliseconds >= milliseconds);
                // A copy is made of what is among the slowest, and of nothing else.
                if place < most {
                    let path = path.to_owned();
                    slowest.insert(place, Request { milliseconds, path });
                    slowest.truncate(most);
                }
            }
            None => skipped += 1,
        }
        line.clear();
    }
    Ok(Report { slowest, skipped })
}

/// `17 /apex/shop.example`; `None` for a line that says something else.
fn request(line: &str) -> Option<(u64, &str)> {
    let (milliseconds, path) = line.split_once(' ')?;
    Some((milliseconds.parse().ok()?, path))
}
