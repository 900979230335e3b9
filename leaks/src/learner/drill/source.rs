//! Functions in the service's source: their names as tools print them, and their lines.

use super::score::Site;
use super::sheet::Place;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// Where the service's features are, below the workbook's root.
pub(crate) const FOLDER: &str = "leaks/service/src/features";

pub(crate) fn file_of(root: &Path, place: Place) -> PathBuf {
    root.join(FOLDER).join(place.file)
}

/// A function's lines, counted from one.
pub(crate) fn lines_of(root: &Path, place: Place) -> Option<RangeInclusive<usize>> {
    let text = std::fs::read_to_string(file_of(root, place)).ok()?;
    let lines: Vec<&str> = text.lines().collect();
    let (of, name) = match place.function.rsplit_once("::") {
        Some((of, name)) => (Some(of), name),
        None => (None, place.function),
    };
    let after = match of {
        Some(of) => lines.iter().position(|line| is_impl_of(line, of))?,
        None => 0,
    };
    let is_head = |line: &&&str| {
        line.split_once("fn ")
            .is_some_and(|(_, rest)| is_named(rest, name))
    };
    let head = lines[after..].iter().find(is_head)?;
    let indent = head.len() - head.trim_start().len();
    let begin = after + lines[after..].iter().position(|line| line == head)?;
    let ends = |line: &&str| line.len() == indent + 1 && line.ends_with('}');
    let length = lines[begin..].iter().position(ends)?;
    Some(begin + 1..=begin + length + 1)
}

fn is_impl_of(line: &str, name: &str) -> bool {
    line.strip_prefix("impl ")
        .is_some_and(|rest| is_named(rest, name))
}

fn is_named(rest: &str, name: &str) -> bool {
    let after = rest.strip_prefix(name);
    after.is_some_and(|after| {
        !after.starts_with(|letter: char| letter.is_alphanumeric() || letter == '_')
    })
}

/// Of a function's path, as it was typed, its own name.
pub(crate) fn last_name(typed: &str) -> &str {
    let plain = typed.trim_end_matches("::{{closure}}");
    plain.rsplit("::").next().unwrap_or(plain)
}

/// Whether a site is a place of the service's features: a line that there is, or a function's name.
pub(crate) fn has(root: &Path, site: &Site) -> bool {
    let folder = root.join(FOLDER);
    match site {
        Site::Line { file, line } => {
            let name = file.rsplit('/').next().unwrap_or(file);
            let text = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
            (1..=text.lines().count()).contains(line)
        }
        Site::Function(typed) => {
            let name = last_name(typed);
            let has_it = |text: String| {
                let mut rests = text.split("fn ").skip(1);
                rests.any(|rest| is_named(rest, name))
            };
            let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
            let mut texts = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
            !name.is_empty() && texts.any(has_it)
        }
    }
}

/// Whether a name as it was typed, or as a profile has it, is that of a function: `Audit::note`,
/// `domain_service::features::audit::Audit::note::{{closure}}`, `<domain_service::features::audit::Audit>::note`.
pub(crate) fn is_function(typed: &str, function: &str) -> bool {
    let plain = typed
        .replace("{{closure}}", "")
        .replace("{closure#0}", "")
        .replace(['<', '>', '(', ')', ' '], "");
    let parts: Vec<&str> = plain.split("::").filter(|part| !part.is_empty()).collect();
    let wanted: Vec<&str> = function.split("::").collect();
    // The name alone will do, and whatever stands in front of the whole.
    parts.ends_with(&wanted) || parts.len() == 1 && parts.first() == wanted.last()
}

#[cfg(test)]
mod tests {
    use super::is_function;

    #[test]
    fn a_function_is_known_by_the_names_that_tools_print() {
        for typed in [
            "note",
            "Audit::note",
            "domain_service::features::audit::Audit::note",
            "<domain_service::features::audit::Audit>::note",
            "domain_service::features::audit::Audit::note::{{closure}}",
        ] {
            assert!(is_function(typed, "Audit::note"), "{typed}");
        }
        for typed in ["", "Other::note", "Audit::copy", "Audit", "audit"] {
            assert!(!is_function(typed, "Audit::note"), "{typed}");
        }
        assert!(is_function(
            "domain_service::features::exports::mailing::{{closure}}",
            "mailing"
        ));
    }
}
