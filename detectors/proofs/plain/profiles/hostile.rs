//! Inputs that are cut, damaged, hostile or something else: always an error that says what to do,
//! never a panic and never a hang.

use std::fs;
use std::io::Write;
use std::path::Path;

use super::protos::{self, Message};
use detectors::heap::Detail;
use detectors::profile::{FlamegraphOptions, ProfileError, SourcePaths};
use detectors::{Profile, Scope};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::support::{data, go_pprof, go_profile, profile, written};

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(plain).unwrap();
    gzip.finish().unwrap()
}

fn read(bytes: &[u8]) -> Result<Profile, ProfileError> {
    Profile::from_bytes("input", bytes)
}

/// Asks a profile everything that there is to ask.
fn exercise(profile: &Profile) {
    for ty in profile.sample_types() {
        let _ = profile.total(&ty.name);
        let _ = profile.top(Some(&ty.name)).map(|top| top.to_string());
        let _ = profile
            .list(Some(&ty.name), ".", &SourcePaths::default())
            .map(|listing| listing.to_string());
        let _ = profile.flamegraph(&FlamegraphOptions::default().sample_type(ty.name));
    }
    let _ = profile
        .diff(profile)
        .map(|difference| difference.stacks().count());
    assert!(Profile::from_bytes("again", &profile.to_bytes()).is_ok());
}

/// A small message to put faults into: one sample type, one sample in `main`.
fn message() -> protos::Profile {
    protos::Profile {
        sample_type: vec![protos::ValueType { ty: 1, unit: 2 }],
        sample: vec![protos::Sample {
            location_id: vec![7],
            value: vec![1_500_000_000],
            label: Vec::new(),
        }],
        location: vec![protos::Location {
            id: 7,
            line: vec![protos::Line {
                function_id: 9,
                line: 3,
            }],
            ..protos::Location::default()
        }],
        function: vec![protos::Function {
            id: 9,
            name: 3,
            ..protos::Function::default()
        }],
        string_table: ["", "cpu", "nanoseconds", "main"]
            .map(str::to_owned)
            .to_vec(),
        ..protos::Profile::default()
    }
}

pub(crate) fn cpu_profile() -> Profile {
    Profile::from_bytes("cpu.pb", &message().encode_to_vec()).unwrap()
}

/// The error for the message after `fault` was put in.
fn broken(fault: impl FnOnce(&mut protos::Profile)) -> String {
    let mut message = message();
    fault(&mut message);
    read(&message.encode_to_vec()).unwrap_err().to_string()
}

#[test]
fn a_gzipped_profile_cut_anywhere_is_refused() {
    let whole = fs::read(data("every.pb.gz")).unwrap();
    for end in 0..whole.len() {
        let error = read(&whole[..end]).unwrap_err().to_string();
        assert!(error.starts_with("input "), "{end}: {error}");
    }
    assert!(matches!(
        read(&whole[..whole.len() / 2]),
        Err(ProfileError::Truncated { .. })
    ));
}

#[test]
fn a_plain_profile_cut_anywhere_is_refused_or_has_all_its_samples() {
    let whole = fs::read(data("plain.pb")).unwrap();
    let expected = read(&whole).unwrap();
    let mut passed = 0;
    for end in 0..whole.len() {
        // After the last string only the time, the period and the like are missing.
        if let Ok(profile) = read(&whole[..end]) {
            assert!(profile.stacks().eq(expected.stacks()), "{end}");
            passed += 1;
        }
    }
    assert!(passed < 10, "{passed}");
}

#[test]
fn flipped_bits_never_panic() {
    let plain = fs::read(data("plain.pb")).unwrap();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random >> 33).unwrap()
    };
    let mut readable = 0;
    for _ in 0..4000 {
        let mut bytes = plain.clone();
        for _ in 0..=next() % 4 {
            let at = next() % bytes.len();
            bytes[at] ^= 1 << (next() % 8);
        }
        if let Ok(profile) = read(&bytes) {
            exercise(&profile);
            readable += 1;
        }
    }
    assert!(readable > 0, "the flips must also reach past the reader");
}

#[test]
fn a_gzip_bomb_is_bounded() {
    let zeros = vec![0; 64 << 20];
    let bomb = gzip(&zeros);
    assert!(bomb.len() < 1 << 20);
    let error = read(&bomb).unwrap_err();
    assert!(matches!(error, ProfileError::TooLarge { .. }), "{error}");
    let nested = read(&gzip(&bomb)).unwrap_err();
    assert!(
        matches!(nested, ProfileError::NotAProfile { .. }),
        "{nested}"
    );
}

