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
checked!(a_copy_first, "../../solution/right/a-copy-first.rs");
checked!(
    answers_for_each_network,
    "../../solution/wrong/answers-for-each-network.rs"
);
checked!(
    released_by_the_thousand,
    "../../solution/wrong/released-by-the-thousand.rs"
);
checked!(
    every_500th_is_lost,
    "../../solution/wrong/every-500th-is-lost.rs"
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

    #[should_panic(expected = "add returns the country's name")]
    fn without_the_feature_it_fails() {
        without_the_feature::checker::memory().assert_steady();
        without_the_feature::checker::behaviour();
    }

    fn a_copy_first_passes() {
        a_copy_first::check();
    }

    #[should_panic(expected = "may stand apart")]
    fn answers_for_each_network_fails() {
        answers_for_each_network::check();
    }

    #[should_panic(expected = "answers that are out after a call of add")]
    fn released_by_the_thousand_fails() {
        released_by_the_thousand::check();
    }

    #[should_panic(expected = "the country database, from")]
    fn every_500th_is_lost_fails() {
        every_500th_is_lost::check();
    }
}
