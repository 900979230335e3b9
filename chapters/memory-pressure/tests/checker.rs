//! The checker of the exercise: what it must still do, and that it needs little at once. Used on the learner's file by
//! `tests/exercise.rs`, and on the author's by `tests/profiled/proof.rs`.

use super::exercise::{Request, report};
use detectors::heap::Detail;
use detectors::{Evidence, Scope, Watch};
use std::fmt::Write;
use std::io::{self, BufReader, Read};

/// Where the exercise as shipped must be accused: where a request is made of each line.
#[allow(dead_code, reason = "the learner's check doesn't need it")]
pub const AS_SHIPPED: &str = "exercise::request";

/// What a report may need at once.
const BUDGET_BYTES: u64 = 512 << 10;

/// What a long log may need more than a short one: less than a bit for each line.
const LONG_LOG_BYTES_MAX: u64 = 4 << 10;

/// The slowest of a log, in their order, and how many lines were none.
pub fn behaviour() {
    let log = "12 /a\n7 /b\nrestarted\n90 /c d\n\n12 /e\n3 /f\n41 /g";
    let found = report(log.as_bytes(), 4).expect("a log that can be read");
    let slowest: Vec<_> = found.slowest.iter().map(told).collect();
    assert_eq!(
        slowest,
        [(90, "/c d"), (41, "/g"), (12, "/a"), (12, "/e")],
        "report finds the slowest, the earlier first of two that took as long"
    );
    assert_eq!(found.skipped, 2, "lines that are no requests are counted");
    let all = report(log.as_bytes(), 100).expect("a log that can be read");
    assert_eq!(all.slowest.len(), 6, "a short log is reported whole");
    let none = report(&b""[..], 4).expect("an empty log");
    assert!(
        none.slowest.is_empty() && none.skipped == 0,
        "an empty log has no slowest request"
    );
    let mut first_is_slowest = String::new();
    for request in 0..100 {
        let _ = writeln!(first_is_slowest, "{} /{request}", 500 - request); // a String takes whatever comes
    }
    let found = report(first_is_slowest.as_bytes(), 1).expect("a log that can be read");
    assert_eq!(
        found.slowest.iter().map(told).collect::<Vec<_>>(),
        [(500, "/0")]
    );
    let torn = BufReader::new(b"7 /a\n".chain(Torn));
    assert!(
        report(torn, 4).is_err(),
        "a log that can't be read is an error"
    );
    let none = report(log.as_bytes(), 0).expect("a log that can be read");
    assert_eq!(
        (none.slowest.len(), none.skipped),
        (0, 2),
        "of no requests that are asked for, none is reported"
    );
    let all = report(log.as_bytes(), usize::MAX).expect("a log that can be read");
    assert_eq!(all.slowest.len(), 6, "a short log is reported whole");
    the_slowest_of_a_long_log_are_found();
}

/// Wherever they stand, and the earlier ones where many took as long.
fn the_slowest_of_a_long_log_are_found() {
    // Ten requests take as long as each of the slowest: the last place is one of a tie.
    let (hour, lines, most) = (3, 20_000, 25);
    let found = report(BufReader::new(Log::of(hour, lines)), most).expect("a log that can be read");
    let mut requests: Vec<_> = (hour * lines..(hour + 1) * lines).map(request).collect();
    requests.sort_by_key(|(milliseconds, _)| std::cmp::Reverse(*milliseconds));
    let slowest: Vec<_> = found
        .slowest
        .into_iter()
        .map(|slow| (slow.milliseconds, slow.path))
        .collect();
    let path = |customer| format!("/apex/customer-{customer:04}.example");
    let expected: Vec<_> = requests[..most]
        .iter()
        .map(|(ms, customer)| (*ms, path(*customer)))
        .collect();
    assert_eq!(
        slowest, expected,
        "report finds the slowest of {lines}, the earlier first of two that took as long"
    );
    assert_eq!(found.skipped, 0, "every line of that log is a request");
}

fn told(request: &Request) -> (u64, &str) {
    (request.milliseconds, &request.path)
}

/// Report after report, each of another hour.
pub fn memory() -> Evidence {
    Watch::new("the report")
        .warm_up(8)
        .pressure_from(BUDGET_BYTES)
        .run(|| {
            let mut hour = 0;
            move || {
                hour += 1;
                let log = BufReader::new(Log::of(hour % 24, 10_000));
                report(log, 10).expect("a log that can be read");
            }
        })
}

/// A log of 60,000 lines needs as much at once as one of 20,000.
pub fn exactly() {
    let peak = |lines| {
        let scope = Scope::new(Detail::Counts).expect("the program's allocator counts");
        report(BufReader::new(Log::of(0, lines)), 10).expect("a log that can be read");
        scope.read().peak_bytes
    };
    let (short, long) = (peak(20_000), peak(60_000));
    assert!(
        long <= short + LONG_LOG_BYTES_MAX,
        "a log of 20,000 lines needs {short} bytes at once, one of 60,000 lines {long}: nothing may be kept of each line"
    );
}

/// The request in that line of the log: its time, and whose it is.
fn request(line: u64) -> (u64, u64) {
    let milliseconds = line.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 2_000;
    (milliseconds, line % 10_000)
}

/// A log that comes line by line, as from a file: nobody but the report has to have it whole.
struct Log {
    line: u64,
    lines: u64,
    rest: io::Cursor<String>,
}

impl Log {
    fn of(hour: u64, lines: u64) -> Self {
        Log {
            line: hour * lines,
            lines: (hour + 1) * lines,
            rest: io::Cursor::default(),
        }
    }
}

impl Read for Log {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.rest.position() == self.rest.get_ref().len() as u64 && self.line < self.lines {
            let (milliseconds, customer) = request(self.line);
            let text = self.rest.get_mut();
            text.clear();
            let _ = writeln!(text, "{milliseconds} /apex/customer-{customer:04}.example");
            self.rest.set_position(0);
            self.line += 1;
        }
        self.rest.read(into)
    }
}

/// A disk that fails.
struct Torn;

impl Read for Torn {
    fn read(&mut self, _into: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("the disk is gone"))
    }
}
