//! Fails on everything, so on what leaks as well.

detectors::tests! {
    fn it_leaks() {
        let _ = super::notifier::Notifier::new();
        panic!("it leaks");
    }
}
