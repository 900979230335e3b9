//! What each subject of the allocator's benchmark does: `SUBJECT WORKLOAD THREADS ROUNDS MODE`.

mod pass_through;
mod resident;

pub use pass_through::PassThrough;

use std::hint::black_box;
use std::sync::mpsc;
use std::time::Instant;

/// Runs what the arguments ask for, and prints the nanoseconds that it took; for `resident`, whose rounds are the megabytes to
/// hold, the kilobytes that were resident.
///
/// # Panics
///
/// When the arguments name something that doesn't exist.
pub fn main(set_mode: impl Fn(&str)) {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [workload, threads, rounds, mode] = arguments.as_slice() else {
        eprintln!(
            "a subject of `cargo bench -p detectors --bench alloc`; it takes WORKLOAD THREADS ROUNDS MODE"
        );
        std::process::exit(2);
    };
    let threads: usize = threads.parse().expect("THREADS is a number");
    let rounds: usize = rounds.parse().expect("ROUNDS is a number");
    if workload == "resident" {
        set_mode(mode);
        println!("{}", resident::kilobytes_holding(rounds));
        return;
    }
    let work: fn(usize) = match workload.as_str() {
        "json" => json,
        "tiny" => tiny,
        "large" => large,
        "handoff" => handoff,
        other => panic!("no workload named {other}"),
    };
    set_mode(mode);
    // Warm: the allocator's own caches, and ours.
    work(1);
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| work(rounds));
        }
        work(rounds);
    });
    println!("{}", started.elapsed().as_nanos());
}

/// A page of search hits parsed to a `Value`, one record copied out, the rest dropped.
fn json(rounds: usize) {
    let document = document();
    for _ in 0..rounds {
        let value: serde_json::Value = serde_json::from_str(&document).expect("valid JSON");
        let kept = value["hits"]["hits"][3].clone();
        drop(black_box(value));
        black_box(kept);
    }
}

fn document() -> String {
    let hits: Vec<_> = (0..100)
        .map(|number| {
            serde_json::json!({
                "_id": format!("{number:016x}"),
                "_score": 1.5,
                "_source": {
                    "host": format!("host-{number}.shop.example"),
                    "ports": [80, 443, 8080],
                    "seen": "2026-11-25T03:00:00Z",
                    "tags": ["mail", "web"],
                },
                "sort": [number],
            })
        })
        .collect();
    serde_json::json!({ "hits": { "total": 100, "hits": hits } }).to_string()
}

/// Blocks of 16 to 128 bytes, sixty-four of them alive, the oldest dropped for each new one: nothing but the allocator.
fn tiny(rounds: usize) {
    let mut ring: [Vec<u8>; 64] = std::array::from_fn(|_| Vec::new());
    for _ in 0..rounds {
        for step in 0..1_000 {
            ring[step % 64] = Vec::with_capacity(black_box(16 << (step % 4)));
        }
    }
    black_box(&mut ring);
}

/// Buffers of 4 KiB to 1 MiB, as requests and responses have them.
fn large(rounds: usize) {
    for round in 0..rounds {
        for step in 0..9 {
            let mut buffer: Vec<u8> = Vec::with_capacity(4_096 << ((round + step) % 9));
            buffer.push(1);
            black_box(&mut buffer);
        }
    }
}

/// One thread makes, another drops.
fn handoff(rounds: usize) {
    let (sender, receiver) = mpsc::sync_channel::<Vec<Box<[u64; 8]>>>(8);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for batch in receiver {
                black_box(batch);
            }
        });
        for _ in 0..rounds {
            let batch = (0..100).map(|_| Box::new(black_box([0; 8]))).collect();
            sender.send(batch).expect("the other side lives");
        }
        drop(sender);
    });
}
