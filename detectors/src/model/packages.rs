//! Which folders hold packages that aren't the program's own, where a path alone doesn't tell: vendored ones, and those that a path
//! outside of the workspace names.
//!
//! | told by | when | where |
//! |---|---|---|
//! | debug information: the folder that each file was compiled in | names are looked up in this process | Linux |
//! | `.cargo-checksum.json` beside the package's manifest, as `cargo vendor` writes it; a manifest outside of the workspace that cargo runs this program from | a name is looked up one by one, as where debug information is split | where the source lies on this machine |
//! | `Cargo.lock` of that workspace and paths in its manifest, for functions whose file isn't known | always | where cargo runs this program |
//! | the profile itself, which carries what its program knew | a service is looked at | everywhere |
//!
//! What none of these tells stays the program's own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

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

/// Remembers a file's package where the disk shows that it is vendored, or lies outside of the workspace.
pub(crate) fn look(file: &str) {
    look_beside(file, workspace());
}

fn look_beside(file: &str, workspace: Option<&Path>) {
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
    let is_vendored = |package: &Path| package.join(".cargo-checksum.json").is_file();
    let is_outside = |package: &Path| {
        workspace.is_some_and(|workspace| {
            !package.starts_with(workspace) && !workspace.starts_with(package)
        })
    };
    let others = package.filter(|package| is_vendored(package) || is_outside(package));
    looked_at.insert(folder.to_owned(), others.is_some());
    if let Some(package) = others.and_then(Path::to_str) {
        note(&package.replace('\\', "/"));
    }
}

/// The folder of the workspace that cargo runs this program from, by its lock file; `None` where cargo doesn't run it.
fn workspace() -> Option<&'static Path> {
    static WORKSPACE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = || {
        let package = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR")?);
        let mut folders = package.ancestors();
        let locked = folders.find(|folder| folder.join("Cargo.lock").is_file())?;
        Some(locked.to_owned())
    };
    WORKSPACE.get_or_init(found).as_deref()
}

/// Whether a crate isn't the workspace's own: its lock file has a source for it, or a manifest names it by a path that leads out.
pub(crate) fn is_others(krate: &str) -> bool {
    static OTHERS: OnceLock<BTreeSet<String>> = OnceLock::new();
    let read = || {
        let workspace = workspace()?;
        let lock = std::fs::read_to_string(workspace.join("Cargo.lock")).ok()?;
        let mut others = locked(&lock);
        let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        for folder in package.iter().map(PathBuf::as_path).chain([workspace]) {
            let manifest = std::fs::read_to_string(folder.join("Cargo.toml"));
            others.extend(
                manifest
                    .iter()
                    .flat_map(|manifest| led_out(manifest, folder, workspace)),
            );
        }
        Some(others)
    };
    OTHERS
        .get_or_init(|| read().unwrap_or_default())
        .contains(krate)
}

/// The crates that a manifest in a folder names by a path out of the workspace.
fn led_out(manifest: &str, folder: &Path, workspace: &Path) -> BTreeSet<String> {
    let paths = manifest.split("path").skip(1).filter_map(|after| {
        let value = after.trim_start().strip_prefix('=')?.trim_start();
        let quote = value
            .chars()
            .next()
            .filter(|quote| matches!(quote, '"' | '\''))?;
        value[1..].split(quote).next()
    });
    let named = paths.filter_map(|path| {
        let package = folder.join(path).canonicalize().ok()?;
        if package.starts_with(workspace.canonicalize().ok()?) {
            return None;
        }
        let manifest = std::fs::read_to_string(package.join("Cargo.toml")).ok()?;
        let mut lines = manifest.lines();
        lines.find_map(|line| value_of(line, "name"))
    });
    named.collect()
}

/// The crate that a line gives for a key, as code names it: `name = "tokio-util"`.
fn value_of(line: &str, key: &str) -> Option<String> {
    let value = line.strip_prefix(key)?.trim_start().strip_prefix('=')?;
    Some(value.trim().trim_matches('"').replace('-', "_"))
}

/// The crates that a lock file has a source for.
fn locked(file: &str) -> BTreeSet<String> {
    let packages = file.split("[[package]]").skip(1).filter(|package| {
        let mut lines = package.lines();
        lines.any(|line| value_of(line, "source").is_some())
    });
    packages
        .filter_map(|package| package.lines().find_map(|line| value_of(line, "name")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{is_below, led_out, locked, look_beside, root_of};
    use crate::model::place::{Frame, Origin};

    #[test]
    fn a_package_is_known_by_its_folder_and_by_what_lies_beside_its_manifest() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let package = |name: &str| {
            let package = folder.path().join(name);
            std::fs::create_dir_all(package.join("src")).expect("room");
            std::fs::write(package.join("Cargo.toml"), "[package]").expect("room");
            package
        };
        let (own, vendored) = (package("own"), package("own/vendor/keeps"));
        let (member, beside) = (package("own/member"), package("beside"));
        std::fs::write(vendored.join(".cargo-checksum.json"), "{}").expect("room");
        let origin = |package: &std::path::Path| {
            let file = package.join("src/lib.rs").display().to_string();
            look_beside(&file, Some(&folder.path().join("own")));
            Frame::new("keeps::keep", file, 1).origin()
        };
        assert_eq!(origin(&own), Origin::Own);
        assert_eq!(origin(&member), Origin::Own);
        assert_eq!(origin(&vendored), Origin::Dependency);
        assert_eq!(origin(&beside), Origin::Dependency);

        // Without a file, by the manifest's paths.
        std::fs::write(beside.join("Cargo.toml"), "[package]\nname = \"far-away\"").expect("room");
        let manifest = "member = { path = \"member\" }\nfar-away = { path = '../beside' }";
        let workspace = folder.path().join("own");
        let others = led_out(manifest, &workspace, &workspace);
        assert_eq!(Vec::from_iter(others), ["far_away"]);
    }

    #[test]
    fn a_lock_file_tells_what_comes_from_elsewhere() {
        let file = "version = 4\n\n[[package]]\nname = \"shop\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"tokio-util\"\n\
                    version = \"0.7.1\"\nsource = \"registry+https://registry.invalid/index\"\n";
        assert_eq!(Vec::from_iter(locked(file)), ["tokio_util"]);
    }

    #[test]
    fn a_folder_is_another_ones_neighbour_and_not_below_it() {
        assert!(is_below("/w/keeps/src/lib.rs", "/w/keeps"));
        assert!(!is_below("/w/keeps-more/src/lib.rs", "/w/keeps"));
        assert_eq!(root_of("/nobody/knows/src/lib.rs"), None);
    }
}
