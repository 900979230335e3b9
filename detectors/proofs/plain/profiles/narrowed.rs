//! A part of a profile, and another order: what Go's tool says of it is what we say.

use detectors::Profile;
use detectors::profile::TopOptions;

use super::protos::{self, Message};
use super::support::{data, frame, go_pprof, go_profile, written};

const FILE: &str = "every.pb.gz";

#[track_caller]
fn agrees(ours: &impl ToString, arguments: &[&str]) {
    let path = data(FILE);
    let path = [path.to_str().unwrap()];
    if let Some(go) = go_pprof(&[arguments, &path].concat()) {
        assert_eq!(ours.to_string(), go, "{arguments:?}");
    }
}

#[test]
fn the_largest_cum_comes_first_as_by_gos_cum() {
    let options = TopOptions::default().by_cum();
    let top = go_profile(FILE).top_with(None, &options).unwrap();
    assert!(top.rows.is_sorted_by(|one, other| one.cum >= other.cum));
    assert!(!top.rows.is_sorted_by(|one, other| one.flat >= other.flat));
    agrees(&top, &["-top", "-cum"]);
}

#[test]
fn stacks_that_match_are_those_of_gos_focus_and_ignore() {
    let top = |profile: Profile| profile.top(Some("alloc_space")).unwrap();
    let whole = || go_profile(FILE);
    let ty = "-sample_index=alloc_space";

    let focused = top(whole().focus("nest").unwrap());
    assert_eq!(focused.total, top(whole()).total, "shares are of the whole");
    assert!(focused.accounted < focused.total);
    agrees(&focused, &["-top", ty, "-focus=nest"]);

    let sum = |profile: Profile| profile.total("alloc_space").unwrap();
    let parts = [whole().focus("nest"), whole().ignore("nest")];
    let parts: i64 = parts.into_iter().map(|part| sum(part.unwrap())).sum();
    assert_eq!(parts, sum(whole()));
    let ignoring = top(whole().ignore("nest").unwrap());
    agrees(&ignoring, &["-top", ty, "-ignore=nest"]);

    let both = whole()
        .focus("main")
        .unwrap()
        .ignore("^main.page$")
        .unwrap();
    agrees(
        &top(both),
        &["-top", ty, "-focus=main", "-ignore=^main.page$"],
    );

    // A source file may match as well.
    let by_file = top(whole().focus("strings/builder").unwrap());
    agrees(&by_file, &["-top", ty, "-focus=strings/builder"]);

    insta::assert_snapshot!(focused);
}

#[test]
fn a_part_of_a_difference_has_shares_of_the_base() {
    let difference = go_profile("plain.pb").diff(&go_profile("default.pb.gz"));
    let part = difference.unwrap().focus("nest|page").unwrap();
    let base = format!("-diff_base={}", data("default.pb.gz").display());
    let path = data("plain.pb");
    let path = path.to_str().unwrap();
    if let Some(go) = go_pprof(&["-top", &base, "-focus=nest|page", path]) {
        assert_eq!(part.top(None).unwrap().to_string(), go);
    }
}

#[test]
fn what_matches_nothing_says_what_there_is() {
    let told = go_profile(FILE).focus("mian").unwrap_err().to_string();
    assert!(
        told.contains("no function in ") && told.contains("main.nest"),
        "{told}"
    );
    let told = go_profile(FILE).peek(None, "mian").unwrap_err().to_string();
    assert!(told.contains("main.nest"), "{told}");
    let told = go_profile(FILE).ignore("(").unwrap_err().to_string();
    assert!(told.contains("is not a regular expression"), "{told}");
    let all = go_profile(FILE).ignore("mian").unwrap();
    assert_eq!(all.stacks().count(), go_profile(FILE).stacks().count());
}

#[test]
fn callers_and_what_is_called_are_those_of_gos_peek() {
    for ty in ["inuse_space", "alloc_space", "alloc_objects"] {
        let index = format!("-sample_index={ty}");
        for pattern in ["main", "nest", "keep|page"] {
            let peek = go_profile(FILE).peek(Some(ty), pattern).unwrap();
            agrees(&peek, &[&format!("-peek={pattern}"), &index]);
        }
    }
    insta::assert_snapshot!(
        go_profile(FILE)
            .peek(Some("alloc_space"), "main.keep")
            .unwrap()
    );
}

