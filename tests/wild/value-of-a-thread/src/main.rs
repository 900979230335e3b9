//! Amanieu/thread_local-rs#30, 2021: a `ThreadLocal` is dropped, and the values that threads put into it are not.
//!
//! Its buckets were freed as what may be uninitialised, without the values in them. rust-analyzer and Polkadot moved past it.

use thread_local::ThreadLocal;

wild::case!(a_scratch_for_each_query);

fn a_scratch_for_each_query() -> impl FnMut() {
    || {
        let scratch: ThreadLocal<Vec<u64>> = ThreadLocal::new();
        let own = scratch.get_or(|| vec![7; 100]); // <- the line
        assert_eq!(own.len(), 100);
    }
}
