//! The same leak by the Rust line that called C, and the C function under it.

use detectors::{Class, Watch};
use foreign_memory::{fixed, leaky};

// ANCHOR: tests
detectors::foreign_memory!();

detectors::memory_tests! {
    fn leaky_is_caught_with_its_line() {
        let evidence = Watch::new("a stream that is ended when all is well").run(leaky::workload);
        evidence.assert_leak(Class::ForeignMemory, "leaky::apexes");
        println!("{}", evidence.findings_list());
    }

    fn fixed_is_steady() {
        Watch::new("a stream that has an owner")
            .run(fixed::workload)
            .assert_steady();
    }
}
// ANCHOR_END: tests
