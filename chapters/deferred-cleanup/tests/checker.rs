//! The checker of the exercise: what it must still do, and that it is steady. Used on the learner's file by
//! `tests/exercise.rs`, and on the author's three by `tests/profiled/proof.rs`.

use super::exercise::Converter;
use detectors::{Class, Evidence, Watch};
use std::path::Path;

/// What the exercise as shipped must be accused of. The site is where the list's entries are made.
#[allow(dead_code, reason = "the learner's check doesn't need it")]
pub const AS_SHIPPED: (Class, &str) = (Class::DeferredCleanup, "Converter::convert");

/// Zones are sorted, and no scratch file stays behind.
pub fn behaviour() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    {
        let mut converter = Converter::new(folder.path());
        let sorted = converter
            .convert("www A 10.0.0.1\n\nmail MX 10\napi A 10.0.0.2\n")
            .expect("a writable folder");
        assert_eq!(
            sorted,
            ["api A 10.0.0.2", "mail MX 10", "www A 10.0.0.1"],
            "convert sorts the lines and leaves out the empty ones"
        );
        let again = converter.convert("b\na\n").expect("a writable folder");
        assert_eq!(again, ["a", "b"], "convert works again and again");
        assert_eq!(converter.converted(), 2, "converted counts");
    }
    assert_eq!(
        files(folder.path()),
        0,
        "no scratch file stays behind when the converter is gone"
    );
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).expect("a folder").count()
}

/// Zone after zone, by a converter that lives on.
pub fn memory() -> Evidence {
    Watch::new("the converter").warm_up(8).run(|| {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let mut converter = Converter::new(folder.path());
        move || {
            let zone = "www A 10.0.0.1\nmail MX 10\n";
            converter.convert(zone).expect("a writable folder");
            let _lives_as_long = &folder;
        }
    })
}
