//! Which files belong to other packages than the program's own, by the folder that each was compiled in; and which crate begins in
//! which file.
//!
//! Cargo compiles a package that lies in the workspace's folder from there, by a relative path. Every other one it compiles in the
//! package's own folder, by an absolute path: from a registry, vendored (also where that lies in the workspace's folder), or by a
//! path outside of the workspace (`path_args` in cargo's `core/compiler`). A unit keeps that folder and path, and its table of files has
//! the folder again for each file of another package whose code came into it: `rustc_codegen_llvm`'s `debuginfo`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::file::File;
use super::lines::push;
use super::{Dwarf, Slice, UnitRef};
use crate::model::place::{self, Origin, without_detours};
use crate::model::{crates, packages};

/// The folder that the program's workspace was compiled in; `None` where it has no unit of a workspace, as when it was installed from
/// a registry. Remembers which crates the program has, and where each begins.
pub(super) fn workspace(dwarf: &Dwarf<'_>, file: &File) -> Option<&'static str> {
    static WORKSPACE: OnceLock<Option<String>> = OnceLock::new();
    WORKSPACE.get_or_init(|| read(dwarf, file)).as_deref()
}

/// Remembers the crates of a program that isn't this one.
pub(super) fn note_crates(dwarf: &Dwarf<'_>, file: &File) {
    read(dwarf, file);
}

fn read(dwarf: &Dwarf<'_>, file: &File) -> Option<String> {
    let (mut workspace, mut crates) = (None, BTreeMap::new());
    let mut headers = dwarf.units();
    while let Ok(Some(header)) = headers.next() {
        file.has_read(1 << 14);
        let Ok(unit) = dwarf.unit(header) else {
            continue;
        };
        let (Some(name), Some(folder)) = (unit.name, unit.comp_dir) else {
            continue;
        };
        let (name, folder) = (name.to_string_lossy(), folder.to_string_lossy());
        if let Some((first_file, krate)) = begins(&name) {
            let mut path = folder.clone().into_owned();
            push(&mut path, first_file);
            crates.insert(without_detours(&path), krate.to_owned());
        }
        if workspace.is_none() && is_of_workspace(&name, &folder) {
            workspace = Some(folder.into_owned());
        }
    }
    crates::note(&crates);
    workspace
}

fn is_of_workspace(unit: &str, folder: &str) -> bool {
    let is_standard = folder.starts_with("/rustc/");
    is_rust(unit) && !unit.starts_with('/') && folder.starts_with('/') && !is_standard
}

/// The file that a crate begins with, and the crate: of `src/main.rs/@/orders.ea8a8806d06957a2-cgu.0`. Where the compiler worked
/// incrementally, a unit has no crate's name: `src/main.rs/@/b7zy0tukh56glipcj9cot`.
fn begins(unit: &str) -> Option<(&str, &str)> {
    let (first_file, part) = unit.split_once("/@/")?;
    let (krate, number) = part.split_once('.')?;
    number.contains("-cgu.").then_some((first_file, krate))
}

/// `src/main.rs/@/b7zy0tukh56glipcj9cot`, `/vendor/keeps/src/lib.rs/@/keeps.ea8a8806d06957a2-cgu.0`.
fn is_rust(unit: &str) -> bool {
    unit.contains(".rs")
}

/// Remembers the package of a file that was compiled in a folder, if it is another one than the program's own.
pub(super) fn note(unit: UnitRef<'_, '_>, workspace: Option<&str>, compiled_in: &str, path: &str) {
    let is_rust = |name: Slice<'_>| is_rust(&name.to_string_lossy());
    let Some(workspace) = workspace.filter(|_| unit.name.is_some_and(is_rust)) else {
        return;
    };
    let compiled_in = without_detours(compiled_in);
    // What a build script wrote is compiled with the package that includes it, and lies in no package's folder.
    let is_generated = path.contains("/build/") && path.contains("/out/");
    let is_own = compiled_in == workspace
        || packages::is_below(workspace, &compiled_in)
        || !compiled_in.starts_with('/');
    // Where the path tells by itself, as a registry's does, there is nothing to remember.
    let is_told = place::origin_by_path(path) != Origin::Own;
    if !is_own && !is_generated && !is_told && compiled_in != "/" {
        packages::note(&compiled_in);
    }
}
