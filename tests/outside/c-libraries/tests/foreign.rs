//! A leak in a C library has the Rust line that called it, and the C function under it; the twin is steady.

use c_libraries::{Database, compress_and_end, compress_without_an_end};
use detectors::{Class, Evidence, Watch};
use std::hint::black_box;

detectors::foreign_memory!();

/// The class, the Rust line, and the C function under it.
fn leaks(evidence: &Evidence, line: &str, in_c: &str) {
    println!("{}", evidence.because);
    println!("{}", evidence.findings_list());
    evidence.assert_leak(Class::ForeignMemory, line);
    let told = evidence.findings_list().to_string();
    assert!(told.contains(&format!("in C: {in_c}")), "{told}");
}

detectors::memory_tests! {
    fn statements_that_are_never_finalized() {
        let database = Database::open();
        let evidence = Watch::new("statements").run(|| || { black_box(database.ask()); });
        leaks(&evidence, "Database::prepare", "sqlite3_prepare_v2");
    }
    fn statements_that_are_finalized() {
        let database = Database::open();
        Watch::new("finalized").run(|| || { black_box(database.ask_and_finalize()); }).assert_steady();
    }
    fn streams_that_never_end() {
        let evidence = Watch::new("streams").run(|| || { black_box(compress_without_an_end()); });
        leaks(&evidence, "compress", "deflateInit");
    }
    fn streams_that_end() {
        Watch::new("ended").run(|| || { black_box(compress_and_end()); }).assert_steady();
    }
}
