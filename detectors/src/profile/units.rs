//! Amounts as Go's pprof prints them, so that two outputs can be laid side by side.

/// One unit: its name in the output, the names it goes by in profiles, and its size in the
/// family's first unit.
type Unit = (&'static str, &'static [&'static str], f64);

/// A family of units, and the one to fall back on when an amount is below the smallest.
struct Family {
    units: &'static [Unit],
    fallback: (&'static str, f64),
}

const FAMILIES: [Family; 2] = [
    Family {
        units: &[
            ("B", &["b", "byte"], 1.0),
            ("kB", &["kb", "kbyte", "kilobyte"], 1024.0),
            ("MB", &["mb", "mbyte", "megabyte"], 1_048_576.0),
            ("GB", &["gb", "gbyte", "gigabyte"], 1_073_741_824.0),
            ("TB", &["tb", "tbyte", "terabyte"], 1_099_511_627_776.0),
            ("PB", &["pb", "pbyte", "petabyte"], 1_125_899_906_842_624.0),
        ],
        fallback: ("B", 1.0),
    },
    Family {
        units: &[
            ("ns", &["ns", "nanosecond"], 1.0),
            ("us", &["μs", "us", "microsecond"], 1e3),
            ("ms", &["ms", "millisecond"], 1e6),
            ("s", &["s", "sec", "second"], 1e9),
            ("hrs", &["hour", "hr"], 3.6e12),
        ],
        fallback: ("s", 1e9),
    },
];

fn find<'a>(family: &'a Family, unit: &str) -> Option<&'a Unit> {
    let lower = unit.to_lowercase();
    let singular = match lower.strip_suffix('s') {
        Some(singular) if lower.chars().count() > 2 => singular,
        _ => &lower,
    };
    family
        .units
        .iter()
        .find(|(_, aliases, _)| aliases.contains(&singular))
}

/// The amount in unit `to`, and the name of the unit it came out in. `"minimum"` picks the largest
/// unit in which the amount is at least one. Units of no family, such as a count, stay as they are.
fn scale(value: i64, from: &str, to: &str) -> (f64, String) {
    if value < 0 && value != i64::MIN {
        let (scaled, unit) = scale(-value, from, to);
        return (-scaled, unit);
    }
    for family in &FAMILIES {
        let Some((_, _, factor)) = find(family, from) else {
            continue;
        };
        let amount = value as f64 * factor;
        let (name, size) = if to == "minimum" {
            family
                .units
                .iter()
                .rev()
                .find(|(_, _, size)| amount / size >= 1.0)
                .map_or(family.fallback, |(name, _, size)| (*name, *size))
        } else {
            find(family, to).map_or(family.fallback, |(name, _, size)| (*name, *size))
        };
        return (amount / size, name.to_owned());
    }
    let unit = match to {
        "count" | "sample" | "unit" | "minimum" => "",
        other => other,
    };
    (value as f64, unit.to_owned())
}

/// How one report writes its amounts: the unit they are stored in and the one they are shown in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Amounts {
    stored: String,
    shown: String,
}

impl Amounts {
    /// Each amount in the unit that suits it.
    pub(super) fn each(stored: &str) -> Self {
        Self {
            stored: stored.to_owned(),
            shown: "minimum".to_owned(),
        }
    }

    /// All amounts of a table in one unit: the smallest value's, or one step up when the largest
    /// is more than a hundred times that.
    pub(super) fn common(stored: &str, smallest: i64, largest: i64) -> Self {
        let smallest = if smallest == 0 { largest } else { smallest };
        let (_, small) = scale(smallest, stored, "minimum");
        let (_, large) = scale(largest, stored, "minimum");
        let hundredfold = smallest.saturating_mul(100);
        let unit = if small != large && hundredfold < largest {
            scale(hundredfold, stored, "minimum").1
        } else {
            small
        };
        let shown = if unit.is_empty() {
            stored.to_owned()
        } else {
            unit
        };
        Self {
            stored: stored.to_owned(),
            shown,
        }
    }

    /// The amount with two decimals, or none when they are zero: `512.50kB`, `3`, `0`.
    pub(super) fn format(&self, value: i64) -> String {
        let (scaled, unit) = scale(value, &self.stored, &self.shown);
        let digits = format!("{scaled:.2}");
        let digits = digits.strip_suffix(".00").unwrap_or(&digits);
        if digits == "0" || digits == "-0" {
            "0".to_owned()
        } else {
            format!("{digits}{unit}")
        }
    }
}

/// `value` as a share of `total`, six columns wide, with at least two digits.
pub(super) fn percentage(value: i64, total: i64) -> String {
    let ratio = percent(value, total).abs();
    if (99.95..=100.05).contains(&ratio) {
        "  100%".to_owned()
    } else if ratio >= 1.0 {
        format!("{ratio:5.2}%")
    } else {
        format!("{:>5}%", two_digits(ratio))
    }
}

/// `value` as a share of `total`, in per cent; zero when there is no total.
pub(super) fn percent(value: i64, total: i64) -> f64 {
    if total == 0 {
        0.0
    } else {
        value as f64 / total as f64 * 100.0
    }
}

/// Two significant digits without trailing zeros, as C's `%.2g` prints a value below one.
fn two_digits(ratio: f64) -> String {
    if ratio == 0.0 {
        return "0".to_owned();
    }
    let scientific = format!("{ratio:.1e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if exponent < -4 {
        let mantissa = mantissa.strip_suffix(".0").unwrap_or(mantissa);
        return format!("{mantissa}e-{:02}", -exponent);
    }
    let decimals = usize::try_from(1 - exponent).unwrap_or(0);
    let fixed = format!("{ratio:.decimals$}");
    if fixed.contains('.') {
        fixed.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        fixed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_as_in_go() {
        let each = Amounts::each("bytes");
        for (value, text) in [
            (0, "0"),
            (1, "1B"),
            (1023, "1023B"),
            (524_800, "512.50kB"),
            (1_048_576, "1MB"),
            (1_216_348, "1.16MB"),
            (-2048, "-2kB"),
            (i64::MIN, "-9223372036854775808B"),
        ] {
            assert_eq!(each.format(value), text, "{value}");
        }
        assert_eq!(Amounts::each("count").format(12_345), "12345");
        assert_eq!(Amounts::each("nanoseconds").format(2_500_000), "2.50ms");
    }

    #[test]
    fn a_table_shares_one_unit() {
        assert_eq!(
            Amounts::common("bytes", 100, 5_000_000).format(5_000_000),
            "4882.81kB"
        );
        assert_eq!(
            Amounts::common("bytes", 600_000, 900_000).format(900_000),
            "878.91kB"
        );
        assert_eq!(Amounts::common("count", 1, 7).format(7), "7");
        assert_eq!(Amounts::common("count", 0, 0).format(0), "0");
    }

    #[test]
    fn shares_keep_two_digits() {
        for (value, total, text) in [
            (0, 0, "    0%"),
            (0, 10, "    0%"),
            (1, 1, "  100%"),
            (1, 3, "33.33%"),
            (1, 300, " 0.33%"),
            (1, 1_000, "  0.1%"),
            (9_999, 1_000_000, "    1%"),
            (1, 100_000_000, "1e-06%"),
            (-1, 2, "50.00%"),
            (5, 1, "500.00%"),
        ] {
            assert_eq!(percentage(value, total), text, "{value} of {total}");
        }
    }
}
