use detectors::Watch;

detectors::memory_tests! {
    fn words_are_steady() {
        Watch::new("words").run(|| || "a".repeat(100).len()).assert_steady();
    }

    #[should_panic(expected = "expected steady, saw leak")]
    fn a_list_is_caught() {
        Watch::new("list").run(|| {
            let mut list = Vec::new();
            move || list.push(Box::new(1))
        }).assert_steady();
    }
}
