//! sigstore/sigstore-rs#621, 2026: a cache with a time to live, whose entries go only when someone asks for them again.
//!
//! Nobody asks again for an image that was verified once, so each entry expires and stays. The mended use flushes; the reporter
//! went to another cache.

use cached::{Cached, TimedCache};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

wild::case!(verify_an_image, verify_and_flush);

static MANIFESTS: LazyLock<Mutex<TimedCache<String, u64>>> =
    LazyLock::new(|| Mutex::new(TimedCache::with_lifespan(Duration::from_micros(1))));

fn verify_an_image() -> impl FnMut() {
    let mut number = 0;
    move || {
        number += 1;
        remember(number);
    }
}

fn verify_and_flush() -> impl FnMut() {
    let mut number = 0;
    move || {
        number += 1;
        remember(number);
        MANIFESTS.lock().expect("no panic").flush();
    }
}

fn remember(number: u64) {
    let image = format!("registry.example/team/image@sha256:{number:064}"); // <- the line
    MANIFESTS.lock().expect("no panic").cache_set(image, number); // <- the line
}
