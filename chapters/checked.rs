// Included by each chapter's `tests/profiled/proof.rs`: a module with the checker beside one variant of the exercise.

macro_rules! checked {
    ($name:ident, $file:literal) => {
        // Paths inside start in the folder of the file that includes this one.
        #[path = "."]
        mod $name {
            #[allow(
                dead_code,
                unreachable_pub,
                reason = "written as a service's module; the checker uses what it needs"
            )]
            #[allow(
                clippy::unnecessary_wraps,
                reason = "what a wrong fix has no more use for is still asked of it"
            )]
            #[path = $file]
            mod exercise;

            #[allow(unreachable_pub, reason = "two test targets share it")]
            #[path = "../checker.rs"]
            pub mod checker;

            /// All that `leaks check` asks of it, in its order.
            #[allow(dead_code, reason = "what must be caught is asked for one part alone")]
            pub(super) fn check() {
                checker::behaviour();
                checker::memory().assert_steady();
                checker::exactly();
            }
        }
    };
}