/// A record of the outermost message, encoded.
fn record(field: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![field << 3 | 2];
    prost::encoding::encode_varint(content.len() as u64, &mut bytes);
    bytes.extend_from_slice(content);
    bytes
}

/// The bug: one sample with millions of empty labels is one record. Two bytes each in the file, they took 32 decoded: what an
/// input of 256 MiB may hold of them took 4 GiB.
#[test]
fn what_is_much_larger_once_decoded_is_refused_before_it_is() {
    // Each would be decoded to more than a gibibyte, with the room that a vector takes to grow. That the size is told exactly,
    // whatever it is made of, is shown beside what tells it.
    let sample = |content: &[u8]| record(2, content);
    let inputs = [
        ("labels", sample(&[0x1a, 0x00].repeat((16 << 20) + 1))),
        ("samples", sample(&[]).repeat((8 << 20) + 1)),
        (
            "samples with a label",
            sample(&[0x1a, 0x00]).repeat(5 << 20),
        ),
        ("mappings", record(3, &[]).repeat((8 << 20) + 1)),
    ];
    let json = "{\"dhatFileVersion\":2,\"mode\":\"rust-heap\",\"pps\":[],\"ftbl\":[";
    let json = format!("{json}{}\"\"]}}", "\"\",".repeat(9_000_000)).into_bytes();
    for (what, input) in inputs.into_iter().chain([("dhat's frames", json)]) {
        let scope = Scope::new(Detail::Counts).unwrap();
        let refused = read(&input).map(|profile| profile.is_empty());
        let peak = scope.read().peak_bytes;
        println!("{what}: {} bytes, a peak of {peak}", input.len());
        assert!(
            matches!(refused, Err(ProfileError::TooLarge { .. })),
            "{what}: {refused:?}"
        );
        assert!(peak < 1 << 20, "{what}: a peak of {peak} bytes");
    }
}

/// An input that passes costs no more than what it was surveyed to.
#[test]
fn what_is_larger_once_decoded_and_within_bounds_is_read() {
    let mut message = message();
    message.sample[0].label = vec![protos::Label::default(); 1 << 20];
    let input = message.encode_to_vec();
    drop(message);
    let scope = Scope::new(Detail::Counts).unwrap();
    let profile = read(&input).unwrap();
    let peak = scope.read().peak_bytes;
    assert!((32 << 20..48 << 20).contains(&peak), "{peak}");
    drop(profile);
}

