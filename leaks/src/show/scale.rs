//! Byte counts as a person reads them.

/// The unit that leaves a readable number, by the names that the detectors' own sentences use. (pprof writes kB and MB for the same.)
pub(super) fn unit(bytes: f64) -> (f64, &'static str) {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut divisor = 1.0;
    let mut unit = 0;
    while bytes / divisor >= 1024.0 && unit + 1 < UNITS.len() {
        divisor *= 1024.0;
        unit += 1;
    }
    (divisor, UNITS[unit])
}

/// A count of bytes with its unit, to three digits or so: `12.5 MiB`.
pub(crate) fn bytes(count: f64) -> String {
    let (divisor, unit) = unit(count.abs());
    let value = count / divisor;
    if value.fract() == 0.0 || value.abs() >= 100.0 {
        format!("{value:.0} {unit}")
    } else {
        format!("{value:.1} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_read_as_a_person_writes_them() {
        assert_eq!(bytes(1_048_600.0), "1.0 MiB");
        assert_eq!(bytes(16.0), "16 B");
        assert_eq!(bytes(-2048.0), "-2 KiB");
    }
}
