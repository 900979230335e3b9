//! What names and paths tell of a function: the crate and module that it is of.
//!
//! Debug information of lines alone (`debug = "line-tables-only"`) has bare names: `push`, `{closure#0}`. The file is told in every
//! build that has lines, so a bare name is completed from there: `shop::cart::push`, without the type that it is a function of. Who
//! decides by a name decides by the file then, and by the name alone where no file is known.

use super::crates;
use super::place::without_detours;

/// The crates that come with Rust.
const STANDARD: [&str; 7] = [
    "alloc",
    "core",
    "std",
    "hashbrown",
    "proc_macro",
    "test",
    "__rustc",
];

/// Folders whose files and folders are crates of their own, beside `src`.
const OF_CRATES: [&str; 3] = ["tests", "examples", "benches"];

/// The function's whole name, where debug information has a bare one; `None` where the name is whole, or the path tells nothing.
pub(crate) fn whole_name(name: &str, file: &str) -> Option<String> {
    // The allocator's symbols, which the compiler makes. Where a thread begins, the standard library has a function of such a name.
    let is_symbol = |name: &str| {
        let is_made = name.starts_with("__rust") || name.starts_with("__rg_");
        is_made && !without_types(name).ends_with("_short_backtrace")
    };
    if !is_bare(name) || is_symbol(name) {
        return None;
    }
    let module = module_of(file)?;
    let is_standard = STANDARD.contains(&crate_of_path(&module));
    // As whole names have it. A generic function of the standard library tells by its types what it was made for.
    let function = match without_types(name) {
        closure if closure.starts_with("{closure") => "{{closure}}",
        _ if is_standard => name,
        bare => bare,
    };
    Some(format!("{module}::{function}"))
}

/// Whether a name lacks its crate: `push<u8>`.
pub(crate) fn is_bare(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(['<', '0', '?']) && !without_types(name).contains("::")
}

/// A bare name without what stands in angle brackets.
pub(crate) fn without_types(name: &str) -> &str {
    match name.find('<') {
        None | Some(0) => name,
        Some(types) => &name[..types],
    }
}

/// The crate and module that a source file is: `alloc::raw_vec` of `/rustc/../library/alloc/src/raw_vec/mod.rs`.
pub(crate) fn module_of(file: &str) -> Option<String> {
    let told = without_detours(&file.replace('\\', "/"));
    let place = told.strip_suffix(".rs")?;
    if below_ours(place).is_none()
        && let Some((krate, length)) = crates::of(place)
    {
        let inside = place[length..].split('/').filter(|part| !part.is_empty());
        return (krate != "detectors").then(|| path(&krate, inside));
    }
    module_by_path(&told)
}

/// What its path alone suggests, without detours.
pub(crate) fn module_by_path(file: &str) -> Option<String> {
    let file = file.strip_suffix(".rs")?;
    if let Some(inside) = below_ours(file) {
        return Some(path("detectors", inside.split('/')));
    }
    let parts: Vec<&str> = file.split('/').collect();
    let source = parts.iter().rposition(|part| *part == "src");
    let named = source.and_then(|at| Some((package_of(&parts[..at])?, &parts[at + 1..])));
    let (krate, inside) = match named {
        Some((_, ["bin", program, inside @ ..])) => ((*program).to_owned(), inside),
        Some(named) => named,
        None => {
            let folder = parts.iter().rposition(|part| OF_CRATES.contains(part))?;
            let [krate, inside @ ..] = &parts[folder + 1..] else {
                return None;
            };
            ((*krate).to_owned(), inside)
        }
    };
    let krate = krate.replace('-', "_");
    // Somebody else's crate by this name would be taken for this one.
    let is_crate = !krate.is_empty() && krate != "detectors";
    is_crate.then(|| path(&krate, inside.iter().copied()))
}

fn path<'p>(krate: &'p str, inside: impl Iterator<Item = &'p str>) -> String {
    let mut parts: Vec<&str> = std::iter::once(krate).chain(inside).collect();
    if parts.len() > 1
        && parts
            .last()
            .is_some_and(|last| matches!(*last, "mod" | "lib" | "main"))
    {
        parts.pop();
    }
    parts.join("::")
}

