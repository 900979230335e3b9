//! A package that is vendored.

use std::sync::Mutex;

static KEPT: Mutex<Vec<Box<u64>>> = Mutex::new(Vec::new());

/// Keeps a value for good.
pub fn keep(value: u64) {
    KEPT.lock().unwrap().push(Box::new(value));
}

/// Its code is compiled with whoever calls it.
pub fn boxed<T>(value: T) -> Box<T> {
    Box::new(value)
}
