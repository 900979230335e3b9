//! leak: a map that grows by an entry of 10 kB, 150 times a second.

use std::collections::HashMap;
use std::os::unix::process::parent_id;
use std::time::Duration;

fn main() {
    let parent = parent_id();
    let mut seen = HashMap::new();
    println!("ready");
    for number in (0_u64..).take_while(|_| parent_id() == parent) {
        seen.insert(number, vec![1_u8; 10_000]);
        std::thread::sleep(Duration::from_millis(6));
    }
}
