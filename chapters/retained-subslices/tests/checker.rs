//! The checker of the exercise: what it must still do, and that it is steady. Used on the learner's file by
//! `tests/exercise.rs`, and on the author's by `tests/profiled/proof.rs`.

use super::exercise::{FAILURES_MAX, LoginGuard, USER_BYTES_MAX};
use chapter::assert_holds_no_more;
use detectors::{Class, Evidence, Kept, Watch};
use std::fmt::Write;

/// What the exercise as shipped must be accused of.
#[allow(dead_code, reason = "the learner's check doesn't need it")]
pub const AS_SHIPPED: (Class, &str) = (Class::RetainedSubslices, "read_batch");

/// How much of the access log comes at once.
const BATCH_BYTES: usize = 16 << 10;
const LINE_BYTES_MAX: usize = 80;

/// The guard counts failures by user, and forgets the oldest beyond its bound.
pub fn behaviour() {
    let mut guard = LoginGuard::default();
    let failed = guard.read_batch(b"200 ada /\n401 ada /login\n401 bob /login\n401 ada /login\n");
    assert_eq!(
        failed, 3,
        "read_batch returns how many logins failed in the batch"
    );
    assert_eq!(
        guard.failures_of("ada"),
        2,
        "failures_of counts a user's failures"
    );
    assert_eq!(
        guard.failures_of("bob"),
        1,
        "failures_of counts a user's failures"
    );
    assert_eq!(
        guard.failures_of("ad"),
        0,
        "failures_of compares whole names"
    );
    assert_eq!(guard.remembered(), 3, "remembered counts the failures");

    let one_batch = "401 eve /login\n".repeat(1_000);
    for _ in 0..FAILURES_MAX / 1_000 {
        guard.read_batch(one_batch.as_bytes());
    }
    assert_eq!(
        guard.failures_of("ada"),
        0,
        "the oldest failures are forgotten beyond FAILURES_MAX"
    );
    assert_eq!(
        guard.failures_of("eve"),
        FAILURES_MAX,
        "the last FAILURES_MAX failures are remembered"
    );
    let last_differs = |last: char| format!("{}{last}", "x".repeat(USER_BYTES_MAX - 1));
    guard.read_batch(format!("401 {} /login\n", last_differs('a')).as_bytes());
    assert_eq!(
        (
            guard.failures_of(&last_differs('a')),
            guard.failures_of(&last_differs('b'))
        ),
        (1, 0),
        "failures_of compares whole names, be they USER_BYTES_MAX long"
    );
    assert_eq!(
        (guard.failures_of("eve"), guard.remembered()),
        (FAILURES_MAX - 1, FAILURES_MAX),
        "a full guard forgets one failure for one new failure"
    );
}

/// The guard reads batch after batch, each with names that were never seen before.
pub fn memory() -> Evidence {
    Watch::new("the login guard").run(|| {
        let mut guard = LoginGuard::default();
        let mut batches = 0;
        move || {
            guard.read_batch(batch(batches).as_bytes());
            batches += 1;
            Kept::bytes(guard.remembered() * USER_BYTES_MAX)
                .of_at_most(FAILURES_MAX * USER_BYTES_MAX)
        }
    })
}

/// A full guard holds as much after any batch, one without a failure as well. While it is filling, what it accounts for could hide
/// some bytes a batch.
pub fn exactly() {
    let mut guard = LoginGuard::default();
    let mut failures = 0;
    let mut fail = |guard: &mut LoginGuard, times: usize| {
        let mut batch = String::new();
        for _ in 0..times {
            failures += 1;
            writeln!(batch, "401 user-{failures:010} /login").expect("a String takes any text");
        }
        guard.read_batch(batch.as_bytes());
    };
    fail(&mut guard, FAILURES_MAX);
    assert_holds_no_more("the full login guard", 1_000, || {
        fail(&mut guard, 1);
        guard.read_batch(b"200 ada /orders\n");
    });
}

/// One batch of the access log, about 16 kB.
fn batch(number: usize) -> String {
    let mut batch = String::with_capacity(BATCH_BYTES);
    for line in 0.. {
        let (status, path) = match line % 7 {
            0 => (401, "/login?from=/orders/2026/11/open&lang=en"),
            _ => (200, "/orders/2026/11/open?sort=date&lang=en&page=1"),
        };
        // Names of 15 bytes, and of as many as a name may have.
        let width = if line % 2 == 0 {
            3
        } else {
            USER_BYTES_MAX - 12
        };
        writeln!(batch, "{status} user-{number:06}-{line:0width$} {path}")
            .expect("a String takes any text");
        if batch.len() + LINE_BYTES_MAX > BATCH_BYTES {
            break;
        }
    }
    batch
}
