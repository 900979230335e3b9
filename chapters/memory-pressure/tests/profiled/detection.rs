//! The bug: each page becomes a tree of values, and the hosts of all pages are in memory before the first is written.
//! The scenario: request after request, by customers of all sizes.
//! The fix: parse into types that borrow, and write page after page.

use detectors::{Class, Kind, Peak, Watch};
use memory_pressure::{BUDGET_BYTES, cluster, fixed, leaky};
use std::io;

// ANCHOR: tests
detectors::tests! {
    fn leaky_is_caught_with_its_line() {
        Watch::new("all hosts at once")
            .warm_up(8)
            .pressure_from(BUDGET_BYTES)
            .run(leaky::workload)
            .assert_pressure("leaky.rs");
    }

    fn fixed_keeps_within_a_tenth_of_the_budget() {
        Watch::new("page after page")
            .warm_up(8)
            .pressure_from(BUDGET_BYTES)
            .run(fixed::workload)
            .assert_steady()
            .assert_peak(BUDGET_BYTES / 10);
    }
    // ANCHOR_END: tests

    /// What the regression test above says when the bug comes back.
    #[should_panic(expected = "expected steady, saw pressure")]
    fn all_hosts_at_once_brought_back_fails_the_test() {
        Watch::new("page after page")
            .warm_up(8)
            .pressure_from(BUDGET_BYTES)
            .run(leaky::workload)
            .assert_steady();
    }

    // ANCHOR: peaks
    /// No budget is needed to see it: more pages, a higher peak.
    fn its_peak_grows_with_the_customer() {
        Peak::new("all hosts at once")
            .items([4, 8, 16, 32])
            .run(|pages| leaky::by_apex(pages.map(cluster::page), &mut io::sink()))
            .assert_grows(Class::MemoryPressure, Kind::Bytes);
    }

    fn the_fix_needs_the_same_for_every_customer() {
        Peak::new("page after page")
            .items([4, 8, 16, 32])
            .run(|pages| fixed::by_apex(pages.map(cluster::page), &mut io::sink()))
            .assert_bounded();
    }
    // ANCHOR_END: peaks

    /// Writing nothing would be steady too.
    fn both_write_the_same_answer() {
        let (mut by_leaky, mut by_fixed) = (Vec::new(), Vec::new());
        let told = leaky::by_apex(cluster::pages(3), &mut by_leaky).expect("an answer");
        assert_eq!(told, fixed::by_apex(cluster::pages(3), &mut by_fixed).expect("an answer"));
        assert_eq!(told, 150);
        assert_eq!(String::from_utf8(by_leaky), String::from_utf8(by_fixed));
    }

    /// A page that ends early is an error, and no shorter answer.
    fn half_a_page_is_an_error() {
        let half = || cluster::pages(1).map(|page| page[..page.len() / 2].to_owned());
        assert!(leaky::by_apex(half(), &mut io::sink()).is_err());
        assert!(fixed::by_apex(half(), &mut io::sink()).is_err());
    }
}
