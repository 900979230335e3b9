//! The checker of the exercise: what it must still do, and that it is steady. Used on the learner's file by
//! `tests/exercise.rs`, and on the author's three by `tests/profiled/proof.rs`.

use super::exercise::{Answer, REMEMBERED, Recent};
use detectors::memory::{Underlying, underlying};
use detectors::{Class, Evidence, Watch};
use libz_sys::{Z_OK, uncompress};

/// What the exercise as shipped must be accused of: no line of Rust's heap, but who holds what grows.
#[allow(dead_code, reason = "the learner's check doesn't need it")]
pub const AS_SHIPPED: (Class, &str) = (Class::ForeignMemory, "C's malloc");

/// A list of hosts, as answers hold them: alike, so that they become short.
fn hosts(count: usize) -> Vec<String> {
    let host = |number| format!("{{\"host\":\"www-{number}.shop.example\",\"port\":443}}\n");
    (0..count).map(host).collect()
}

/// What a client makes of an answer; `None` when it isn't what zlib has compressed.
fn read(answer: &[u8]) -> Option<String> {
    let mut text = vec![0; 1 << 20];
    let mut length = text.len() as _;
    // SAFETY: zlib reads and writes within the lengths that it is given.
    let told = unsafe {
        let (from, of) = (answer.as_ptr(), answer.len() as _);
        uncompress(text.as_mut_ptr(), &raw mut length, from, of)
    };
    text.truncate(usize::try_from(length).ok()?);
    (told == Z_OK).then(|| String::from_utf8(text).ok())?
}

/// Answers are compressed, piece by piece, and the last eight are remembered.
pub fn behaviour() {
    let mut recent = Recent::default();
    for count in [0, 1, 40, 2_000] {
        let hosts = hosts(count);
        let pieces: Vec<&str> = hosts.iter().map(String::as_str).collect();
        let (answer, text) = (recent.answer(&pieces), pieces.concat());
        assert_eq!(
            read(&answer).as_deref(),
            Some(&*text),
            "answer returns its text, compressed by zlib"
        );
        assert!(
            count < 40 || answer.len() * 3 < text.len(),
            "an answer is a third of its text at most: {} bytes of {}",
            answer.len(),
            text.len()
        );
        assert_eq!(
            recent.lengths().last(),
            Some(&(text.len(), answer.len())),
            "lengths tells how long the text was, and its answer"
        );
    }
    assert_eq!(recent.lengths().len(), 4, "lengths tells of every answer");
    for number in 0..20 {
        recent.answer(&["a".repeat(number).as_str()]);
    }
    let texts: Vec<usize> = recent.lengths().iter().map(|(text, _)| *text).collect();
    let last: Vec<usize> = (20 - REMEMBERED..20).collect();
    assert_eq!(texts, last, "the last eight are remembered, oldest first");

    let mut answer = Answer::new();
    answer.write("shop");
    answer.write(".example");
    let sent = answer.finish().to_vec();
    assert_eq!(
        read(&sent).as_deref(),
        Some("shop.example"),
        "finish returns the whole answer, compressed by zlib"
    );
    assert_eq!(
        answer.lengths(),
        (12, sent.len()),
        "lengths tells how long the text was, and its answer"
    );
}

/// Answer after answer, and beside each a client that goes away in the middle of its own.
pub fn memory() -> Evidence {
    Watch::new("the answers").run(|| {
        let mut recent = Recent::default();
        let hosts = hosts(8);
        let text = hosts.concat().len();
        move || {
            let pieces: Vec<&str> = hosts.iter().map(String::as_str).collect();
            let answer = recent.answer(&pieces).len();
            assert!(
                answer * 2 < text,
                "the thousandth answer is compressed as the first: {answer} bytes of {text}"
            );
            assert_eq!(
                recent.lengths().last(),
                Some(&(text, answer)),
                "the thousandth answer is remembered as the first"
            );
            let mut unfinished = Answer::new();
            unfinished.write(&hosts[0]);
        }
    })
}

/// Answers leave nothing with the C library's allocator: after 4,000 of them as much is in use as after 500, to less than a stream.
/// Where that allocator doesn't tell, the watch's word stands.
pub fn exactly() {
    const STREAM_BYTES: u64 = 4_096;
    let in_use = || {
        let figures = underlying().and_then(Underlying::figures)?;
        Some(figures.in_use)
    };
    let hosts = hosts(8);
    let pieces: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let mut recent = Recent::default();
    let mut answer = |times: usize| {
        for _ in 0..times {
            recent.answer(&pieces);
            let mut unfinished = Answer::new();
            unfinished.write(&hosts[0]);
        }
    };
    answer(500);
    let Some(before) = in_use() else { return };
    answer(3_500);
    let more = in_use().unwrap_or(before).saturating_sub(before);
    assert!(
        more < STREAM_BYTES,
        "3,500 answers more leave nothing in C's malloc: {more} bytes more are in use there"
    );
}
