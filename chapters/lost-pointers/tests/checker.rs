//! The checker of the exercise: what it must still do, and that it is steady. Used on the learner's file by
//! `tests/exercise.rs`, and on the author's three by `tests/profiled/proof.rs`.

use super::exercise::{Countries, database};
use detectors::{Class, Evidence, Watch};

/// What the exercise as shipped must be accused of.
#[allow(dead_code, reason = "the learner's check doesn't need it")]
pub const AS_SHIPPED: (Class, &str) = (Class::LostPointers, "Countries::add");

/// Hosts are counted by country, and every answer is given back.
pub fn behaviour() {
    let mut countries = Countries::default();
    assert_eq!(
        countries.add([8, 8, 8, 8]).as_deref(),
        Some("country-1"),
        "add returns the country's name"
    );
    assert_eq!(
        countries.add([15, 0, 0, 1]).as_deref(),
        Some("country-1"),
        "add returns the country's name"
    );
    assert_eq!(
        countries.add([9, 9, 9, 9]).as_deref(),
        Some("country-2"),
        "add returns the country's name"
    );
    assert_eq!(
        countries.add([10, 0, 0, 1]),
        None,
        "nobody has registered 10.0.0.1"
    );
    assert_eq!(
        countries.hosts_in("country-1"),
        2,
        "hosts_in counts a country's hosts"
    );
    assert_eq!(
        countries.hosts_in("country-5"),
        0,
        "hosts_in counts a country's hosts"
    );
    assert_eq!(countries.unknown(), 1, "unknown counts the others");
    // The starter does all that; what it does wrong is the other test's business.
    let _ = database::out();
}

/// Address after address, half of them registered by nobody.
pub fn memory() -> Evidence {
    Watch::new("the country database").run(|| {
        let mut countries = Countries::default();
        let mut addresses = 0_u32;
        move || {
            addresses += 1;
            let [_, b, c, d] = addresses.to_be_bytes();
            countries.add([10, b, c, d]);
            countries.add([20, b, c, d]);
        }
    })
}
