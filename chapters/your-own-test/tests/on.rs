// Included by `variants.rs` and `proofs.rs`.

/// A variant of the service, with the tests in a file.
macro_rules! on {
    ($name:ident, $service:literal, $tests:literal) => {
        // Paths inside start in the folder of the file that includes this one.
        #[path = "."]
        pub(crate) mod $name {
            #[allow(dead_code, unreachable_pub, reason = "a test uses what it needs of the service")]
            #[path = $service]
            mod notifier;

            #[allow(unused_imports, dead_code, unreachable_pub, reason = "written by a reader")]
            #[path = $tests]
            pub(crate) mod tests;
        }
    };
}

/// All variants, with the tests in a file.
macro_rules! on_each {
    ($tests:literal) => {
        on!(as_handed_out, "../src/notifier.rs", $tests);
        on!(topics_stay, "../variants/topics-stay.rs", $tests);
        on!(receipts_stay, "../variants/receipts-stay.rs", $tests);
        on!(mended, "../variants/mended.rs", $tests);
        on!(rewritten, "../variants/rewritten.rs", $tests);
    };
}