/// A profile as another sampler takes it of a Rust program, such as jemalloc: stacks begin in the allocator.
fn of_another_sampler() -> Profile {
    let stacks: [(&[&str], i64); 3] = [
        (
            &[
                "<tikv_jemallocator::Jemalloc as core::alloc::global::GlobalAlloc>::alloc",
                "__rustc::__rust_alloc",
                "alloc::raw_vec::RawVecInner<A>::with_capacity_in",
                "<u8 as alloc::vec::spec_from_elem::SpecFromElem>::from_elem",
                "shop::cart::fill",
                "core::iter::traits::iterator::Iterator::for_each",
                "shop::main",
                "std::rt::lang_start",
            ],
            3 << 20,
        ),
        (
            &[
                "alloc::raw_vec::finish_grow",
                "shop::log::Lines::push",
                "shop::main",
            ],
            1 << 20,
        ),
        (
            &["__rustc::__rust_alloc", "std::thread::local::lazy"],
            1 << 10,
        ),
    ];
    let mut message = protos::Profile {
        string_table: ["", "space", "bytes"].map(str::to_owned).into(),
        sample_type: vec![protos::ValueType { ty: 1, unit: 2 }],
        ..protos::Profile::default()
    };
    for (stack, bytes) in stacks {
        let location_id = stack.iter().map(|name| frame(&mut message, name));
        let location_id = location_id.collect();
        let value = vec![bytes];
        message.sample.push(protos::Sample {
            location_id,
            value,
            label: Vec::new(),
        });
    }
    Profile::from_bytes("jemalloc's", &message.encode_to_vec()).unwrap()
}

