//! Flame graphs.

use detectors::profile::{FlamegraphOptions, FlamegraphStyle};

use super::support::{go_profile, profile};

const ADD: &[&str] = &[
    "<shop::List<T> as core::iter::Extend<\"&\">>::extend (shop/src/list.rs:7:5)",
    "shop::add (shop/src/cart.rs:7:5)",
    "shop::main (shop/src/main.rs:3:5)",
];
const LOG: &[&str] = &[
    "log::write (log/src/lib.rs:9:5)",
    "shop::main (shop/src/main.rs:4:5)",
];

fn options(style: FlamegraphStyle) -> FlamegraphOptions {
    FlamegraphOptions::default()
        .style(style)
        .title("Live <after> 100 requests & more")
}

#[test]
fn a_drawing_is_the_same_every_time() {
    let profile = profile(&[(ADD, [300, 3, 300, 3]), (LOG, [100, 1, 100, 1])]);
    let svg = profile
        .flamegraph(&options(FlamegraphStyle::Standalone))
        .unwrap();
    assert_eq!(
        svg,
        profile
            .flamegraph(&options(FlamegraphStyle::Standalone))
            .unwrap()
    );
    insta::assert_snapshot!(svg);
}

#[test]
fn an_inline_drawing_leaves_the_page_alone() {
    let profile = profile(&[(ADD, [300, 3, 300, 3]), (LOG, [100, 1, 100, 1])]);
    let svg = profile
        .flamegraph(&options(FlamegraphStyle::Inline))
        .unwrap();
    for foreign in ["<style", "<script", " id=", " class=", "http://", "url("] {
        let own = svg.replace("http://www.w3.org/2000/svg", "");
        assert!(!own.contains(foreign), "{foreign}");
    }
    assert!(svg.contains("<title>&lt;shop::List&lt;T&gt; as core::iter::Extend&lt;&quot;&amp;&quot;&gt;&gt;::extend: 300B, 75.00%</title>"));
    assert!(svg.contains(r#"fill="currentColor""#));
}

#[test]
fn only_growth_of_a_difference_is_drawn() {
    let before = profile(&[(LOG, [500, 5, 500, 5])]);
    let after = profile(&[(ADD, [900, 9, 900, 9]), (LOG, [500, 5, 200, 2])]);
    let svg = after
        .diff(&before)
        .unwrap()
        .flamegraph(&FlamegraphOptions::default())
        .unwrap();
    assert!(svg.contains("shop::add: 900B, 100%"), "{svg}");
    assert!(
        svg.contains("Only growth is drawn; 300B less elsewhere isn't."),
        "{svg}"
    );
    assert!(!svg.contains("log::write"), "{svg}");
}

#[test]
fn depth_and_number_of_frames_are_bounded() {
    let frames: Vec<String> = (0..5000).map(|n| format!("deep{n} (a.rs:1:1)")).collect();
    let frames: Vec<&str> = frames.iter().map(String::as_str).collect();
    let svg = profile(&[(&frames, [1, 1, 1, 1])])
        .flamegraph(&FlamegraphOptions::default())
        .unwrap();
    assert!(svg.contains("The deepest frames are left out."));
    assert!(svg.len() < 100_000, "{}", svg.len());
}

#[test]
fn gos_profiles_are_drawn_for_every_type() {
    let profile = go_profile("every.pb.gz");
    for ty in profile.sample_types() {
        let options = FlamegraphOptions::default().sample_type(ty.name.clone());
        assert!(
            profile.flamegraph(&options).unwrap().contains("main.keep"),
            "{ty}"
        );
    }
}
