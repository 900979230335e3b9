//! Fails on whatever isn't the service as it was handed out: what it is made of isn't what it does.

use super::notifier::Notifier;

detectors::tests! {
    fn it_is_made_of_as_many_bytes() {
        assert_eq!(format!("{:?}", Notifier::new()).matches("followers").count(), 1);
        let notifier = Notifier::new();
        drop(notifier.follow("anna", "example.org"));
        assert!(!format!("{notifier:?}").contains("example.org"));
    }
}
