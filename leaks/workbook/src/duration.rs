//! Durations as a reader types them: one form for every option.

use std::time::Duration;

/// A duration such as `500ms`, `10s` or `1m 30s`: longer than nothing, and an hour at most.
///
/// # Errors
///
/// In words, with the form that is taken.
pub fn of_an_hour_at_most(text: &str) -> Result<Duration, String> {
    parsed(text, Duration::from_hours(1), "an hour")
}

/// As [`of_an_hour_at_most`], up to a day.
///
/// # Errors
///
/// In words, with the form that is taken.
pub fn of_a_day_at_most(text: &str) -> Result<Duration, String> {
    parsed(text, Duration::from_hours(24), "a day")
}

fn parsed(text: &str, longest: Duration, in_words: &str) -> Result<Duration, String> {
    let why = match humantime::parse_duration(text.trim()) {
        Ok(duration) if duration.is_zero() => "nothing happens in no time".to_owned(),
        Ok(duration) if duration > longest => format!("it is longer than {in_words}"),
        Ok(duration) => return Ok(duration),
        Err(why) => why.to_string(),
    };
    Err(format!("{why}; write 500ms, 10s or 1m 30s"))
}

#[cfg(test)]
mod tests {
    use super::{of_a_day_at_most, of_an_hour_at_most};
    use std::time::Duration;

    #[test]
    fn a_duration_has_units_and_bounds() {
        assert_eq!(of_an_hour_at_most("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(of_an_hour_at_most(" 1m 30s "), Ok(Duration::from_secs(90)));
        assert_eq!(of_an_hour_at_most("1h"), Ok(Duration::from_hours(1)));
        assert_eq!(of_a_day_at_most("1d"), Ok(Duration::from_hours(24)));
        for (wrong, why) in [
            ("", "empty"),
            ("10", "time unit needed"),
            ("1s2", "time unit needed"),
            ("0ms", "no time"),
            ("61m", "longer than an hour"),
            ("1e3s", "unknown time unit"),
            ("999999999999999999999s", "too large"),
        ] {
            let told = of_an_hour_at_most(wrong).expect_err(wrong);
            assert!(
                told.contains(why) && told.contains("write 500ms, 10s or 1m 30s"),
                "{told}"
            );
        }
        let told = of_a_day_at_most("25h").expect_err("more than a day");
        assert!(told.contains("longer than a day"), "{told}");
    }
}
