//! Valgrind as the witness: on the same calls it finds as many lost blocks and bytes as a scope counts.

use detectors::Scope;
use detectors::heap::Detail;
use std::process::Command;

detectors::foreign_memory!();

const ROUNDS: usize = 200;

/// Valgrind's figures: `definitely lost: 600 bytes in 3 blocks`, with those still reachable or possibly lost added.
fn by_valgrind(program: &str) -> Option<(u64, u64)> {
    let run = Command::new("valgrind")
        .args([
            "--leak-check=full",
            "--show-leak-kinds=all",
            program,
            &ROUNDS.to_string(),
        ])
        .output();
    let output = match run {
        Ok(output) => output,
        Err(error) if std::env::var_os("CI").is_none() => {
            eprintln!("skipped: valgrind can't be run here ({error}); apt-get install valgrind");
            return None;
        }
        Err(error) => panic!("CI has valgrind, and it can't be run: {error}"),
    };
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let figure = |kind: &str| {
        let line = told.lines().find(|line| line.contains(kind))?;
        let (_, figures) = line.split_once(kind)?;
        let mut words = figures.split_whitespace();
        let bytes = words.next()?.replace(',', "").parse::<u64>().ok()?;
        let blocks = words.nth(2)?.replace(',', "").parse::<u64>().ok()?;
        Some((blocks, bytes))
    };
    let kinds = ["definitely lost:", "indirectly lost:", "possibly lost:"];
    let lost: Vec<(u64, u64)> = kinds.iter().filter_map(|kind| figure(kind)).collect();
    assert_eq!(lost.len(), 3, "valgrind says what is lost:\n{told}");
    Some(
        lost.iter()
            .fold((0, 0), |sum, lost| (sum.0 + lost.0, sum.1 + lost.1)),
    )
}

detectors::memory_tests! {
    fn a_scope_counts_what_valgrind_finds_lost() {
        let scope = Scope::new(Detail::Counts).expect("the global allocator is a profiling one");
        let stays = foreign::work(ROUNDS);
        let read = scope.read();
        drop(scope);
        assert_eq!((read.blocks, read.bytes), (stays.blocks, stays.bytes));
        let program = env!("CARGO_MANIFEST_DIR");
        let built = Command::new(env!("CARGO"))
            .args(["build", "-q", "--offline", "--example", "plain", "--manifest-path"])
            .arg(format!("{program}/Cargo.toml"))
            .status()
            .expect("cargo runs");
        assert!(built.success());
        let target = std::env::current_exe().expect("this program has a path");
        let plain = target.ancestors().nth(2).expect("target/debug").join("examples/plain");
        if let Some(lost) = by_valgrind(&plain.display().to_string()) {
            // A pointer that is left in a register or on the stack has one block look held.
            let (few, bytes) = (lost.0.abs_diff(read.blocks), lost.1.abs_diff(read.bytes));
            assert!(few <= 2 && bytes <= 6_000, "valgrind: {lost:?}, the scope: {read:?}");
            println!("valgrind: {lost:?}; the scope: {} blocks, {} bytes", read.blocks, read.bytes);
        }
    }
}
