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
checked!(
    when_nobody_listens,
    "../../solution/right/when-nobody-listens.rs"
);
checked!(
    aborted_with_the_answer,
    "../../solution/wrong/aborted-with-the-answer.rs"
);
checked!(
    one_after_the_other,
    "../../solution/wrong/one-after-the-other.rs"
);
checked!(
    the_first_eight_hosts,
    "../../solution/wrong/the-first-eight-hosts.rs"
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

    #[should_panic(expected = "the host that answers is found")]
    fn without_the_feature_it_fails() {
        without_the_feature::checker::memory().assert_steady();
        without_the_feature::checker::behaviour();
    }

    fn when_nobody_listens_passes() {
        when_nobody_listens::check();
    }

    #[should_panic(expected = "expected steady, saw leak")]
    fn aborted_with_the_answer_fails() {
        aborted_with_the_answer::check();
    }

    #[should_panic(expected = "all hosts are asked at once")]
    fn one_after_the_other_fails() {
        one_after_the_other::check();
    }

    #[should_panic(expected = "every host is asked")]
    fn the_first_eight_hosts_fails() {
        the_first_eight_hosts::check();
    }
}
