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
checked!(weak_targets, "../../solution/right/weak-targets.rs");
checked!(
    only_loops_of_three,
    "../../solution/wrong/only-loops-of-three.rs"
);
checked!(
    the_last_customer_stays,
    "../../solution/wrong/the-last-customer-stays.rs"
);
checked!(one_map_for_all, "../../solution/wrong/one-map-for-all.rs");

detectors::tests! {
    fn as_shipped_is_caught() {
        as_shipped::checker::behaviour();
        let (class, site) = as_shipped::checker::AS_SHIPPED;
        as_shipped::checker::memory().assert_leak(class, site);
    }

    fn the_solution_passes() {
        solved::check();
    }

    #[should_panic(expected = "end_of follows redirects to the last host")]
    fn without_the_feature_it_fails() {
        without_the_feature::checker::memory().assert_steady();
        without_the_feature::checker::behaviour();
    }

    fn weak_targets_passes() {
        weak_targets::check();
    }

    #[should_panic(expected = "bytes that stay when the redirects of")]
    fn only_loops_of_three_fails() {
        only_loops_of_three::check();
    }

    #[should_panic(expected = "bytes stay of a customer with a thousand hosts")]
    fn the_last_customer_stays_fails() {
        the_last_customer_stays::check();
    }

    #[should_panic(expected = "redirects are apart")]
    fn one_map_for_all_fails() {
        one_map_for_all::check();
    }
}
