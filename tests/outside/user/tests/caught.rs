use detectors::Watch;
use outside_user::Service;

detectors::memory_tests! {
    #[should_panic(expected = "expected steady, saw leak")]
    fn the_audit_is_caught() {
        let with_audit = || {
            let mut service = Service::default();
            move || drop(service.greet_with_audit("ada"))
        };
        Watch::new("greet with audit").run(with_audit).assert_steady();
    }
}
