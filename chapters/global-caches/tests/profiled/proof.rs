//! The author's proof: as shipped, the exercise fails its checker for the right reason; solved, it passes, in
//! more ways than one; with the feature deleted, or a change that looks like a fix, it doesn't.

#![expect(
    clippy::duplicate_mod,
    reason = "one checker for all variants is the point"
)]

// `checked!` puts the chapter's checker beside one variant of its exercise.
include!("../../../checked.rs");

checked!(as_shipped, "../../solution/as-shipped.rs");
checked!(solved, "../../solution/solved.rs");
checked!(without_the_feature, "../../solution/without-the-feature.rs");
checked!(in_order, "../../solution/right/in-order.rs");
checked!(
    no_limit_after_500,
    "../../solution/wrong/no-limit-after-500.rs"
);
checked!(a_slot_for_many, "../../solution/wrong/a-slot-for-many.rs");
checked!(the_refused_stay, "../../solution/wrong/the-refused-stay.rs");

detectors::tests! {
    fn as_shipped_is_caught() {
        as_shipped::checker::behaviour();
        let (class, site) = as_shipped::checker::AS_SHIPPED;
        as_shipped::checker::memory().assert_leak(class, site);
    }

    fn the_solution_passes() {
        solved::check();
    }

    #[should_panic(expected = "a client beyond its limit is refused")]
    fn without_the_feature_it_fails() {
        without_the_feature::checker::memory().assert_steady();
        without_the_feature::checker::behaviour();
    }

    fn in_order_passes() {
        in_order::check();
    }

    #[should_panic(expected = "in a minute has a limit too")]
    fn no_limit_after_500_fails() {
        no_limit_after_500::check();
    }

    #[should_panic(expected = "a client within its limit may ask")]
    fn a_slot_for_many_fails() {
        a_slot_for_many::check();
    }

    #[should_panic(expected = "expected steady, saw leak")]
    fn the_refused_stay_fails() {
        the_refused_stay::check();
    }
}