#[test]
fn what_is_no_profile_is_named() {
    let errors = [
        read(b""),
        read(b"hello, world\n"),
        read(b"<!DOCTYPE html><html></html>"),
        read(b"{\"dhatFileVersion\": 2}"),
        read(b"{\"something\": \"else\"}"),
        read(&[0x1f, 0x8b, 0x08]),
        read(&[0x1f, 0x8b, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        read(&[0; 40]),
        read(&[0xff; 40]),
    ]
    .map(|result| result.unwrap_err().to_string());
    insta::assert_snapshot!(errors.join("\n"), @r#"
    input is not a profile: it is empty; give a pprof file, gzipped or plain, or dhat's JSON
    input is not a profile: it is text that begins with "hello, world"; give a pprof file, gzipped or plain, or dhat's JSON
    input is not a profile: it is text that begins with "<!DOCTYPE html><html></html>"; give a pprof file, gzipped or plain, or dhat's JSON
    input is not a profile: it isn't dhat's JSON (missing field `mode` at line 1 column 22); give a pprof file, gzipped or plain, or dhat's JSON
    input is not a profile: it is text that begins with "{"something": "else"}"; give a pprof file, gzipped or plain, or dhat's JSON
    input is cut short: it ends inside its gzip data; fetch or copy it again
    input is a damaged profile: its gzip data can't be unpacked (invalid gzip header); take or copy it again
    input is not a profile: it doesn't start with a profile's records; give a pprof file, gzipped or plain, or dhat's JSON
    input is cut short: it ends inside a record's tag; fetch or copy it again
    "#);
}

#[test]
fn contradictions_are_named() {
    let errors = [
        broken(|message| message.sample_type.clear()),
        broken(|message| message.string_table.clear()),
        broken(|message| message.string_table[0] = "first".to_owned()),
        broken(|message| message.sample[0].value.push(1)),
        broken(|message| message.sample[0].location_id.push(8)),
        broken(|message| message.location[0].line[0].function_id = 0),
        broken(|message| message.location.push(message.location[0].clone())),
        broken(|message| message.function[0].id = 0),
        broken(|message| message.function[0].name = 4),
        broken(|message| message.function[0].filename = -1),
        broken(|message| message.default_sample_type = i64::MAX),
        broken(|message| {
            message.string_table.push("(".to_owned());
            message.drop_frames = 4;
        }),
    ];
    insta::assert_snapshot!(errors.join("\n"), @r#"
    input is a damaged profile: it names no sample types; take or copy it again
    input is a damaged profile: its table of strings doesn't start with the empty one; take or copy it again
    input is a damaged profile: its table of strings doesn't start with the empty one; take or copy it again
    input is a damaged profile: a sample has 2 values for 1 sample types; take or copy it again
    input is a damaged profile: a sample names location 8, which isn't there; take or copy it again
    input is a damaged profile: location 7 names function 0, which isn't there; take or copy it again
    input is a damaged profile: two locations share the id 7; take or copy it again
    input is a damaged profile: a function has the reserved id 0; take or copy it again
    input is a damaged profile: it refers to string 4 of 4; take or copy it again
    input is a damaged profile: it refers to string -1 of 4; take or copy it again
    input is a damaged profile: it refers to string 9223372036854775807 of 4; take or copy it again
    input is a damaged profile: it asks to leave out frames by "(", which is no regular expression: found open group without closing ')'; take or copy it again
    "#);
}

/// A service that has sampled nothing yet is well, and Go's own profiles of it are like that.
#[test]
fn a_profile_without_samples_is_one_and_what_needs_some_says_so() {
    let mut message = message();
    message.sample.clear();
    let profile = read(&message.encode_to_vec()).unwrap();
    assert!(profile.is_empty());
    assert!(profile.top(None).unwrap().rows.is_empty());
    let none = profile.list(None, "add", &SourcePaths::default());
    let errors = [
        none.unwrap_err(),
        profile
            .flamegraph(&FlamegraphOptions::default())
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(
            error.to_string(),
            "input has no samples: nothing had been seen when it was taken; give the program some work and take it again"
        );
    }
    assert!(!go_profile("plain.pb").is_empty());
}

#[test]
fn paths_that_hold_no_file_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    let read = |path: &Path| {
        Profile::read(path)
            .unwrap_err()
            .to_string()
            .replace(&*folder.path().display().to_string(), "[folder]")
    };
    insta::assert_snapshot!(
        [read(&folder.path().join("none.pb.gz")), read(folder.path()), read(Path::new("/dev/zero"))].join("\n"),
        @r#"
        no profile at [folder]/none.pb.gz: check the path; Profile::write makes one, and so does a test with DETECTORS_OUT=DIR
        can't read [folder]: it is a folder; give a file that you may read
        can't read /dev/zero: it is not a regular file; give a file that you may read
        "#
    );
    assert!(!path.is_empty());
}

#[test]
fn a_folder_that_is_not_there_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let error = cpu_profile()
        .write(folder.path().join("none/heap.pb.gz"))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("can't write ") && error.contains("give a folder"),
        "{error}"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_write_replaces_what_was_there_and_leaves_nothing_beside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("heap.pb.gz");
    fs::write(&path, "old").unwrap();
    cpu_profile().write(&path).unwrap();
    assert!(Profile::read(&path).is_ok());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn extreme_values_are_counted_without_overflow() {
    let mut message = message();
    for value in [i64::MAX, i64::MAX, i64::MIN, i64::MIN, i64::MIN] {
        message.sample.push(protos::Sample {
            location_id: vec![7, 7],
            value: vec![value],
            label: Vec::new(),
        });
    }
    exercise(&read(&message.encode_to_vec()).unwrap());
}

#[test]
fn stacks_without_lines_or_frames_are_shown_as_what_is_known() {
    let mut message = message();
    message.string_table.push("/usr/lib/libfoo.so".to_owned());
    message.mapping.push(protos::Mapping {
        id: 3,
        filename: 4,
        ..protos::Mapping::default()
    });
    for (id, mapping_id) in [(1, 3), (2, 0), (4, 77)] {
        message.location.push(protos::Location {
            id,
            mapping_id,
            address: 4096 * id,
            ..protos::Location::default()
        });
        message.sample.push(protos::Sample {
            location_id: vec![id],
            value: vec![1_000_000_000],
            label: Vec::new(),
        });
    }
    message.sample.push(protos::Sample {
        location_id: Vec::new(),
        value: vec![500_000_000],
        label: Vec::new(),
    });
    let profile = read(&message.encode_to_vec()).unwrap();
    exercise(&profile);
    let top = profile.top(None).unwrap().to_string();
    insta::assert_snapshot!(top, @r#"
    File: libfoo.so
    Type: cpu
    Showing nodes accounting for 4.50s, 90.00% of 5s total
          flat  flat%   sum%        cum   cum%
            2s 40.00% 40.00%         2s 40.00%  <unknown>
         1.50s 30.00% 70.00%      1.50s 30.00%  main
            1s 20.00% 90.00%         1s 20.00%  [libfoo.so]
    "#);
    let path = written(&profile);
    if let Some(go) = go_pprof(&["-top", path.to_str().unwrap()]) {
        assert_eq!(top, go);
    }
}

#[test]
fn frames_that_a_profile_asks_to_drop_are_dropped_as_in_go() {
    let mut message = message();
    let names = [
        "malloc",
        "operator new(unsigned long)",
        "(anonymous namespace)::fill(int)",
        "malloc_kept",
    ];
    for (id, name) in (1..).zip(names) {
        message.string_table.push(name.to_owned());
        message.function.push(protos::Function {
            id,
            name: i64::try_from(message.string_table.len()).unwrap() - 1,
            ..protos::Function::default()
        });
        message.location.push(protos::Location {
            id,
            line: vec![protos::Line {
                function_id: id,
                line: 1,
            }],
            ..protos::Location::default()
        });
    }
    for stack in [vec![1, 2, 3, 7], vec![4, 7], vec![1, 2]] {
        message.sample.push(protos::Sample {
            location_id: stack,
            value: vec![1_000_000_000],
            label: Vec::new(),
        });
    }
    // All in one place: the inlined allocator goes, its caller stays.
    message.location.push(protos::Location {
        id: 5,
        line: [1, 3]
            .map(|function_id| protos::Line {
                function_id,
                line: 1,
            })
            .to_vec(),
        ..protos::Location::default()
    });
    message.sample.push(protos::Sample {
        location_id: vec![5, 7],
        value: vec![3_000_000_000],
        label: Vec::new(),
    });
    message
        .string_table
        .extend(["malloc.*|operator new".to_owned(), "malloc_kept".to_owned()]);
    message.drop_frames = 8;
    message.keep_frames = 9;
    let plain = message.encode_to_vec();
    let profile = read(&plain).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, &plain).unwrap();
    let top = profile.top(None).unwrap().to_string();
    insta::assert_snapshot!(top, @r#"
    Type: cpu
    Showing nodes accounting for 7.50s, 100% of 7.50s total
          flat  flat%   sum%        cum   cum%
            4s 53.33% 53.33%         4s 53.33%  (anonymous namespace)::fill(int)
         1.50s 20.00% 73.33%      6.50s 86.67%  main
            1s 13.33% 86.67%         1s 13.33%  malloc
            1s 13.33%   100%         1s 13.33%  malloc_kept
             0     0%   100%         1s 13.33%  operator new(unsigned long)
    "#);
    if let Some(go) = go_pprof(&["-top", "-symbolize=none", file.path().to_str().unwrap()]) {
        assert_eq!(top, go);
    }
}

#[test]
fn names_can_neither_steer_a_terminal_nor_break_a_drawing() {
    let name = "\u{1b}]0;title\u{7}<script>alert(1)</script> (a.rs:1:1)";
    let profile = profile(&[(&[name], [1, 1, 1, 1])]);
    let top = profile.top(None).unwrap().to_string();
    assert!(!top.contains(['\u{1b}', '\u{7}']), "{top}");
    let svg = profile.flamegraph(&FlamegraphOptions::default()).unwrap();
    assert!(!svg.contains("<script") && !svg.contains('\u{1b}'), "{svg}");
}

#[test]
fn labels_and_ids_in_any_order_are_read() {
    let mut profile = go_profile("every.pb.gz");
    assert!(profile.stacks().count() > 10);
    profile = Profile::from_bytes("again", &profile.to_bytes()).unwrap();
    assert!(profile.stacks().count() > 10);
    assert_eq!(cpu_profile().top(None).unwrap().rows[0].function, "main");
}
