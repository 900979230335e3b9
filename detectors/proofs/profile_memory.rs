//! What a heap profile of a running service costs while it is taken, and that it is given back. The resident memory of a process
//! is everybody's: so this test has one for itself.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::HashMap;
use std::fs;
use std::hint::black_box;

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();

const KIB_PEAK_MAX: i64 = 8 << 10;
const KIB_LEFT_MAX: i64 = 2 << 10;

fn kib(field: &str) -> i64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// From now on the peak is the peak since now.
fn forget_peak() {
    fs::write("/proc/self/clear_refs", "5").unwrap();
}

/// Live memory from many places: a service that holds documents, texts and maps.
fn held() -> impl Sized {
    let documents: Vec<serde_json::Value> = (0..200)
        .map(|n| {
            serde_json::from_str(&format!(
                r#"{{"n": {n}, "list": [1, "two", {{"three": 3}}]}}"#
            ))
            .unwrap()
        })
        .collect();
    let texts: Vec<String> = (0..2000).map(|n| format!("text {n}").repeat(20)).collect();
    let words = regex_lite::Regex::new(r"(\w+) (\d+)").unwrap();
    let mut found: HashMap<String, Vec<String>> = HashMap::new();
    for text in &texts {
        for captures in words.captures_iter(text) {
            found
                .entry(captures[1].to_owned())
                .or_default()
                .push(captures[2].to_owned());
        }
    }
    (documents, texts, words, found)
}

#[test]
fn a_profile_costs_little_memory_and_gives_it_back() {
    detectors::allocator::set_sampling_interval(Some(512));
    let held = black_box(held());
    detectors::allocator::set_sampling_interval(None);

    let before = kib("VmRSS");
    forget_peak();
    let profile = detectors::allocator::profile().unwrap();
    let peak = kib("VmHWM") - before;
    let encoded = black_box(profile.to_bytes());
    drop((profile, encoded));
    let left = kib("VmRSS") - before;
    println!("{peak} KiB at the peak, {left} KiB left");
    assert!(peak <= KIB_PEAK_MAX, "{peak} KiB at the peak");
    assert!(left <= KIB_LEFT_MAX, "{left} KiB left");
    drop(held);
}
