//! Several filters: libtest runs a test that any of them names, where libtest-mimic takes one.

use std::ffi::OsString;

/// Options that take the next argument for their value.
const WITH_VALUE: [&str; 6] = [
    "--test-threads",
    "--logfile",
    "--skip",
    "--color",
    "--format",
    "-Z",
];

/// The arguments without their filters, and the filters.
pub(super) fn taken_out(
    arguments: impl IntoIterator<Item = OsString>,
) -> (Vec<OsString>, Vec<String>) {
    let (mut others, mut filters) = (Vec::new(), Vec::new());
    let mut is_value = false;
    let mut are_filters = false;
    for argument in arguments {
        let text = argument.to_string_lossy();
        if are_filters || !is_value && !text.starts_with('-') {
            filters.push(text.into_owned());
        } else if !is_value && text == "--" {
            are_filters = true;
        } else {
            is_value = !is_value && WITH_VALUE.contains(&&*text);
            others.push(argument);
        }
    }
    (others, filters)
}

/// The names that none of several filters names, or that one of those to be skipped does.
pub(super) fn skipped<'n>(
    names: impl Iterator<Item = &'n str>,
    filters: &[String],
    skip: &[String],
    exact: bool,
) -> Vec<String> {
    let is_named = |name: &str, by: &[String]| {
        by.iter().any(|filter| {
            if exact {
                name == filter
            } else {
                name.contains(filter)
            }
        })
    };
    names
        .filter(|name| !is_named(name, filters) || is_named(name, skip))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{skipped, taken_out};
    use std::ffi::OsString;

    #[test]
    fn filters_are_told_from_options_and_their_values() {
        let taken = |arguments: &[&str]| {
            let (others, filters) = taken_out(arguments.iter().map(OsString::from));
            let others = others
                .into_iter()
                .filter_map(|other| other.into_string().ok());
            (others.collect::<Vec<_>>(), filters)
        };
        let (others, filters) = taken(&[
            "one",
            "--skip",
            "two",
            "--test-threads=2",
            "--color",
            "always",
            "three",
            "--exact",
            "--",
            "--four",
        ]);
        assert_eq!(
            others,
            [
                "--skip",
                "two",
                "--test-threads=2",
                "--color",
                "always",
                "--exact"
            ]
        );
        assert_eq!(filters, ["one", "three", "--four"]);
        assert_eq!(
            taken(&["--list", "--format", "terse"]).1,
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_test_runs_that_any_filter_names() {
        let names = ["a", "a_b", "b", "c", "c_d"];
        let texts = |texts: &[&str]| {
            texts
                .iter()
                .map(|&text| text.to_owned())
                .collect::<Vec<_>>()
        };
        let of = |filters: &[&str], skip: &[&str], exact| {
            skipped(names.into_iter(), &texts(filters), &texts(skip), exact)
        };
        assert_eq!(of(&["a", "c"], &[], false), ["b"]);
        assert_eq!(of(&["a", "c"], &["_"], false), ["a_b", "b", "c_d"]);
        assert_eq!(of(&["a", "c"], &[], true), ["a_b", "b", "c_d"]);
    }
}
