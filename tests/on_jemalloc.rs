//! The night of the chapter `allocator-retention` on jemalloc, in four configurations, each in a process of its own.
//!
//! It stands here and not in the chapter, so that nobody has to compile jemalloc for the chapter's exercise.

use allocator_retention::feed::{self, Night};
use allocator_retention::leaky;
use detectors::memory::{Retained, Retention, resident, set_underlying};
use detectors_jemalloc::Jemalloc;
use std::process::Command;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator<tikv_jemallocator::Jemalloc> =
    detectors::ProfilingAllocator::new(tikv_jemallocator::Jemalloc);

/// What jemalloc reads at its start.
const CONFIGURATION: &str = "_RJEM_MALLOC_CONF";

/// Whether the workers have ended when the night is over, as a thread pool's don't.
const ENDED: &str = "ON_JEMALLOC_WORKERS_ENDED";

/// Each configuration, whether its workers end, and what is waited for: what an idle process comes to.
const CONFIGURATIONS: [(&str, bool, Rest); 5] = [
    ("", false, Rest::AtOnce),
    ("", true, Rest::AtOnce),
    (
        "dirty_decay_ms:1000,background_thread:true",
        false,
        Rest::Falls,
    ),
    (
        "dirty_decay_ms:100,muzzy_decay_ms:-1,background_thread:true",
        false,
        Rest::Lazily,
    ),
    ("dirty_decay_ms:0,muzzy_decay_ms:-1", false, Rest::AtOnce),
];

#[derive(Debug, Clone, Copy)]
enum Rest {
    /// It stays as it is.
    AtOnce,
    /// Pages go back by themselves.
    Falls,
    /// Pages are given up, and stay resident.
    Lazily,
}

const MB: u64 = 1_000_000;

/// What one configuration leaves: resident after the night and at rest, lazily freed of that, in megabytes; and what is found.
fn figures_of(configuration: &str, ended: bool) -> (u64, u64, u64, String) {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command
        .args([
            "--exact",
            "one_configuration",
            "--include-ignored",
            "--show-output",
        ])
        .env(CONFIGURATION, configuration)
        .env(ENDED, ended.to_string());
    let output = command.output().expect("it can be started");
    let printed = String::from_utf8_lossy(&output.stdout);
    let line = printed
        .lines()
        .find_map(|line| line.strip_prefix("figures "));
    let parsed = line.and_then(|line| {
        let mut parts = line.splitn(4, ' ');
        let mut figure = || parts.next()?.parse().ok();
        let (after, rest, lazily) = (figure()?, figure()?, figure()?);
        Some((after, rest, lazily, parts.next()?.to_owned()))
    });
    parsed.unwrap_or_else(|| panic!("`{configuration}` told no figures:\n{printed}"))
}

fn within_a_minute(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !condition() {
        assert!(
            Instant::now() < deadline,
            "{}",
            resident().expect("Linux tells")
        );
        thread::sleep(Duration::from_millis(20)); // between two looks
    }
}

/// The night's workers, which have read their batches and wait for the next night.
struct Workers {
    over: Arc<Barrier>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Workers {
    fn read() -> Self {
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

    fn end(self) {
        self.over.wait();
        for thread in self.threads {
            thread.join().expect("a worker ends");
        }
    }
}

detectors::tests! {
    #[deadline(seconds = 300)]
    fn each_configuration() {
        println!("{:<60} {:>6} {:>8} {:>7}  found", "megabytes on jemalloc", "after", "at rest", "lazily");
        let seen = CONFIGURATIONS.map(|(configuration, ended, _)| {
            let (after, rest, lazily, found) = figures_of(configuration, ended);
            let name = match (configuration, ended) {
                ("", false) => "as it comes",
                ("", true) => "as it comes, and the threads have ended",
                _ => configuration,
            };
            println!("{name:<60} {after:>6} {rest:>8} {lazily:>7}  {found}");
            (after, rest, lazily, found)
        });
        let [as_it_comes, ended, in_the_background, lazily, at_once] = seen;
        assert!(as_it_comes.1 > 60 && as_it_comes.2 == 0, "{as_it_comes:?}");
        assert_eq!(as_it_comes.3, Retained::ByAllocator.to_string());
        assert!(ended.1 < 40 && ended.3 == "nothing", "{ended:?}");
        assert!(in_the_background.1 < 40 && in_the_background.3 == "nothing", "{in_the_background:?}");
        assert!(lazily.1 > 60 && lazily.2 > 50, "{lazily:?}");
        assert_eq!(lazily.3, Retained::LazilyFreed.to_string());
        assert!(at_once.1 < 40 && at_once.2 < 5 && at_once.3 == "nothing", "{at_once:?}");
    }

    #[ignore = "a part of each_configuration, which starts it"]
    #[deadline(seconds = 120)]
    fn one_configuration() {
        set_underlying(&Jemalloc);
        let chosen = std::env::var(CONFIGURATION).unwrap_or_default();
        let ended = std::env::var(ENDED).is_ok_and(|ended| ended == "true");
        let mut known = CONFIGURATIONS.into_iter();
        let chosen = known.find(|(name, ends, _)| *name == chosen && *ends == ended);
        let (_, _, rest) = chosen.expect("one of the five");
        let now = || resident().expect("Linux tells");
        let answers = feed::answers();
        let mut workers = Some(Workers::read());
        if ended {
            workers.take().into_iter().for_each(Workers::end);
        }
        let after = now();
        match rest {
            Rest::AtOnce => {}
            Rest::Falls => within_a_minute(|| now().resident < 25 * MB),
            Rest::Lazily => within_a_minute(|| now().lazily_freed > 70 * MB),
        }
        let at_rest = now();
        let found = Retention::find(32 << 20).expect("Linux tells");
        let found = found.map_or_else(|| "nothing".to_owned(), |found| found.kind.to_string());
        println!("figures {} {} {} {found}", after.resident / MB, at_rest.resident / MB, at_rest.lazily_freed / MB);
        workers.into_iter().for_each(Workers::end);
        drop(answers);
    }
}
