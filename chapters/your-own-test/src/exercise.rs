//! Yours: memory tests for the notifier. What stands here runs on five variants of the service, of which three leak.
//!
//! `cargo run -- check your-own-test` says on which your tests fail, and on which they should.

use super::notifier::Notifier;

detectors::tests! {
    /// What the service does: no memory test yet.
    fn whoever_follows_is_told() {
        let notifier = Notifier::new();
        let _follows = notifier.follow("anna", "example.org");
        assert_eq!(notifier.publish("example.org", "welcome", "a host was added"), 1);
        assert_eq!(notifier.receipts("anna").len(), 1);
    }
}
