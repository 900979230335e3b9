//! EXERCISE: the report of the slowest requests.
//!
//! Every hour a job reads the access log of the hour and reports the slowest requests, ten of them. The log has a line for each
//! request: its time in milliseconds, then its path. The job has run well for a year. Now the service is popular, the log has
//! two million lines, and the job's container is killed at a minute past each hour. Nothing grows from hour to hour.
//!
//! Your task: make it need no more for a long log than for a short one, and keep it working.
//!
//! ```text
//! cargo run -- check memory-pressure     is it fixed? (also tells what is still wrong)
//! cargo run -- hint memory-pressure      three hints, from a question to nearly the line
//! cargo run -- reset memory-pressure     start over
//! ```
//!
//! You may change everything in this file but the names and arguments of the public functions.

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
    let mut text = String::new();
    log.read_to_string(&mut text)?;
    let lines = text.lines().count();
    let mut requests: Vec<Request> = text.lines().filter_map(request).collect();
    let skipped = lines - requests.len();
    requests.sort_by_key(|request| std::cmp::Reverse(request.milliseconds));
    requests.truncate(most);
    Ok(Report {
        slowest: requests,
        skipped,
    })
}

/// `17 /apex/shop.example`; `None` for a line that says something else.
fn request(line: &str) -> Option<Request> {
    let (milliseconds, path) = line.split_once(' ')?;
    Some(Request {
        milliseconds: milliseconds.parse().ok()?,
        path: path.to_owned(),
    })
}
