//! tokio-rs/tokio#3550, 2021: a program that makes a runtime for each piece of work keeps something of each.
//!
//! A runtime that can start processes listens for the signal of their end. Each put its sender into a static list of who
//! listens, from which nothing was taken before the next such signal.

use tokio::runtime::Builder;

wild::case!(a_runtime_for_each_call);

fn a_runtime_for_each_call() -> impl FnMut() {
    || {
        let runtime = Builder::new_current_thread().enable_all().build(); // <- the line
        runtime.expect("descriptors enough").block_on(async {});
    }
}
