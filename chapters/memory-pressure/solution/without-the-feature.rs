//! Steady, and useless: it reports the first requests, whichever they are.

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
    let mut slowest = Vec::new();
    for line in log.lines().take(most) {
        slowest.extend(request(&line?));
    }
    Ok(Report {
        slowest,
        skipped: 0,
    })
}

fn request(line: &str) -> Option<Request> {
    let (milliseconds, path) = line.split_once(' ')?;
    Some(Request {
        milliseconds: milliseconds.parse().ok()?,
        path: path.to_owned(),
    })
}
