detectors::memory_tests! {
    fn visits_are_steady() {
        detectors::Watch::new("visits").run(|| outside_user::client("ada")).assert_steady();
    }
}
