//! The night's feed of all hosts, the same each time, and the workers that read it.

use std::fmt::Write;
use std::sync::Barrier;
use std::{panic, thread};

/// How much comes in a night.
#[derive(Debug, Clone, Copy)]
pub struct Night {
    /// Threads that read it.
    pub workers: usize,
    /// Batches for each of them.
    pub batches: usize,
    /// Hosts in each batch.
    pub hosts: usize,
}

impl Night {
    /// As large as the incident's.
    pub const WHOLE: Night = Night {
        workers: 4,
        batches: 3,
        hosts: 28_000,
    };

    /// A quarter of it, in which the same happens.
    pub const SHORT: Night = Night {
        workers: 4,
        batches: 3,
        hosts: 7_000,
    };
}

/// Has the workers read their batches, and returns what they keep of each.
pub fn read<K: Send>(night: Night, keep: impl Fn(&str) -> K + Sync) -> Vec<K> {
    // As in a pool, all workers are there before the first batch comes: each then has an arena of its own from its first block on.
    let all_there = &Barrier::new(night.workers);
    let keep = &keep;
    let work = move |worker: usize| -> Vec<K> {
        let mut kept = Vec::with_capacity(night.batches);
        all_there.wait();
        let batches = worker * night.batches..(worker + 1) * night.batches;
        kept.extend(batches.map(|number| keep(&batch(number, night.hosts))));
        kept
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..night.workers)
            .map(|worker| scope.spawn(move || work(worker)))
            .collect();
        let kept = workers.into_iter().map(thread::ScopedJoinHandle::join);
        kept.flat_map(|kept| kept.unwrap_or_else(|panicked| panic::resume_unwind(panicked)))
            .collect()
    })
}

/// One batch of the feed: a JSON list of hosts.
pub fn batch(number: usize, hosts: usize) -> String {
    let mut batch = String::with_capacity(hosts * 160 + 2);
    batch.push('[');
    for host in 0..hosts {
        let comma = if host > 0 { "," } else { "" };
        let seen = (number * hosts + host).wrapping_mul(7_919) % 1_000_003;
        // A String takes whatever comes.
        let _ = write!(
            batch,
            r#"{comma}{{"host":"h{host:05}.b{number:02}.example","seen":{seen},"ports":[{{"port":22}},{{"port":80}},{{"port":443}},{{"port":8443}}]}}"#
        );
    }
    batch.push(']');
    batch
}

/// What the service holds anyway: 7 MB of answers to its customers.
pub fn answers() -> Vec<Box<str>> {
    (0..32_000)
        .map(|number| format!("{number:0>200}").into_boxed_str())
        .collect()
}
