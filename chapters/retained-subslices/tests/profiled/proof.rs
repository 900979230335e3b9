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
checked!(counted_by_name, "../../solution/right/counted-by-name.rs");
checked!(
    a_little_for_each_batch,
    "../../solution/wrong/a-little-for-each-batch.rs"
);
checked!(
    a_report_for_each_batch,
    "../../solution/wrong/a-report-for-each-batch.rs"
);
checked!(only_short_names, "../../solution/wrong/only-short-names.rs");
checked!(counts_that_stay, "../../solution/wrong/counts-that-stay.rs");

detectors::tests! {
    fn as_shipped_is_caught() {
        as_shipped::checker::behaviour();
        let (class, site) = as_shipped::checker::AS_SHIPPED;
        as_shipped::checker::memory().assert_leak(class, site);
    }

    fn the_solution_passes() {
        solved::check();
    }

    #[should_panic(expected = "failures_of counts a user's failures")]
    fn without_the_feature_it_fails() {
        without_the_feature::checker::memory().assert_steady();
        without_the_feature::checker::behaviour();
    }

    fn counted_by_name_passes() {
        counted_by_name::check();
    }

    #[should_panic(expected = "the full login guard, from")]
    fn a_little_for_each_batch_fails() {
        a_little_for_each_batch::check();
    }

    #[should_panic(expected = "the full login guard, from")]
    fn a_report_for_each_batch_fails() {
        a_report_for_each_batch::check();
    }

    #[should_panic(expected = "expected steady, saw leak")]
    fn only_short_names_fails() {
        only_short_names::check();
    }

    #[should_panic(expected = "the full login guard, from")]
    fn counts_that_stay_fails() {
        counts_that_stay::check();
    }
}
