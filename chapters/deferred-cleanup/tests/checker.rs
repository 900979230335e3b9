//! The checker of the exercise: what it must still do, and that it is steady. Used on the learner's file by
//! `tests/exercise.rs`, and on the author's by `tests/profiled/proof.rs`.

use super::exercise::Converter;
use deferred_cleanup::full_disk::FullDisk;
use detectors::{Class, Evidence, Watch, process};
use std::path::Path;

/// What the exercise as shipped must be accused of. The site is where the list's entries are made.
#[allow(dead_code, reason = "the learner's check doesn't need it")]
pub const AS_SHIPPED: (Class, &str) = (Class::DeferredCleanup, "Converter::convert");

/// What fits on the disk while it is full.
const ROOM_BYTES: u64 = 64;

/// Zones are sorted through scratch files, and no scratch file stays behind, be the disk full.
pub fn behaviour() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    {
        let mut converter = Converter::new(folder.path());
        let sorted = converter
            .convert("www A 10.0.0.1\n\nmail MX 10\napi A 10.0.0.2\nmail MX 10\n")
            .expect("a writable folder");
        assert_eq!(
            sorted,
            [
                "api A 10.0.0.2",
                "mail MX 10",
                "mail MX 10",
                "www A 10.0.0.1"
            ],
            "convert sorts the lines and leaves out the empty ones"
        );
        let again = converter.convert("b\na\n").expect("a writable folder");
        assert_eq!(again, ["a", "b"], "convert works again and again");
        assert_eq!(converter.converted(), 2, "converted counts");
        assert!(
            convert_on_a_full_disk(&mut converter).is_err(),
            "a zone may be larger than memory, so convert writes it to a scratch file: on a full disk it is an error"
        );
        let after = converter.convert("d\nc\n").expect("a writable folder");
        assert_eq!(after, ["c", "d"], "convert works again after an error");
    }
    assert_eq!(
        files(folder.path()),
        0,
        "no scratch file stays behind when the converter is gone, be it the one of a conversion that failed"
    );
    assert!(
        Converter::new(&folder.path().join("gone"))
            .convert("a\n")
            .is_err(),
        "scratch files lie in the folder that new was given: without the folder, convert is an error"
    );
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).expect("a folder").count()
}

fn convert_on_a_full_disk(converter: &mut Converter) -> std::io::Result<Vec<String>> {
    let zone = "api A 10.0.0.2\n".repeat(10);
    let _full = FullDisk::beyond(ROOM_BYTES);
    converter.convert(&zone)
}

/// Zone after zone, by a converter that lives on. The disk is full every other time.
pub fn memory() -> Evidence {
    Watch::new("the converter").warm_up(8).run(|| {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let mut converter = Converter::new(folder.path());
        move || {
            let zone = "www A 10.0.0.1\nmail MX 10\n";
            converter.convert(zone).expect("a writable folder");
            let _ = convert_on_a_full_disk(&mut converter);
            let _lives_as_long = &folder;
        }
    })
}

/// A converter that lives on leaves no file behind and no descriptor open.
pub fn exactly() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut converter = Converter::new(folder.path());
    let open = || {
        process::descriptors()
            .expect("descriptors can be listed")
            .len()
    };
    let open_before = open();
    for _ in 0..1_000 {
        converter.convert("b\na\n").expect("a writable folder");
        let _ = convert_on_a_full_disk(&mut converter);
    }
    assert_eq!(
        (files(folder.path()), open().saturating_sub(open_before)),
        (0, 0),
        "scratch files that are left, and descriptors that are open, after 1,000 conversions and 1,000 that failed: the converter \
         lives on, and no conversion does"
    );
}
