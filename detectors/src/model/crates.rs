//! Which crate the files of a folder are of, where the folder has another name: the package `orders` in the folder `service`.
//!
//! | told by | when | where |
//! |---|---|---|
//! | debug information: each unit has its crate's first file, and its crate | names are looked up in a program, and it was compiled without `incremental` | Linux |
//! | cargo, of the package whose program it runs | names are looked up under `cargo test` and `cargo run` | everywhere |
//!
//! What none of these tells has the crate that its path suggests: see [`sources`].

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::sources;

/// The crate by where its files lie: a folder, or a file without `.rs`. Only those whose path suggests another one.
static KNOWN: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());

/// Remembers the crates of a program, each by the file that it begins with.
pub(crate) fn note(crates: &BTreeMap<String, String>) {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let places = || {
        let places = crates.iter();
        places.filter_map(|(file, krate)| Some((file.strip_suffix(".rs")?, krate)))
    };
    for (place, krate) in places() {
        if sources::module_by_path(&format!("{place}.rs")).as_ref() == Some(krate) {
            continue;
        }
        known.insert(place.to_owned(), krate.clone());
        let folder = match place.rsplit_once('/') {
            Some((folder, "lib" | "mod")) => folder,
            // Where a package has a library as well, the modules beside its program are the library's.
            Some((folder, "main")) if !crates.contains_key(&format!("{folder}/lib.rs")) => folder,
            _ => continue,
        };
        known.insert(folder.to_owned(), krate.clone());
    }
    // And those whose path suggests them, in a folder that is now another one's.
    for (place, krate) in places() {
        if found(&known, place).is_some_and(|(told, _)| told != krate) {
            known.insert(place.to_owned(), krate.clone());
        }
    }
}

/// The crate that a file without its `.rs` is of, where its path suggests another one; and how long the path is to that crate's files.
pub(crate) fn of(file: &str) -> Option<(String, usize)> {
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    found(&known, file).map(|(krate, length)| (krate.clone(), length))
}

fn found<'k>(known: &'k BTreeMap<String, String>, file: &str) -> Option<(&'k String, usize)> {
    if known.is_empty() {
        return None;
    }
    let places = Path::new(file).ancestors();
    let mut places = places.filter_map(Path::to_str);
    places.find_map(|place| Some((known.get(place)?, place.len())))
}

/// The crate of the package that cargo runs this program of, where a folder is that package's.
pub(crate) fn by_cargo(package: &str) -> Option<String> {
    let is_this = |folder: &std::ffi::OsString| Path::new(folder) == Path::new(package);
    std::env::var_os("CARGO_MANIFEST_DIR").filter(is_this)?;
    std::env::var("CARGO_PKG_NAME").ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{super::sources::module_of, note};

    #[test]
    fn a_crate_is_called_as_the_compiler_was_told_and_not_as_its_folder() {
        let crates = [
            ("/by-crates/service/src/main.rs", "orders"),
            ("/by-crates/both/src/lib.rs", "both"),
            ("/by-crates/both/src/main.rs", "night"),
            ("/by-crates/named/src/lib.rs", "named_lib"),
            ("/by-crates/named/src/main.rs", "named"),
            ("/by-crates/named/src/bin/once.rs", "once"),
            ("/by-crates/one-file/cart.rs", "cart"),
            ("/by-crates/elsewhere/code/lib.rs", "elsewhere"),
        ];
        let crates = crates.map(|(file, krate)| (file.to_owned(), krate.to_owned()));
        note(&BTreeMap::from(crates));
        for (file, module) in [
            ("service/src/main.rs", "orders"),
            ("service/src/cart/mod.rs", "orders::cart"),
            ("service/tests/memory.rs", "memory"),
            ("service-2/src/main.rs", "service_2"),
            ("both/src/main.rs", "night"),
            ("both/src/cart.rs", "both::cart"),
            ("named/src/main.rs", "named"),
            ("named/src/cart.rs", "named_lib::cart"),
            ("named/src/bin/once.rs", "once"),
            ("one-file/cart.rs", "cart"),
            ("elsewhere/code/cart.rs", "elsewhere::cart"),
        ] {
            let told = module_of(&format!("/by-crates/{file}"));
            assert_eq!(told.as_deref(), Some(module), "{file}");
        }
    }
}
