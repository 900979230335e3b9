//! Changes that are live for a part of the work: for one use in so many.
//!
//! Which ones are is told on the standard input, as a line of hexadecimal digits: whoever deploys has the table of what each number is
//! about, and the service needs none.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Numbers of changes are below this.
pub const CHANGES: usize = 128;

/// The bytes of the key in front.
const KEY_BYTES: usize = 8;

/// Which changes are live, for one use in how many of each.
#[derive(Debug, Clone)]
pub struct Rollout(Arc<[Change]>);

#[derive(Debug)]
struct Change {
    /// 0 is never.
    one_in: u16,
    uses: AtomicU32,
}

impl Rollout {
    /// Those of a line that [`line()`] made; `None` where it is none.
    pub fn of(line: &str) -> Option<Self> {
        let digits = line.trim().as_bytes();
        let pair = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
        let bytes: Vec<u8> = digits.chunks(2).map(pair).collect::<Option<_>>()?;
        if bytes.len() != KEY_BYTES + 2 * CHANGES {
            return None;
        }
        let (key, body) = bytes.split_at(KEY_BYTES);
        let mut stream = Stream::of(key);
        let changes = body.chunks(2).map(|pair| Change {
            one_in: u16::from_le_bytes([pair[0] ^ stream.next(), pair[1] ^ stream.next()]),
            uses: AtomicU32::new(0),
        });
        Some(Rollout(changes.collect()))
    }

    /// Whether this use of a change is one that it is live for.
    pub(super) fn takes(&self, number: usize) -> bool {
        let change = &self.0[number];
        let use_number = change.uses.fetch_add(1, Relaxed);
        change.one_in > 0 && use_number.is_multiple_of(u32::from(change.one_in))
    }

    /// Whether a change is live at all.
    pub(super) fn has(&self, number: usize) -> bool {
        self.0[number].one_in > 0
    }
}

/// A line that tells these changes and no other, each for one use in so many.
pub fn line(key: u64, live: &[(usize, u16)]) -> String {
    let key = key.to_le_bytes();
    let mut stream = Stream::of(&key);
    let one_in = |number| {
        live.iter()
            .find(|(of, _)| *of == number)
            .map_or(0, |(_, n)| *n)
    };
    let body = (0..CHANGES).flat_map(|number| u16::to_le_bytes(one_in(number)));
    let body: Vec<u8> = body.map(|byte| byte ^ stream.next()).collect();
    let mut told = String::new();
    for byte in key.iter().chain(&body) {
        let _ = write!(told, "{byte:02x}"); // a String takes whatever comes
    }
    told
}

/// Bytes that look random and are the same for the same key (splitmix64).
struct Stream(u64);

impl Stream {
    fn of(key: &[u8]) -> Self {
        Stream(
            key.iter()
                .fold(0, |sum, byte| sum << 8 ^ u64::from(*byte) ^ sum >> 56),
        )
    }

    fn next(&mut self) -> u8 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let value = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (value >> 56) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::{Rollout, line};

    #[test]
    fn a_line_tells_which_changes_are_live() {
        let told = line(7, &[(3, 1), (100, 5)]);
        let rollout = Rollout::of(&told).expect("a line");
        assert!(rollout.has(3) && rollout.has(100) && !rollout.has(4));
        assert!(rollout.takes(3) && rollout.takes(3) && !rollout.takes(4));
        let taken: Vec<bool> = (0..6).map(|_| rollout.takes(100)).collect();
        assert_eq!(taken, [true, false, false, false, false, true]);
    }

    #[test]
    fn two_lines_for_the_same_have_nothing_in_common_and_others_are_refused() {
        let (one, other) = (line(7, &[(3, 1)]), line(8, &[(3, 1)]));
        assert_eq!(one.len(), other.len());
        let same = one
            .bytes()
            .zip(other.bytes())
            .skip(16)
            .filter(|(a, b)| a == b);
        assert!(same.count() < one.len() / 4);
        for wrong in ["", "zz", &one[2..], "é"] {
            assert!(Rollout::of(wrong).is_none(), "{wrong:?}");
        }
    }
}
