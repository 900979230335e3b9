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
checked!(a_list_of_links, "../../solution/right/a-list-of-links.rs");
checked!(
    a_hundred_responses,
    "../../solution/wrong/a-hundred-responses.rs"
);
checked!(reads_all_of_it, "../../solution/wrong/reads-all-of-it.rs");
checked!(
    the_first_hundred,
    "../../solution/wrong/the-first-hundred.rs"
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

    #[should_panic(expected = "a page is put aside when it is large")]
    fn without_the_feature_it_fails() {
        without_the_feature::checker::memory().assert_steady();
        without_the_feature::checker::behaviour();
    }

    fn a_list_of_links_passes() {
        a_list_of_links::check();
    }

    #[should_panic(expected = "connections that are open")]
    fn a_hundred_responses_fails() {
        a_hundred_responses::check();
    }

    #[should_panic(expected = "a large page is put aside unread")]
    fn reads_all_of_it_fails() {
        reads_all_of_it::check();
    }

    #[should_panic(expected = "the last hundred large pages")]
    fn the_first_hundred_fails() {
        the_first_hundred::check();
    }
}
