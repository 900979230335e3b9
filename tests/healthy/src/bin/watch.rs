//! A watch of each workload, as its service's author would have it. None may accuse.
//!
//! `cargo run --bin watch -- cache` runs one; `tests/repeated.rs` runs all, as often as it is asked to.

use detectors::{Evidence, Verdict, Watch};
use healthy::{broker, cache, database, http, logger, parser, pool, search, timers, web_socket};
use std::time::Duration;

/// However long a busy machine takes to say a word.
fn watch(name: &str) -> Watch {
    Watch::new(name).deadline(Duration::from_mins(10))
}

/// `inconclusive` is no accusation; `tests/repeated.rs` counts how often that is said.
fn is_not_accused(evidence: &Evidence) {
    let words = [Verdict::Steady, Verdict::WarmingUp, Verdict::Inconclusive];
    assert!(
        words.contains(&evidence.verdict),
        "{}: {}, {}\n{}\n{}\n{}",
        evidence.name,
        evidence.verdict,
        evidence.because,
        evidence.windows_table(),
        evidence.findings_list(),
        evidence.reach(),
    );
}

detectors::memory_tests! {
    #[deadline(seconds = 900)]
    fn broker() {
        is_not_accused(&broker::run(watch("a broker")));
    }

    #[deadline(seconds = 900)]
    fn cache() {
        is_not_accused(&cache::run(watch("a cache")));
    }

    #[deadline(seconds = 900)]
    fn database() {
        match database::run(watch("a database client")) {
            Some(evidence) => is_not_accused(&evidence),
            None => println!("not run: redis-server isn't installed (Debian: apt-get install redis-server)"),
        }
    }

    #[deadline(seconds = 900)]
    fn http() {
        is_not_accused(&http::run(watch("an HTTP client and server")));
    }

    #[deadline(seconds = 900)]
    fn logger() {
        is_not_accused(&logger::run(watch("a logger")));
    }

    #[deadline(seconds = 900)]
    fn parser() {
        is_not_accused(&parser::run(watch("a parser")));
    }

    #[deadline(seconds = 900)]
    fn pool() {
        is_not_accused(&pool::run(watch("a pool")));
    }

    #[deadline(seconds = 900)]
    fn search() {
        is_not_accused(&search::run(watch("a search index").warm_up(24)));
    }

    #[deadline(seconds = 900)]
    fn timers() {
        is_not_accused(&timers::run(watch("a timer wheel")));
    }

    #[deadline(seconds = 900)]
    fn web_socket() {
        is_not_accused(&web_socket::run(watch("a web socket echo")));
    }
}
