//! Three tenants ask two routes, and one tenant's entries stay: which one is told by labels.
//!
//! `cargo run --example by_tenant` prints what each label allocated, and what of that is live. `cargo run --example by_tenant -- FILE`
//! also writes the heap profile to the file: `leaks top FILE --labels` lists its labels, and `--label tenant=umbrella` shows one's part.

use detectors::ProfilingAllocator;
use detectors::allocator::{self, Label, Labelled};
use std::collections::HashMap;
use std::io;
use std::sync::Mutex;
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: ProfilingAllocator = ProfilingAllocator::system();

const REQUESTS: usize = 3_000;

/// Answers that are kept for the next time. Umbrella's clients put a number of their own into each question, so theirs are never asked
/// for again.
static CACHE: Mutex<Option<HashMap<String, Vec<u8>>>> = Mutex::new(None);

fn main() -> io::Result<()> {
    // So that a short run has samples enough. A service leaves it at one in 512 KiB.
    allocator::set_sampling_interval(Some(1 << 10));
    let runtime = Runtime::new()?;
    runtime.block_on(serve());
    println!(
        "{:<10} {:<10} {:>13} {:>17}",
        "tenant", "route", "allocated, KB", "live, KB, about"
    );
    let mut rows = allocator::labelled();
    rows.sort_by_key(|row| [value(row, "tenant"), value(row, "route")]);
    for row in rows {
        println!(
            "{:<10} {:<10} {:>13} {:>17}",
            value(&row, "tenant"),
            value(&row, "route"),
            row.allocated_bytes / 1_000,
            row.live_bytes / 1_000
        );
    }
    if let Some(file) = std::env::args_os().nth(1) {
        let profile = allocator::profile().map_err(io::Error::other)?;
        profile.write(file).map_err(io::Error::other)?;
    }
    Ok(())
}

fn value(row: &Labelled, key: &str) -> String {
    let label = row.labels.iter().find(|(of, _)| *of == key);
    label.map_or_else(String::new, |(_, value)| value.clone())
}

/// Each request is a task, which goes from thread to thread.
async fn serve() {
    for number in 0..REQUESTS {
        let tenant = ["acme", "initech", "umbrella"][number % 3];
        let route = if number % 2 == 0 { "/apex" } else { "/search" };
        // ANCHOR: labels
        let request = Label::new("route", route).around(answer(tenant, number));
        // ANCHOR_END: labels
        tokio::spawn(request).await.expect("no request panics");
    }
}

// ANCHOR: inner
async fn answer(tenant: &'static str, number: usize) {
    let work = async move {
        tokio::task::yield_now().await; // a search, which may end on another thread
        let question = match tenant {
            "umbrella" => format!("{tenant}?nonce={number}"),
            _ => format!("{tenant}?page={}", number / 3 % 100),
        };
        let mut cache = CACHE.lock().expect("no request panics");
        let cache = cache.get_or_insert_default();
        cache.entry(question).or_insert_with(|| vec![1; 2_000]);
        vec![2_u8; 20_000] // the answer, which the connection frees under no label
    };
    drop(Label::new("tenant", tenant).around(work).await);
}
// ANCHOR_END: inner
