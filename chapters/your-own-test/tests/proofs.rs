//! The author's tests in place of the reader's, each on every variant. `tests/own_test.rs`, at the top, runs them, and knows
//! which of them fail.

#![expect(
    clippy::duplicate_mod,
    reason = "the same tests on each variant are the point"
)]

include!("on.rs");

/// The variants with one file of tests, in a module of their own.
macro_rules! by {
    ($name:ident, $tests:literal) => {
        #[path = "."]
        mod $name {
            on_each!($tests);
        }
    };
}

by!(as_shipped, "../solution/as-shipped.rs");
by!(solved, "../solution/solved.rs");
by!(same_names, "../solution/wrong/same-names.rs");
by!(no_template_twice, "../solution/wrong/no-template-twice.rs");
by!(looks_inside, "../solution/wrong/looks-inside.rs");
by!(always_fails, "../solution/wrong/always-fails.rs");

/// A name for each, and the program.
macro_rules! all {
    ($($by:ident: $a:ident $b:ident $c:ident $d:ident $e:ident;)+) => {
        $(
            use $by::as_handed_out::tests as $a;
            use $by::topics_stay::tests as $b;
            use $by::receipts_stay::tests as $c;
            use $by::mended::tests as $d;
            use $by::rewritten::tests as $e;
        )+
        detectors::test_modules! { $($a, $b, $c, $d, $e),+ }
    };
}

all! {
    as_shipped: as_shipped_on_as_handed_out as_shipped_on_topics_stay as_shipped_on_receipts_stay as_shipped_on_mended as_shipped_on_rewritten;
    solved: solved_on_as_handed_out solved_on_topics_stay solved_on_receipts_stay solved_on_mended solved_on_rewritten;
    same_names: same_names_on_as_handed_out same_names_on_topics_stay same_names_on_receipts_stay same_names_on_mended same_names_on_rewritten;
    no_template_twice: no_template_twice_on_as_handed_out no_template_twice_on_topics_stay no_template_twice_on_receipts_stay no_template_twice_on_mended no_template_twice_on_rewritten;
    looks_inside: looks_inside_on_as_handed_out looks_inside_on_topics_stay looks_inside_on_receipts_stay looks_inside_on_mended looks_inside_on_rewritten;
    always_fails: always_fails_on_as_handed_out always_fails_on_topics_stay always_fails_on_receipts_stay always_fails_on_mended always_fails_on_rewritten;
}

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();
