//! The night of the chapter `allocator-retention`, in a process that is on another allocator, and what it leaves resident.

use allocator_retention::feed::{self, Night};
use allocator_retention::leaky;
use detectors::memory::{Resident, Retention, resident};
use std::process::Command;
use std::sync::{Arc, Barrier};
use std::thread;

const MB: u64 = 1_000_000;

/// In megabytes: what is resident after the night and at rest, and lazily freed of that; and what is found to keep it.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) after: u64,
    pub(crate) at_rest: u64,
    pub(crate) lazily: u64,
    pub(crate) found: String,
}

impl Figures {
    /// Those of a process of its own, that runs one test of this program with these variables.
    pub(crate) fn of(test: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command
            .args(["--exact", test, "--include-ignored", "--show-output"])
            .envs(variables.iter().copied());
        let output = command.output().expect("it can be started");
        let printed = String::from_utf8_lossy(&output.stdout);
        let mut lines = printed.lines();
        let line = lines.find_map(|line| line.strip_prefix("figures "));
        let figures = line.and_then(|line| {
            let mut parts = line.splitn(4, ' ');
            let mut figure = || parts.next()?.parse().ok();
            Some(Figures {
                after: figure()?,
                at_rest: figure()?,
                lazily: figure()?,
                found: parts.next()?.to_owned(),
            })
        });
        figures.unwrap_or_else(|| panic!("{variables:?} told no figures:\n{printed}"))
    }

    /// Says them to the process that asked: what was resident after the night, what is now, and what keeps it.
    pub(crate) fn tell(after: Resident) {
        let at_rest = now();
        let found = Retention::find(32 << 20).expect("Linux tells");
        let found = found.map_or_else(|| "nothing".to_owned(), |found| found.kind.to_string());
        println!(
            "figures {} {} {} {found}",
            after.resident / MB,
            at_rest.resident / MB,
            at_rest.lazily_freed / MB
        );
    }

    /// The table's first line.
    pub(crate) fn print_head(allocator: &str) {
        let what = format!("megabytes on {allocator}");
        println!(
            "{what:<60} {:>6} {:>8} {:>7}  found",
            "after", "at rest", "lazily"
        );
    }

    /// A line of the table.
    pub(crate) fn print(&self, name: &str) {
        println!(
            "{name:<60} {:>6} {:>8} {:>7}  {}",
            self.after, self.at_rest, self.lazily, self.found
        );
    }
}

pub(crate) fn now() -> Resident {
    resident().expect("Linux tells")
}

/// The night's workers, which have read their batches and wait for the next night.
pub(crate) struct Workers {
    over: Arc<Barrier>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Workers {
    pub(crate) fn read() -> Self {
        let Night { workers, hosts, .. } = Night::SHORT;
        let read = Arc::new(Barrier::new(workers + 1));
        let over = Arc::new(Barrier::new(workers + 1));
        let work = |worker| {
            let (read, over) = (Arc::clone(&read), Arc::clone(&over));
            thread::spawn(move || {
                let kept = leaky::latest_of(&feed::batch(worker, hosts));
                read.wait();
                over.wait();
                drop(kept);
            })
        };
        let threads = (0..workers).map(work).collect();
        read.wait();
        Workers { over, threads }
    }

    pub(crate) fn end(self) {
        self.over.wait();
        for thread in self.threads {
            thread.join().expect("a worker ends");
        }
    }
}
