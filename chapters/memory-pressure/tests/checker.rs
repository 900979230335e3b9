//! The checker of the exercise: what it must still do, and that it needs little at once. Used on the learner's file by
//! `tests/exercise.rs`, and on the author's three by `tests/profiled/proof.rs`.

use super::exercise::{Request, report};
use detectors::{Evidence, Watch};
use std::fmt::Write;
use std::io::{self, BufReader, Read};

/// Where the exercise as shipped must be accused: where a request is made of each line.
#[allow(dead_code, reason = "the learner's check doesn't need it")]
pub const AS_SHIPPED: &str = "exercise::request";

/// What a report may need at once.
const BUDGET_BYTES: u64 = 512 << 10;

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
            let milliseconds = self.line.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 2_000;
            let text = self.rest.get_mut();
            text.clear();
            let customer = self.line % 10_000;
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
