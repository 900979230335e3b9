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
checked!(nameless, "../../solution/right/nameless.rs");
checked!(
    only_on_the_good_path,
    "../../solution/wrong/only-on-the-good-path.rs"
);
checked!(no_file_at_all, "../../solution/wrong/no-file-at-all.rs");
checked!(
    errors_on_the_list,
    "../../solution/wrong/errors-on-the-list.rs"
);
checked!(one_list_for_ten, "../../solution/wrong/one-list-for-ten.rs");

detectors::tests! {
    fn as_shipped_is_caught() {
        as_shipped::checker::behaviour();
        let (class, site) = as_shipped::checker::AS_SHIPPED;
        as_shipped::checker::memory().assert_leak(class, site);
    }

    fn the_solution_passes() {
        solved::check();
    }

    #[should_panic(expected = "convert sorts the lines")]
    fn without_the_feature_it_fails() {
        without_the_feature::checker::memory().assert_steady();
        without_the_feature::checker::behaviour();
    }

    fn nameless_passes() {
        nameless::check();
    }

    #[should_panic(expected = "no scratch file stays behind when the converter is gone")]
    fn only_on_the_good_path_fails() {
        only_on_the_good_path::check();
    }

    #[should_panic(expected = "on a full disk it is an error")]
    fn no_file_at_all_fails() {
        no_file_at_all::check();
    }

    #[should_panic(expected = "expected steady, saw leak")]
    fn errors_on_the_list_fails() {
        errors_on_the_list::check();
    }

    #[should_panic(expected = "scratch files that are left")]
    fn one_list_for_ten_fails() {
        one_list_for_ten::check();
    }
}
