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
checked!(borrowed_names, "../../solution/right/borrowed-names.rs");
checked!(the_tree_stays, "../../solution/wrong/the-tree-stays.rs");
checked!(
    the_first_thousand,
    "../../solution/wrong/the-first-thousand.rs"
);
checked!(once_is_enough, "../../solution/wrong/once-is-enough.rs");

detectors::tests! {
    fn as_shipped_is_caught() {
        as_shipped::checker::behaviour();
        as_shipped::checker::memory().assert_retention(as_shipped::checker::AS_SHIPPED);
    }

    fn the_solution_passes() {
        solved::check();
    }

    #[should_panic(expected = "is_blocked knows a host")]
    fn without_the_feature_it_fails() {
        without_the_feature::checker::memory().assert_steady();
        without_the_feature::checker::behaviour();
    }

    fn borrowed_names_passes() {
        borrowed_names::check();
    }

    #[should_panic(expected = "bytes are live for each host")]
    fn the_tree_stays_fails() {
        the_tree_stays::check();
    }

    #[should_panic(expected = "is_blocked knows every host")]
    fn the_first_thousand_fails() {
        the_first_thousand::check();
    }

    #[should_panic(expected = "be the next feed as long")]
    fn once_is_enough_fails() {
        once_is_enough::check();
    }
}
