//! Which folders hold packages that aren't the program's own, where a path alone doesn't tell: vendored ones, and those that a path
//! outside of the workspace names.
//!
//! | told by | when | where |
//! |---|---|---|
//! | debug information: the folder that each file was compiled in | names are looked up in this process | Linux |
//! | `.cargo-checksum.json` beside the package's manifest, as `cargo vendor` writes it | a name is looked up one by one | where the source lies on this machine |
//! | the profile itself, which carries what its program knew | a service is looked at | everywhere |
//!
//! What none of these tells stays the program's own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The folders that are known, without detours.
static KNOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Whether the package of a folder is vendored, for folders that were looked at.
static LOOKED_AT: Mutex<BTreeMap<PathBuf, bool>> = Mutex::new(BTreeMap::new());

/// Remembers a folder of another package.
pub(crate) fn note(root: &str) {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if !known.contains(root) {
        known.insert(root.to_owned());
    }
}

/// The folder of the other package that a file belongs to; `None` where nothing is known of it.
pub(crate) fn root_of(file: &str) -> Option<String> {
    let file = file.replace('\\', "/");
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.iter().find(|root| is_below(&file, root)).cloned()
}

/// Whether a file lies below a folder.
pub(crate) fn is_below(file: &str, folder: &str) -> bool {
    file.strip_prefix(folder)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// Remembers a file's package where the disk shows that it is vendored.
pub(crate) fn look(file: &str) {
    let file = Path::new(file);
    let Some(folder) = file.parent().filter(|folder| folder.is_absolute()) else {
        return;
    };
    let mut looked_at = LOOKED_AT.lock().unwrap_or_else(PoisonError::into_inner);
    if looked_at.contains_key(folder) {
        return;
    }
    let mut folders = folder.ancestors();
    let package = folders.find(|folder| folder.join("Cargo.toml").is_file());
    let vendored = package.filter(|package| package.join(".cargo-checksum.json").is_file());
    looked_at.insert(folder.to_owned(), vendored.is_some());
    if let Some(package) = vendored.and_then(Path::to_str) {
        note(&package.replace('\\', "/"));
    }
}

#[cfg(test)]
mod tests {
    use super::{is_below, look, root_of};
    use crate::model::place::{Frame, Origin};

    #[test]
    fn a_vendored_package_is_known_by_what_lies_beside_its_manifest() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let package = |name: &str| {
            let package = folder.path().join(name);
            std::fs::create_dir_all(package.join("src")).expect("room");
            std::fs::write(package.join("Cargo.toml"), "[package]").expect("room");
            package
        };
        let (own, vendored) = (package("own"), package("own/vendor/keeps"));
        std::fs::write(vendored.join(".cargo-checksum.json"), "{}").expect("room");
        let origin = |package: &std::path::Path| {
            let file = package.join("src/lib.rs").display().to_string();
            look(&file);
            Frame::new("keeps::keep", file, 1).origin()
        };
        assert_eq!(origin(&own), Origin::Own);
        assert_eq!(origin(&vendored), Origin::Dependency);
    }

    #[test]
    fn a_folder_is_another_ones_neighbour_and_not_below_it() {
        assert!(is_below("/w/keeps/src/lib.rs", "/w/keeps"));
        assert!(!is_below("/w/keeps-more/src/lib.rs", "/w/keeps"));
        assert_eq!(root_of("/nobody/knows/src/lib.rs"), None);
    }
}
