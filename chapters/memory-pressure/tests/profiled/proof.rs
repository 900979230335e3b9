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
checked!(a_heap, "../../solution/right/a-heap.rs");
checked!(
    a_number_for_each_line,
    "../../solution/wrong/a-number-for-each-line.rs"
);
checked!(
    the_first_ten_thousand,
    "../../solution/wrong/the-first-ten-thousand.rs"
);
checked!(
    the_last_of_a_tie,
    "../../solution/wrong/the-last-of-a-tie.rs"
);

detectors::tests! {
    fn as_shipped_is_caught() {
        // Its memory first: `leaks check` gives it a process of its own.
        as_shipped::checker::memory().assert_pressure(as_shipped::checker::AS_SHIPPED);
        as_shipped::checker::behaviour();
    }

    fn the_solution_passes() {
        solved::check();
    }

    #[should_panic(expected = "report finds the slowest")]
    fn without_the_feature_it_fails() {
        without_the_feature::checker::memory().assert_steady();
        without_the_feature::checker::behaviour();
    }

    fn a_heap_passes() {
        a_heap::check();
    }

    #[should_panic(expected = "nothing may be kept of each line")]
    fn a_number_for_each_line_fails() {
        a_number_for_each_line::check();
    }

    #[should_panic(expected = "report finds the slowest of")]
    fn the_first_ten_thousand_fails() {
        the_first_ten_thousand::check();
    }

    #[should_panic(expected = "report finds the slowest of")]
    fn the_last_of_a_tie_fails() {
        the_last_of_a_tie::check();
    }
}
