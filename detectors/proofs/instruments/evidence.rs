//! Evidence as data: what is written is what was seen, whole or not at all.

use detectors::{Class, Evidence, Kept, Watch};
use serde_json::{Value, json};
use std::hint::black_box;
use std::path::Path;

detectors::tests! {
    fn what_is_written_is_read_again() {
        let (evidence, scratch) = (pinned_pages(), scratch());
        let folder = scratch.path().join("made/if need be");
        evidence.write(&folder).expect("a folder of our own");
        let read = Evidence::read(&folder).expect("what was written");
        assert_eq!(as_json(&read), as_json(&evidence));
        assert_eq!(
            read.profile.expect("something grew").to_bytes(),
            evidence.profile.expect("something grew").to_bytes()
        );
    }

    fn the_report_has_the_fixed_words() {
        let report = as_json(&pinned_pages());
        assert_eq!(report["verdict"], "leak");
        assert_eq!(report["class"], "retained-subslices");
        assert_eq!(report["findings"][0]["kind"], "bytes");
        assert_eq!(report["findings"][0]["per_iteration"], 4_096.0);
        assert_eq!(report["findings"][1]["kind"], "blocks");
        assert_eq!(report["findings"][1]["per_iteration"], 1.0);
        let site = report["findings"][0]["site"].as_str().expect("the site as text");
        assert!(site.contains("a_page (/") && site.contains("instruments/evidence.rs:"), "{site}");
        assert_eq!(report["readings"].as_array().map(Vec::len), Some(3));
        assert_eq!(report["readings"][0]["from"], 50);

        let calm = as_json(&Watch::new("read").run(|| || drop(a_page())));
        assert_eq!(calm["verdict"], "steady");
        assert_eq!(calm["class"], Value::Null);
        assert_eq!(calm["findings"], json!([]));
    }

    /// A later, calm run replaces a leak's report, and its profile goes with it.
    fn an_older_profile_does_not_stay_beside_a_newer_report() {
        let scratch = scratch();
        pinned_pages().write(scratch.path()).expect("a folder of our own");
        assert_eq!(names_in(scratch.path()), ["heap.pb.gz", "report.json"]);
        let calm = Watch::new("read").run(|| || drop(a_page()));
        calm.write(scratch.path()).expect("a folder of our own");
        assert_eq!(names_in(scratch.path()), ["report.json"]);
    }

    fn a_folder_that_cannot_be_made_is_named() {
        let scratch = scratch();
        let file = scratch.path().join("a file");
        std::fs::write(&file, "in the way").expect("a folder of our own");
        let error = pinned_pages().write(file.join("below")).expect_err("no folder below a file");
        assert!(error.to_string().contains("a file/below"), "{error}");
        assert_eq!(names_in(scratch.path()), ["a file"]);
    }

    fn what_is_not_evidence_is_named() {
        let scratch = scratch();
        let missing = Evidence::read(scratch.path()).expect_err("nothing there").to_string();
        assert!(missing.contains("report.json"), "{missing}");
        std::fs::write(scratch.path().join("report.json"), "{\"verdict\": \"fine\"}").expect("ours");
        let other = Evidence::read(scratch.path()).expect_err("no evidence").to_string();
        assert!(other.contains("report.json") && other.contains("fine"), "{other}");
    }
}

fn pinned_pages() -> Evidence {
    let evidence = Watch::new("remember").windows(3).run(|| {
        let mut pages = Vec::with_capacity(1_000);
        move || {
            pages.push(a_page());
            Kept::bytes(pages.len() * 16)
        }
    });
    assert_eq!(
        evidence.class,
        Some(Class::RetainedSubslices),
        "{}",
        evidence.because
    );
    evidence
}

#[inline(never)]
fn a_page() -> Box<[u8; 4_096]> {
    black_box(Box::new([7; 4_096]))
}

fn as_json(evidence: &Evidence) -> Value {
    serde_json::to_value(evidence).expect("evidence is data")
}

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder is ours")
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder of our own");
    let names = entries.map(|entry| entry.expect("an entry of it").file_name());
    let mut names: Vec<String> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