#[test]
fn the_standard_librarys_frames_count_as_their_callers() {
    let profile = of_another_sampler();
    let whole = profile.total("space");
    let own = profile.without_standard_library();
    assert_eq!(own.total("space"), whole);
    insta::assert_snapshot!(own.top(None).unwrap(), @r"
    Type: space
    Showing nodes accounting for 4MB, 100% of 4MB total
    Dropped 2 nodes (cum <= 0.02MB)
          flat  flat%   sum%        cum   cum%
           3MB 74.98% 74.98%        3MB 74.98%  shop::cart::fill
           1MB 24.99%   100%        1MB 24.99%  shop::log::Lines::push
             0     0%   100%        4MB   100%  shop::main
    ");
    // A profile in another language stays as it is.
    let go = go_profile(FILE);
    assert_eq!(
        go.clone().without_standard_library().to_bytes(),
        go.to_bytes()
    );
    let path = written(&own);
    if let Some(go) = go_pprof(&["-top", path.to_str().unwrap()]) {
        assert_eq!(own.top(None).unwrap().to_string(), go);
    }
}

/// What the service of *Whose memory it is* gives: bytes for two tenants, and for none. A block's size is a label of Go's.
fn message_of_tenants() -> protos::Profile {
    let texts = ["", "inuse_space", "bytes", "tenant", "acme", "umbrella"];
    let text = |wanted: &str| {
        i64::try_from(texts.iter().position(|text| *text == wanted).unwrap()).unwrap()
    };
    let mut message = protos::Profile {
        string_table: texts.map(str::to_owned).into(),
        sample_type: vec![protos::ValueType {
            ty: text("inuse_space"),
            unit: text("bytes"),
        }],
        ..protos::Profile::default()
    };
    let (fill, log) = (frame(&mut message, "fill"), frame(&mut message, "log"));
    let samples = [
        (fill, 6_144_000, Some("acme"), 1_000),
        (fill, 3_072_000, Some("umbrella"), 2_048),
        (log, 1_024_000, None, 1_000),
    ];
    for (location, bytes, tenant, size) in samples {
        let tenant = tenant.map(|tenant| protos::Label {
            key: text("tenant"),
            str: text(tenant),
            ..protos::Label::default()
        });
        let size = protos::Label {
            key: text("bytes"),
            num: size,
            ..protos::Label::default()
        };
        message.sample.push(protos::Sample {
            location_id: vec![location],
            value: vec![bytes],
            label: tenant.into_iter().chain([size]).collect(),
        });
    }
    message
}

fn of_tenants() -> Profile {
    Profile::from_bytes("the service's", &message_of_tenants().encode_to_vec()).unwrap()
}

#[test]
fn labels_have_what_gos_tags_have_and_what_is_without() {
    let profile = of_tenants();
    let labels = profile.by_label(None).unwrap();
    insta::assert_snapshot!(labels);
    for label in &labels.labels {
        let sum: i64 = label.values.iter().map(|row| row.amount).sum();
        assert_eq!(sum + label.without, labels.total, "{}", label.key);
    }
    let path = written(&profile);
    if let Some(go) = go_pprof(&["-tags", "-unit=bytes", path.to_str().unwrap()]) {
        for row in labels.labels.iter().flat_map(|label| &label.values) {
            // Newer tools write the share in another form.
            let amount = format!("{}.0B", row.amount);
            let has_both = |line: &str| line.contains(&amount) && line.ends_with(&row.value);
            let is_size = row.value.ends_with('B');
            assert!(is_size || go.lines().any(has_both), "{row:?}:\n{go}");
        }
    }

    let of_go = go_profile(FILE).by_label(Some("alloc_space")).unwrap();
    assert_eq!(of_go.labels[0].key, "bytes");
    assert!(
        of_go.to_string().contains("kB"),
        "sizes have their unit:\n{of_go}"
    );
}

#[test]
fn what_has_two_values_of_a_key_counts_for_both_and_isnt_without() {
    let mut message = message_of_tenants();
    let other = message.sample[1].label[0];
    message.sample[0].label.push(other);
    let profile = Profile::from_bytes("of both", &message.encode_to_vec()).unwrap();
    let labels = profile.by_label(None).unwrap().labels;
    let tenant = labels.iter().find(|label| label.key == "tenant").unwrap();
    let amounts: Vec<i64> = tenant.values.iter().map(|row| row.amount).collect();
    assert_eq!(amounts, [9_216_000, 6_144_000], "{tenant:?}");
    assert_eq!(tenant.without, 1_024_000);
}

#[test]
fn what_has_a_label_is_that_of_gos_tagfocus() {
    let of_acme = || of_tenants().labelled("tenant", "^ac").unwrap();
    let top = of_acme().top(None).unwrap();
    assert_eq!(
        (top.accounted, top.total),
        (6_144_000, 10_240_000),
        "shares are of the whole"
    );
    let path = written(&of_tenants());
    if let Some(go) = go_pprof(&["-top", "-tagfocus=tenant=^ac", path.to_str().unwrap()]) {
        let filter = "label=tenant=^ac";
        assert_eq!(top.to_string().replace(filter, "tagfocus=tenant=^ac"), go);
    }
    assert_eq!(of_acme().by_label(None).unwrap().labels[1].values.len(), 1);

    let told = |key: &str, value: &str| of_tenants().labelled(key, value).unwrap_err().to_string();
    assert!(
        told("tenant", "umbrela").contains("there is tenant=acme, tenant=umbrella"),
        "{}",
        told("tenant", "umbrela")
    );
    assert!(
        told("tenent", "acme").contains("there is bytes, tenant"),
        "{}",
        told("tenent", "acme")
    );
    assert!(told("tenant", "(").contains("is not a regular expression"));
    let told = of_another_sampler()
        .labelled("tenant", "acme")
        .unwrap_err()
        .to_string();
    assert!(told.contains("nor any other"), "{told}");
    let none = of_another_sampler().by_label(None).unwrap();
    assert!(none.to_string().contains("No sample has a label"), "{none}");
}

/// A difference's own mark, which Go's tool has as a label too, is none of the service's.
#[test]
fn labels_of_a_difference_are_the_services() {
    let later = of_tenants();
    let difference = later
        .diff(&of_tenants().labelled("tenant", "umbrella").unwrap())
        .unwrap();
    let labels = difference.by_label(None).unwrap();
    let tenant = labels
        .labels
        .iter()
        .find(|label| label.key == "tenant")
        .unwrap();
    let amounts: Vec<(&str, i64)> = tenant
        .values
        .iter()
        .map(|row| (row.value.as_str(), row.amount))
        .collect();
    assert_eq!(amounts, [("acme", 6_144_000), ("umbrella", 0)]);
    assert_eq!(tenant.without, 1_024_000);
    assert!(
        labels
            .labels
            .iter()
            .all(|label| !label.key.contains("pprof"))
    );
}
