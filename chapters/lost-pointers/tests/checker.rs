//! The checker of the exercise: what it must still do, and that it is steady. Used on the learner's file by
//! `tests/exercise.rs`, and on the author's by `tests/profiled/proof.rs`.

use super::exercise::Countries;
use chapter::assert_holds_no_more;
use detectors::{Class, Evidence, Watch};
use lost_pointers::database;

/// What the exercise as shipped must be accused of.
#[allow(dead_code, reason = "the learner's check doesn't need it")]
pub const AS_SHIPPED: (Class, &str) = (Class::LostPointers, "Countries::add");

/// Hosts are counted by country, as the database says.
pub fn behaviour() {
    let asked_before = database::asked();
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
    assert_eq!(
        (
            countries.add([192, 168, 0, 1]),
            countries.add([192, 0, 2, 1]).as_deref()
        ),
        (None, Some("country-3")),
        "two addresses that begin alike may stand apart"
    );
    assert_eq!(
        (countries.unknown(), countries.hosts_in("country-3")),
        (2, 1),
        "unknown and hosts_in count on"
    );
    assert_eq!(
        database::asked() - asked_before,
        6,
        "the database knows where an address stands: it is asked for each of six"
    );
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

/// Every answer is given back by the end of the call that asked for it.
pub fn exactly() {
    let mut countries = Countries::default();
    for address in [[20, 0, 0, 1], [10, 0, 0, 1], [192, 168, 0, 1]] {
        let out_before = database::out();
        countries.add(address);
        assert_eq!(
            database::out() - out_before,
            0,
            "answers that are out after a call of add for {address:?}: it asks, so it releases, on every way out"
        );
    }
    let mut addresses = 0_u32;
    assert_holds_no_more("the country database", 2_500, || {
        addresses += 1;
        let [_, b, c, d] = addresses.to_be_bytes();
        countries.add([10, b, c, d]);
        countries.add([20, b, c, d]);
    });
    assert_eq!(
        database::out(),
        0,
        "answers that are out after 40,000 calls of add"
    );
}
