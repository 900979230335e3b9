//! Tests to be looked at by `plain/isolation`: good ones, and one for each way to misbehave.

use std::process::{Command, abort, exit};
use std::time::Duration;

detectors::tests! {
    /// A doc comment is welcome.
    fn passes() {
        println!("a passing test's words");
    }

    async fn passes_after_waiting() {
        tokio::task::yield_now().await;
    }

    fn passes_with_a_result() -> Result<(), std::num::ParseIntError> {
        "7".parse::<i32>().map(drop)
    }

    #[should_panic]
    fn panics_as_it_should() {
        panic!("any words");
    }

    #[should_panic(expected = "in words")]
    async fn panics_in_words_as_it_should() {
        tokio::task::yield_now().await;
        panic!("said in words");
    }

    #[ignore]
    fn is_ignored_without_a_reason() {}

    #[ignore = "misbehaves on purpose"]
    fn aborts() {
        eprintln!("about to abort");
        abort();
    }

    #[ignore = "misbehaves on purpose"]
    fn exits_with_success() {
        exit(0);
    }

    /// An exit is no panic, whatever its status.
    #[ignore = "misbehaves on purpose"]
    #[should_panic]
    fn exits_with_a_panics_status() {
        exit(101);
    }

    #[ignore = "misbehaves on purpose"]
    fn fails_after_its_end() {
        RUNS_AT_THE_END.with(|_| ());
    }

    #[ignore = "misbehaves on purpose"]
    fn overflows_its_stack() {
        assert_eq!(deepen(0), 0);
    }

    #[ignore = "misbehaves on purpose"]
    fn panics() {
        println!("its standard output");
        eprintln!("its standard error");
        assert_eq!(1, 2, "its message");
    }

    #[ignore = "misbehaves on purpose"]
    #[should_panic(expected = "the right words")]
    fn panics_in_other_words() {
        panic!("some other words");
    }

    #[ignore = "misbehaves on purpose"]
    #[should_panic]
    fn panics_not_though_it_should() {}

    #[ignore = "misbehaves on purpose"]
    fn panics_without_a_text() {
        std::panic::panic_any(7);
    }

    #[ignore = "misbehaves on purpose"]
    fn prints_too_much() {
        println!("the first words");
        for _ in 0..4_000 {
            println!("{}", "filler ".repeat(10));
        }
        panic!("the last words");
    }

    #[ignore = "misbehaves on purpose"]
    fn returns_an_error() -> Result<(), String> {
        Err("no answer".to_owned())
    }

    /// This file has no dhat allocator.
    #[ignore = "misbehaves on purpose"]
    fn watches_without_dhats_allocator() {
        detectors::Watch::new("visits").run(|| || ()).assert_steady();
    }

    #[ignore = "misbehaves on purpose"]
    #[deadline(seconds = 1)]
    fn waits_with_another_process() {
        let mut other = start_another();
        println!("other process: {}", other.id());
        let _ = other.wait();
    }

    #[ignore = "misbehaves on purpose"]
    fn zzz_leaves_another_process() {
        println!("other process: {}", start_another().id());
    }

    #[ignore = "misbehaves on purpose"]
    fn zzz_tells_its_number_and_waits() {
        let file = std::env::var_os("SUBJECT_NUMBER_FILE").expect("plain/isolation names a file");
        let beside = std::path::Path::new(&file).with_extension("beside");
        std::fs::write(&beside, std::process::id().to_string()).expect("a scratch folder");
        std::fs::rename(&beside, &file).expect("a scratch folder");
        std::thread::sleep(Duration::from_mins(2));
    }
}

fn start_another() -> std::process::Child {
    Command::new("sleep")
        .arg("1000")
        .spawn()
        .expect("sleep is there")
}

#[expect(unconditional_recursion, reason = "that is what the test is for")]
fn deepen(depth: u64) -> u64 {
    std::hint::black_box(deepen(std::hint::black_box(depth + 1)) + 1)
}

struct AbortsWhenDropped;

impl Drop for AbortsWhenDropped {
    fn drop(&mut self) {
        abort();
    }
}

thread_local! {
    static RUNS_AT_THE_END: AbortsWhenDropped = const { AbortsWhenDropped };
}
