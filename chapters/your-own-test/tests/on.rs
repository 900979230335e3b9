// Included by `variants.rs` and `proofs.rs`.

/// A variant of the service: its parts, with the tests in a file.
macro_rules! on {
    ($name:ident: $notifier:literal, $topics:literal, $receipts:literal; $tests:literal) => {
        // Paths inside start in the folder of the file that includes this one.
        #[path = "."]
        #[allow(
            dead_code,
            unreachable_pub,
            unused_imports,
            reason = "a test uses what it needs of the service, and a reader writes it"
        )]
        pub(crate) mod $name {
            #[path = $notifier]
            mod notifier;
            #[path = $receipts]
            mod receipts;
            #[path = $tests]
            pub(crate) mod tests;
            #[path = $topics]
            mod topics;
        }
    };
}

/// All variants, with the tests in a file.
macro_rules! on_each {
    ($tests:literal) => {
        on!(as_handed_out: "../src/notifier.rs", "../src/topics.rs", "../src/receipts.rs"; $tests);
        on!(topics_stay: "../src/notifier.rs", "../src/topics.rs", "../variants/receipts.rs"; $tests);
        on!(receipts_stay: "../src/notifier.rs", "../variants/topics.rs", "../src/receipts.rs"; $tests);
        on!(mended: "../src/notifier.rs", "../variants/topics.rs", "../variants/receipts.rs"; $tests);
        on!(rewritten: "../variants/rewritten.rs", "../variants/topics.rs", "../variants/receipts.rs"; $tests);
    };
}
