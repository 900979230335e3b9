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
checked!(a_list_of_mails, "../../solution/right/a-list-of-mails.rs");
checked!(
    gathered_when_taken,
    "../../solution/wrong/gathered-when-taken.rs"
);
checked!(
    one_place_for_ever,
    "../../solution/wrong/one-place-for-ever.rs"
);
checked!(
    drops_what_is_too_much,
    "../../solution/wrong/drops-what-is-too-much.rs"
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

    #[should_panic(expected = "every customer is told of every change")]
    fn without_the_feature_it_fails() {
        without_the_feature::checker::memory().assert_steady();
        without_the_feature::checker::behaviour();
    }

    fn a_list_of_mails_passes() {
        a_list_of_mails::check();
    }

    #[should_panic(expected = "the notifier whose mails wait, from")]
    fn gathered_when_taken_fails() {
        gathered_when_taken::check();
    }

    #[should_panic(expected = "who was told, and changes again")]
    fn one_place_for_ever_fails() {
        one_place_for_ever::check();
    }

    #[should_panic(expected = "after an import of many")]
    fn drops_what_is_too_much_fails() {
        drops_what_is_too_much::check();
    }
}
