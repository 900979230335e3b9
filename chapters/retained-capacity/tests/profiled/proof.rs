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
checked!(shrinks_to_fit, "../../solution/right/shrinks-to-fit.rs");
checked!(
    only_when_a_line_is_left,
    "../../solution/wrong/only-when-a-line-is-left.rs"
);
checked!(
    only_after_large_deliveries,
    "../../solution/wrong/only-after-large-deliveries.rs"
);
checked!(
    who_has_gone_stays,
    "../../solution/wrong/who-has-gone-stays.rs"
);

detectors::tests! {
    fn as_shipped_is_caught() {
        as_shipped::checker::behaviour();
        let (class, site) = as_shipped::checker::AS_SHIPPED;
        as_shipped::checker::memory().assert_leak(class, site);
    }

    fn the_solution_passes() {
        solved::check();
    }

    #[should_panic(expected = "receive returns the complete lines in order")]
    fn without_the_feature_it_fails() {
        without_the_feature::checker::memory().assert_steady();
        without_the_feature::checker::behaviour();
    }

    fn shrinks_to_fit_passes() {
        shrinks_to_fit::check();
    }

    #[should_panic(expected = "an idle connection holds")]
    fn only_when_a_line_is_left_fails() {
        only_when_a_line_is_left::check();
    }

    #[should_panic(expected = "an idle connection holds")]
    fn only_after_large_deliveries_fails() {
        only_after_large_deliveries::check();
    }

    #[should_panic(expected = "an importer whose customers come and go, from")]
    fn who_has_gone_stays_fails() {
        who_has_gone_stays::check();
    }
}
