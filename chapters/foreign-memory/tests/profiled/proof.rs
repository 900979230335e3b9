//! The author's proof: as shipped, the exercise fails its checker for the right reason; solved, it passes, in more ways than one; with
//! the feature deleted, or a change that looks like a fix, it doesn't.

#![expect(
    clippy::duplicate_mod,
    reason = "one checker for all variants is the point"
)]

// `checked!` puts the chapter's checker beside one variant of its exercise.
include!("../../../checked.rs");

checked!(as_shipped, "../../solution/as-shipped.rs");
checked!(solved, "../../solution/solved.rs");
checked!(without_the_feature, "../../solution/without-the-feature.rs");
checked!(
    ended_when_finished,
    "../../solution/right/ended-when-finished.rs"
);
checked!(
    only_when_finished,
    "../../solution/wrong/only-when-finished.rs"
);
checked!(
    every_500th_stays,
    "../../solution/wrong/every-500th-stays.rs"
);

detectors::tests! {
    fn as_shipped_is_caught() {
        as_shipped::checker::behaviour();
        let (class, holder) = as_shipped::checker::AS_SHIPPED;
        as_shipped::checker::memory().assert_leak(class, holder);
    }

    fn the_solution_passes() {
        solved::check();
    }

    fn ended_when_finished_passes() {
        ended_when_finished::check();
    }

    #[should_panic(expected = "expected steady, saw leak")]
    fn only_when_finished_fails() {
        only_when_finished::check();
    }

    #[should_panic(expected = "leave nothing in C's malloc")]
    fn every_500th_stays_fails() {
        every_500th_stays::checker::behaviour();
        every_500th_stays::checker::exactly();
    }

    #[should_panic(expected = "answer returns its text, compressed by zlib")]
    fn without_the_feature_it_fails() {
        without_the_feature::checker::behaviour();
    }

    /// Nor does it pass for a service that stops to compress when it has answered often enough.
    #[should_panic(expected = "the thousandth answer is compressed as the first")]
    fn without_the_feature_later_on_it_fails() {
        without_the_feature::checker::memory();
    }
}
