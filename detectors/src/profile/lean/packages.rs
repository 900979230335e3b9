//! Which files belong to other packages than the program's own, by the folder that each was compiled in.
//!
//! Cargo compiles a package that lies in the workspace's folder from there, by a relative path. Every other one it compiles in the
//! package's own folder, by an absolute path: from a registry, vendored (also where that lies in the workspace's folder), or by a
//! path outside of the workspace (`path_args` in cargo's `core/compiler`). A unit keeps that folder and path, and its table of files has
//! the folder again for each file of another package whose code came into it: `rustc_codegen_llvm`'s `debuginfo`.

use std::sync::OnceLock;

use gimli::UnitHeader;

use super::file::File;
use super::{Dwarf, Slice, UnitRef};
use crate::model::packages;
use crate::model::place::{self, Origin, without_detours};

/// The folder that the program's workspace was compiled in; `None` where it has no unit of a workspace, as when it was installed from
/// a registry.
pub(super) fn workspace(dwarf: &Dwarf<'_>, file: &File) -> Option<&'static str> {
    static WORKSPACE: OnceLock<Option<String>> = OnceLock::new();
    WORKSPACE.get_or_init(|| found(dwarf, file)).as_deref()
}

fn found(dwarf: &Dwarf<'_>, file: &File) -> Option<String> {
    let mut headers = dwarf.units();
    while let Some(header) = headers.next().ok()? {
        file.has_read(1 << 14);
        if let Some(folder) = folder_of_workspace(dwarf, header) {
            return Some(folder);
        }
    }
    None
}

fn folder_of_workspace(dwarf: &Dwarf<'_>, header: UnitHeader<Slice<'_>>) -> Option<String> {
    let unit = dwarf.unit(header).ok()?;
    let folder = unit.comp_dir?.to_string_lossy().into_owned();
    let is_standard = folder.starts_with("/rustc/");
    let is_relative = is_rust(unit.name) && !unit.name?.starts_with(b"/");
    (is_relative && folder.starts_with('/') && !is_standard).then_some(folder)
}

/// `src/main.rs/@/b7zy0tukh56glipcj9cot`, `/vendor/keeps/src/lib.rs.ea8a8806d06957a2-cgu.0`.
fn is_rust(name: Option<Slice<'_>>) -> bool {
    name.is_some_and(|name| name.to_string_lossy().contains(".rs"))
}

/// Remembers the package of a file that was compiled in a folder, if it is another one than the program's own.
pub(super) fn note(unit: UnitRef<'_, '_>, workspace: Option<&str>, compiled_in: &str, path: &str) {
    let Some(workspace) = workspace.filter(|_| is_rust(unit.name)) else {
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
