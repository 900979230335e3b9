//! servo/rust-smallvec#208, 2020: an iterator panics within `insert_many`, and what the vector held is lost.
//!
//! Miri found it. While elements are inserted the vector says that it has none, so that no element is dropped twice; after a
//! panic that was the last word.

use smallvec::SmallVec;
use std::iter;
use std::panic::{self, AssertUnwindSafe};

wild::case!(a_batch_that_fails);

fn a_batch_that_fails() -> impl FnMut() {
    // A panic's message goes to standard error, which is of no use here.
    panic::set_hook(Box::new(|_| {}));
    || {
        let mut batch: SmallVec<[Box<u64>; 4]> = SmallVec::new();
        for number in 0..3 {
            batch.push(Box::new(number)); // <- the line
        }
        let failed = panic::catch_unwind(AssertUnwindSafe(|| {
            batch.insert_many(0, iter::repeat_with(|| panic!("no more rows")).take(2));
        }));
        assert!(failed.is_err());
    }
}