/// The package that lies in a folder: a registry's has its version behind the name, a checkout's is named one folder further up.
fn package_of(folder: &[&str]) -> Option<String> {
    let last = *folder.last().filter(|last| !last.is_empty())?;
    let name = match folder {
        [.., "checkouts", repository, _] => repository
            .rsplit_once('-')
            .map_or(*repository, |(name, _)| name),
        _ => last,
    };
    let is_version =
        |text: &str| text.starts_with(|first: char| first.is_ascii_digit()) && text.contains('.');
    let version = name
        .match_indices('-')
        .find(|(at, _)| is_version(&name[at + 1..]));
    let by_folder = version.map_or(name, |(at, _)| &name[..at]);
    Some(crates::by_cargo(&folder.join("/")).unwrap_or_else(|| by_folder.to_owned()))
}

/// Whether a source file is this library's.
pub(crate) fn is_ours(file: &str) -> bool {
    below_ours(file).is_some()
}

/// The rest of the path of a file of this library, as this build has it: where its package lay, and what the compiler was told of it,
/// which `--remap-path-prefix` and a workspace make another path.
fn below_ours(file: &str) -> Option<&str> {
    const PACKAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/");
    const THIS: &str = "model/sources.rs";
    if let Some(inside) = file.strip_prefix(PACKAGE) {
        return Some(inside);
    }
    let told = file!()
        .strip_suffix(THIS)
        .filter(|told| told.contains("src/"))?;
    if told.starts_with('/') {
        return file.strip_prefix(told);
    }
    // Below the folder of a workspace, which isn't known here.
    let (before, inside) = file.split_once(told)?;
    (told.len() > "src/".len() && (before.is_empty() || before.ends_with('/'))).then_some(inside)
}

/// The crate whose function it is, by its whole name; `None` where the name doesn't tell.
///
/// `<shop::Cart as core::clone::Clone>::clone` is the shop's, and `<T as alloc::slice::ConvertVec>::to_vec` is `alloc`'s: the one or
/// the other must be the crate's own.
pub(crate) fn crate_of(function: &str) -> Option<&str> {
    let Some(implementation) = function.strip_prefix('<') else {
        return Some(crate_of_path(function)).filter(|krate| krate.len() < function.len());
    };
    let inside = &implementation[..end_of(implementation)];
    let (of, named) = match at_depth_zero(inside, " as ") {
        Some(at) => (&inside[..at], Some(&inside[at + " as ".len()..])),
        None => (inside, None),
    };
    let of = crate_of_type(of);
    let named = named.and_then(crate_of_type);
    let is_own = |krate: &&str| !STANDARD.contains(krate);
    // A type without a crate is a parameter, or one that the language has: only `core` and `alloc` may add to those.
    of.filter(is_own)
        .or(named.filter(is_own))
        .or(of)
        .or(named)
        .or(Some("core"))
}

/// Whether a function is of a crate that comes with Rust, by its whole name.
pub(crate) fn is_standard(function: &str) -> bool {
    crate_of(function).is_some_and(|krate| STANDARD.contains(&krate))
}

fn crate_of_path(path: &str) -> &str {
    path.split("::").next().unwrap_or(path)
}

fn crate_of_type(ty: &str) -> Option<&str> {
    let ty = ty.trim_start_matches(['&', '*', '[', '(', '<', ' ']);
    let ty = ["mut ", "const ", "dyn "]
        .iter()
        .fold(ty, |ty, word| ty.strip_prefix(word).unwrap_or(ty));
    let end = ty.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    ty[end..].starts_with("::").then_some(&ty[..end])
}

/// Where the bracket closes that was opened before the text.
fn end_of(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '<' => depth += 1,
            '>' if before == '-' => {} // fn() -> T
            '>' if depth == 0 => return at,
            '>' => depth -= 1,
            _ => {}
        }
        before = c;
    }
    text.len()
}

fn at_depth_zero(text: &str, wanted: &str) -> Option<usize> {
    let is_outside = |at: usize| {
        text[..at].matches('<').count() == text[..at].replace("->", "").matches('>').count()
    };
    text.match_indices(wanted)
        .map(|(at, _)| at)
        .find(|&at| is_outside(at))
}

#[cfg(test)]
mod tests {
    use super::{crate_of, is_ours, is_standard, module_of, whole_name};

