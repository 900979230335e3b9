//! How much is left before memory runs out, while a look lasts.

use std::fs;

/// What is left below a limit on memory: a control group's, or the machine's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Headroom {
    /// The limit, in bytes.
    pub limit: u64,
    /// What is left below it, in bytes.
    pub left: u64,
}

impl Headroom {
    /// This machine's memory; `None` where the system doesn't tell it.
    pub fn of_this_machine() -> Option<Self> {
        let text = fs::read_to_string("/proc/meminfo").ok()?;
        let figure = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
            Some(kilobytes * 1024)
        };
        Some(Headroom {
            limit: figure("MemTotal:")?,
            left: figure("MemAvailable:")?,
        })
    }

    /// What is left, as a share of the limit.
    pub fn share(&self) -> f64 {
        self.left as f64 / self.limit.max(1) as f64
    }

    /// The one of which the smaller share is left.
    #[must_use]
    pub fn or_tighter(self, other: Option<Self>) -> Self {
        match other {
            Some(other) if other.share() < self.share() => other,
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Headroom;

    #[test]
    fn the_tighter_one_counts() {
        let of = |limit, left| Headroom { limit, left };
        let (machine, group) = (of(8_000, 4_000), of(100, 9));
        assert_eq!(machine.or_tighter(Some(group)), group);
        assert_eq!(group.or_tighter(Some(machine)), group);
        assert_eq!(machine.or_tighter(None), machine);
        assert!(group.share() < 0.1);
    }
}
