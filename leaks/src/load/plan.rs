//! What load is asked for.

use super::targets::Targets;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use workbook::duration::of_an_hour_at_most;

/// The longest that a whole pattern may take, pauses included.
const LONGEST: Duration = Duration::from_hours(1);

/// Load, in all that it needs.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) targets: Targets,
    pub(crate) pace: Pace,
    /// Clients: at most so many requests are on their way at the same time.
    pub(crate) at_once: u16,
    pub(crate) pattern: Pattern,
    /// It ends early when so many requests have begun, in all loads together.
    pub(crate) count_max: u64,
    /// A request that has no whole answer within this time has failed.
    pub(crate) within: Duration,
}

/// Who decides when the next request begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Pace {
    /// The service: each client asks again when it is answered. A slow service gets fewer requests.
    Closed,
    /// The clock: so many begin each second, however slow the answers are. Latency counts from when a request was due, so one
    /// that had to wait for a free client has that wait in its latency ("coordinated omission" is leaving it out).
    Open(f64),
}

/// Load, and pauses between loads: `10s/5s/10s`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// Load, pause, load, .., load.
    parts: Vec<Duration>,
}

impl Pattern {
    pub(crate) fn once(load: Duration) -> Self {
        Pattern { parts: vec![load] }
    }

    /// Each load, with the pause after it. The last has none.
    pub(crate) fn loads(&self) -> impl ExactSizeIterator<Item = (Duration, Option<Duration>)> {
        self.parts
            .chunks(2)
            .map(|pair| (pair[0], pair.get(1).copied()))
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<Duration> = text
            .split('/')
            .map(of_an_hour_at_most)
            .collect::<Result<_, _>>()?;
        if parts.len().is_multiple_of(2) {
            return Err(format!(
                "it has {} parts; load, pause, load are an odd number, as in 10s/5s/10s",
                parts.len()
            ));
        }
        if parts.iter().sum::<Duration>() > LONGEST {
            return Err("all parts together are longer than an hour".to_owned());
        }
        Ok(Pattern { parts })
    }
}

/// As text again: `10s/5s/10s`.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, part) in self.parts.iter().enumerate() {
            let slash = if number == 0 { "" } else { "/" };
            write!(f, "{slash}{}", humantime::format_duration(*part))?;
        }
        Ok(())
    }
}

/// Requests a second: `200`, `0.5`.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.01..=100_000.0).contains(&rate) => Ok(rate),
        _ => Err("0.01 to 100000 requests can begin each second".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Pattern, rate};
    use std::time::Duration;

    #[test]
    fn a_pattern_is_load_with_pauses_between() {
        let pattern: Pattern = "10s/500ms/2m".parse().expect("a pattern");
        let loads: Vec<_> = pattern.loads().collect();
        let (seconds, pause) = (Duration::from_secs, Duration::from_millis(500));
        assert_eq!(loads, [(seconds(10), Some(pause)), (seconds(120), None)]);
        assert_eq!(pattern.to_string(), "10s/500ms/2m");
        for wrong in [
            "", "/", "10s/5s", "10s//10s", "10/5/10", "0s", "1h/1s/1s", "-1s", "x",
        ] {
            assert!(wrong.parse::<Pattern>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn rates_are_of_this_world() {
        assert_eq!(rate("0.5"), Ok(0.5));
        for wrong in ["", "0", "-1", "NaN", "inf", "1e9"] {
            assert!(rate(wrong).is_err(), "{wrong:?}");
        }
    }
}
