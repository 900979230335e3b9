//! Random choices that a seed repeats.

/// splitmix64: every seed is a good one.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("it is below a usize")
    }

    /// A size from 1 byte to `2^bits`: every order of magnitude is as likely as another.
    pub(crate) fn size(&mut self, bits: usize) -> usize {
        let magnitude = 1 << self.below(bits + 1);
        (magnitude + self.below(magnitude)).min(1 << bits)
    }

    /// From 1 to 4,096, where half of all are what the standard library asks for.
    pub(crate) fn align(&mut self) -> usize {
        if self.below(2) == 0 {
            1 << self.below(4)
        } else {
            1 << self.below(13)
        }
    }
}