    #[test]
    fn a_file_is_a_module() {
        for (file, module) in [
            (
                "/rustc/59807616e1fa/library/alloc/src/raw_vec/mod.rs",
                "alloc::raw_vec",
            ),
            (
                "/root/.cargo/registry/src/index.crates.io-19/tokio-util-0.7.1/src/sync/mod.rs",
                "tokio_util::sync",
            ),
            (
                "/root/.cargo/registry/src/index.crates.io-19/wasi-0.11.0+wasi-preview1/src/lib.rs",
                "wasi",
            ),
            (
                "/root/.cargo/git/checkouts/shop-0123456789abcdef/1a2b3c4/src/cart.rs",
                "shop::cart",
            ),
            (
                "/root/.cargo/git/checkouts/shop-0123456789abcdef/1a2b3c4/till/src/lib.rs",
                "till",
            ),
            ("/w/shop-service/src/main.rs", "shop_service"),
            ("/w/shop-service/src/bin/night.rs", "night"),
            ("/w/shop/tests/../src/cart.rs", "shop::cart"),
            ("/w/shop/tests/memory.rs", "memory"),
            ("/src/shop/tests/memory/main.rs", "memory"),
            ("C:\\w\\shop\\src\\cart.rs", "shop::cart"),
        ] {
            assert_eq!(module_of(file).as_deref(), Some(module), "{file}");
        }
        for file in ["", "/w/lib.c", "/w/build.rs", "/src/main.rs"] {
            assert_eq!(module_of(file), None, "{file}");
        }
    }

    #[test]
    fn a_bare_name_is_completed_and_a_whole_one_stays() {
        let file = "/w/shop/src/cart.rs";
        for (name, whole) in [
            ("add", Some("shop::cart::add")),
            ("add<alloc::string::String>", Some("shop::cart::add")),
            ("{closure#0}<u8>", Some("shop::cart::{{closure}}")),
            ("shop::cart::Cart::add", None),
            ("<shop::cart::Cart>::add", None),
            ("__rust_alloc", None),
            ("0x1234", None),
            ("???", None),
        ] {
            assert_eq!(whole_name(name, file).as_deref(), whole, "{name}");
        }
        let begins = "__rust_begin_short_backtrace<shop::main::{closure#0}, ()>";
        let told = whole_name(begins, "/rustc/5/library/std/src/sys/backtrace.rs");
        assert_eq!(told, Some(format!("std::sys::backtrace::{begins}")));
        let queue = whole_name(
            "new<std::sync::mpmc::list::Block<u8>>",
            "/rustc/5/library/alloc/src/boxed.rs",
        );
        assert_eq!(
            queue.as_deref(),
            Some("alloc::boxed::new<std::sync::mpmc::list::Block<u8>>")
        );
    }

    #[test]
    fn this_library_is_known_by_where_it_lies() {
        assert!(is_ours(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/src/allocator/mod.rs"
        )));
        assert_eq!(
            module_of(file!()).as_deref(),
            Some("detectors::model::sources")
        );
        assert!(
            !is_ours("/w/fraud/detectors/src/lib.rs")
                || file!() == "detectors/src/model/sources.rs"
        );
        assert!(!is_ours("/w/shop/src/model/sources.rs"));
    }

    #[test]
    fn a_name_tells_its_crate() {
        for (function, krate) in [
            ("shop::cart::add", "shop"),
            ("<shop::Cart as core::clone::Clone>::clone", "shop"),
            (
                "<T as alloc::slice::<impl [T]>::to_vec_in::ConvertVec>::to_vec",
                "alloc",
            ),
            ("<alloc::vec::Vec<T> as shop::Keep>::keep", "shop"),
            (
                "<alloc::vec::Vec<shop::Cart> as core::clone::Clone>::clone",
                "alloc",
            ),
            ("<alloc::raw_vec::RawVecInner>::grow", "alloc"),
            ("<[u8]>::to_vec", "core"),
            ("<&mut shop::Cart as core::fmt::Debug>::fmt", "shop"),
            (
                "<fn() -> shop::Cart as core::ops::FnOnce<()>>::call_once",
                "core",
            ),
        ] {
            assert_eq!(crate_of(function), Some(krate), "{function}");
        }
        assert_eq!(crate_of("sqlite3_malloc"), None);
        assert!(is_standard("<[u8]>::to_vec") && !is_standard("malloc"));
    }
}
