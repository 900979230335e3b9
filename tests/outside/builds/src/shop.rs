//! What leaks: each case keeps something for good, and ends in a line that is marked.

use bytes::Bytes;
use detectors::contention;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

static NAMES: Mutex<Vec<String>> = Mutex::new(Vec::new());
static BYTES: Mutex<Vec<Bytes>> = Mutex::new(Vec::new());
static BOXES: Mutex<Vec<Box<u64>>> = Mutex::new(Vec::new());

pub struct Shop;

impl Shop {
    #[inline(never)]
    pub fn visit(&self, name: &str) {
        let mut names = NAMES.lock().unwrap();
        names.push(name.repeat(4)); // leaks: own
    }

    #[inline(never)]
    pub fn asks_a_registry(&self) {
        let mut bytes = BYTES.lock().unwrap();
        bytes.push(Bytes::copy_from_slice(&[7; 100])); // leaks: registry
    }

    #[inline(never)]
    pub fn asks_the_vendored(&self) {
        let mut boxes = BOXES.lock().unwrap();
        boxes.push(vendored::boxed(7)); // leaks: vendored
        std::hint::black_box(&mut boxes);
    }

    #[inline(never)]
    pub fn asks_the_neighbour(&self) {
        neighbour::keep(7); // leaks: path
        std::hint::black_box(self);
    }

    /// Waits until whoever has the lock releases it.
    #[inline(never)]
    pub fn waits(&self, lock: &contention::Mutex<()>) {
        drop(std::hint::black_box(lock.lock())); // waits: lock
    }

    /// Takes the processor's time until it is told to end.
    #[inline(never)]
    #[cfg_attr(not(feature = "debug"), expect(dead_code, reason = "for the debug port's profile"))]
    pub fn works(&self, ends: &AtomicBool) {
        let mut hash = 7_u64;
        while !ends.load(Ordering::Relaxed) {
            hash = std::hint::black_box(hash).wrapping_mul(31) ^ 5; // works: loop
        }
    }
}
