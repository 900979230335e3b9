//! The checker of the exercise: what it must still do, and that it is steady. Used on the learner's file by
//! `tests/exercise.rs`, and on the author's three by `tests/profiled/proof.rs`.

use super::exercise::{End, Redirects};
use detectors::{Class, Evidence, Watch};
use std::hint::black_box;

/// What the exercise as shipped must be accused of.
#[allow(dead_code, reason = "the learner's check doesn't need it")]
pub const AS_SHIPPED: (Class, &str) = (Class::ReferenceCycles, "Redirects::host");

/// Redirects are followed to their end, and a loop is told from an end.
pub fn behaviour() {
    let redirects = Redirects::read(
        "shop.example www.shop.example\n\
         old.shop.example shop.example\n\
         a.example b.example\n\
         b.example a.example\n\
         into.example a.example\n\
         self.example self.example\n\
         without-a-target.example\n\
         shop.example b.example\n",
    );
    let end_at = |name: &str| End::At(name.to_owned());
    assert_eq!(
        redirects.end_of("old.shop.example"),
        end_at("www.shop.example"),
        "end_of follows redirects to the last host, and the first line of a host counts"
    );
    assert_eq!(
        redirects.end_of("www.shop.example"),
        end_at("www.shop.example"),
        "a host that doesn't redirect is its own end"
    );
    for name in ["a.example", "into.example", "self.example"] {
        assert_eq!(
            redirects.end_of(name),
            End::Loop,
            "end_of tells that the redirects from {name} go round"
        );
    }
    assert_eq!(
        redirects.end_of("without-a-target.example"),
        End::Unknown,
        "a line without a target is skipped"
    );
    assert_eq!(redirects.len(), 7, "len counts origins and targets once");
}

/// One customer after the other: a chain that ends, and a chain that runs into a loop.
pub fn memory() -> Evidence {
    Watch::new("the redirects").run(|| {
        let mut customers = 0;
        move || {
            let customer = format!("customer-{customers:06}.example");
            let redirects = Redirects::read(&format!(
                "old.{customer} new.{customer}\n\
                 new.{customer} shop.{customer}\n\
                 start.{customer} {customer}\n\
                 {customer} www.{customer}\n\
                 www.{customer} m.{customer}\n\
                 m.{customer} {customer}\n"
            ));
            black_box(redirects.end_of(&customer));
            customers += 1;
        }
    })
}
