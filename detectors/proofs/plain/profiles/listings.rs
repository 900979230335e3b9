//! Source with what each line allocated.

use std::fs;

use detectors::profile::SourcePaths;

use super::support::{go_pprof, profile, written};

const SOURCE: &str = "//! A cart.\n\nfn add() {\n    let page = fetch();\n    keep(page);\n}\n";

/// Two lines of one function, its source recorded as `file`.
fn cart(file: &str) -> detectors::Profile {
    let fetch = format!("shop::add ({file}:4:16)");
    let keep = format!("shop::add ({file}:5:5)");
    let inner = format!("alloc::vec::Vec<T>::push ({file}:400:5)");
    profile(&[
        (&[&fetch], [4096, 1, 4096, 1]),
        (&[&inner, &keep], [64, 1, 64, 1]),
    ])
}

#[test]
fn lines_carry_flat_and_cum() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cart.rs");
    fs::write(&file, SOURCE).unwrap();
    let profile = cart(file.to_str().unwrap());
    let listing = profile.list(None, "add$", &SourcePaths::default()).unwrap();
    let text = listing.to_string();
    insta::assert_snapshot!(text.replace(folder.path().to_str().unwrap(), "[folder]"), @r#"
    Total: 4.06kB
    ROUTINE ======================== shop::add in [folder]/cart.rs
           4kB     4.06kB (flat, cum)   100% of Total
             .          .      1://! A cart.
             .          .      2:
             .          .      3:fn add() {
           4kB        4kB      4:    let page = fetch();
             .        64B      5:    keep(page);
             .          .      6:}
    "#);
    let path = written(&profile);
    if let Some(go) = go_pprof(&["-list=add$", path.to_str().unwrap()]) {
        assert_eq!(text, go);
    }
}

#[test]
fn a_source_root_holds_the_end_of_the_recorded_path() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("src")).unwrap();
    fs::write(folder.path().join("src/cart.rs"), SOURCE).unwrap();
    let profile = cart("/build/machine/shop/src/cart.rs");
    let sources = SourcePaths::new([folder.path().join("elsewhere"), folder.path().to_owned()]);
    let listing = profile.list(None, "add$", &sources).unwrap();
    assert_eq!(listing.routines[0].lines[3].text, "    let page = fetch();");
    assert_eq!(listing.routines[0].lines[3].flat, 4096);
}

#[test]
fn missing_sources_are_named_with_what_to_do() {
    let profile = cart("/build/machine/shop/src/cart.rs");
    insta::assert_snapshot!(profile.list(None, "add$", &SourcePaths::default()).unwrap(), @r#"
    Total: 4.06kB
    ROUTINE ======================== shop::add in /build/machine/shop/src/cart.rs
           4kB     4.06kB (flat, cum)   100% of Total
     Error: /build/machine/shop/src/cart.rs isn't there; give --source-root with a folder that holds the end of this path
    "#);
    let unknown = super::support::profile(&[(&["shop::add (???:0:0)"], [1, 1, 1, 1])]);
    insta::assert_snapshot!(unknown.list(None, "add", &SourcePaths::default()).unwrap(), @r#"
    Total: 1B
    No source information for shop::add
    "#);
}

#[test]
fn a_source_that_has_changed_is_said_to_have() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cart.rs");
    fs::write(&file, "").unwrap();
    let profile = cart(file.to_str().unwrap());
    let listing = profile.list(None, "add$", &SourcePaths::default()).unwrap();
    let problem = listing.routines[0].problem.clone().unwrap();
    assert!(problem.contains("it has changed"), "{problem}");
}

#[test]
fn a_path_to_a_device_is_not_read() {
    let profile = cart("/dev/zero");
    let listing = profile.list(None, "add$", &SourcePaths::default()).unwrap();
    let problem = listing.routines[0].problem.clone().unwrap();
    assert!(problem.starts_with("/dev/zero isn't there"), "{problem}");
}

#[test]
fn patterns_that_match_nothing_or_are_none_are_refused() {
    let profile = cart("cart.rs");
    let errors = ["remove", "add("].map(|pattern| {
        let error = profile
            .list(None, pattern, &SourcePaths::default())
            .unwrap_err();
        error.to_string()
    });
    insta::assert_snapshot!(errors.join("\n"), @r#"
    no function in dhat's output matches "remove"; the largest are shop::add
    "add(" is not a regular expression: found open group without closing ')'; escape special characters with \
    "#);
}
