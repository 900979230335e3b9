//! warming-up: a cache fills to its bound of 800 entries within eight seconds or so, and replaces entries from then on.

use std::collections::HashMap;
use std::os::unix::process::parent_id;
use std::time::Duration;

fn main() {
    let parent = parent_id();
    let mut cache = HashMap::new();
    println!("ready");
    for number in (0_u64..).take_while(|_| parent_id() == parent) {
        cache.insert(number % 800, vec![1_u8; 20_000]);
        std::thread::sleep(Duration::from_millis(10));
    }
}
