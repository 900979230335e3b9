//! What callbacks and tasks that own their owner leave behind, and what the ways out leave, counted by dhat.

use reference_cycles::backend::SearchCluster;
use reference_cycles::beside::{
    self, CertificateMonitor, Directory, OwningApex, PAGE_BYTES, Prober,
};
use reference_cycles::{fixed, leaky};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// What stays of one of many: bytes, blocks, tasks.
type Left = (usize, usize, usize);

/// How often each is made, used and dropped.
const TIMES: usize = 100;

/// What stays when `make_and_use` was called, and what it returned dropped.
fn left<T>(make_and_use: impl Fn() -> T) -> Left {
    let before = dhat::HeapStats::get();
    for _ in 0..TIMES {
        drop(make_and_use());
    }
    let after = dhat::HeapStats::get();
    (
        (after.curr_bytes - before.curr_bytes) / TIMES,
        (after.curr_blocks - before.curr_blocks) / TIMES,
        0,
    )
}

fn change(make: impl Fn() -> Arc<CertificateMonitor>) -> Left {
    left(|| {
        let monitor = make();
        monitor.changed();
        assert_eq!(monitor.warnings(), 1, "the callback works");
        monitor
    })
}

/// Makes, uses and drops probers whose tasks run on `runtime`. `expected` tasks of each stay alive.
fn probe(runtime: &Runtime, make: fn() -> Arc<Prober>, expected: usize) -> Left {
    let alive = || runtime.metrics().num_alive_tasks();
    let round = async |times: usize| {
        let tasks = alive() + times * expected;
        for _ in 0..times {
            let prober = make();
            let host = SearchCluster.hosts_below("shop.example").next();
            assert!(prober.ask(host.expect("the cluster knows twenty")).await);
            until(|| prober.probed() == 1).await;
        }
        // Spawned last, so it runs last: whoever could end has ended.
        tokio::spawn(async {}).await.expect("it doesn't panic");
        until(|| alive() <= tasks).await;
    };
    runtime.block_on(async {
        // The runtime's own lists grow now, and not while dhat's figures are compared.
        round(TIMES).await;
        let (before, tasks) = (dhat::HeapStats::get(), alive());
        round(TIMES).await;
        let after = dhat::HeapStats::get();
        (
            (after.curr_bytes - before.curr_bytes) / TIMES,
            (after.curr_blocks - before.curr_blocks) / TIMES,
            (alive() - tasks) / TIMES,
        )
    })
}

async fn until(done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !done() {
        assert!(
            Instant::now() < deadline,
            "it didn't happen within 10 seconds"
        );
        tokio::task::yield_now().await;
    }
}

fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().build();
    runtime.expect("the system gives a runtime its resources")
}

detectors::tests! {
    fn who_owns_its_owner_stays() {
        let _profiler = dhat::Profiler::builder().testing().build();
        let runtime = runtime();
        let apex = "shop.example";
        let all_in_a_directory = || {
            let mut directory = Directory::default();
            directory.look_up(&SearchCluster, apex);
            assert_eq!(directory.full_names().count(), 20);
            directory
        };
        let rows = [
            ("host owns its apex (Arc)", left(|| leaky::Apex::look_up(&SearchCluster, apex).answer())),
            ("host knows its apex (Weak)", left(|| fixed::Apex::look_up(&SearchCluster, apex).answer())),
            ("host has its apex' number", left(all_in_a_directory)),
            ("host is reached by its apex", left(|| OwningApex::look_up(&SearchCluster, apex))),
            ("callback owns its owner (Arc)", change(beside::callback_owns_its_owner)),
            ("callback knows its owner (Weak)", change(beside::callback_knows_its_owner)),
            ("callback is given its owner", change(beside::callback_is_given_its_owner)),
            ("task owns its owner (Arc)", probe(&runtime, beside::task_owns_its_owner, 1)),
            ("task knows its owner (Weak)", probe(&runtime, beside::task_knows_its_owner, 0)),
            ("task owns its part", probe(&runtime, beside::task_owns_its_part, 0)),
        ];
        println!("{:<32} {:>11} {:>7} {:>6}", "made, used and dropped", "live bytes", "blocks", "tasks");
        for (way, (bytes, blocks, tasks)) in rows {
            println!("{way:<32} {bytes:>11} {blocks:>7} {tasks:>6}");
        }
        for (way, left) in rows {
            if way.contains("owns its") && !way.contains("part") {
                assert!(left.0 > 0 && left.1 > 0, "{way}: something stays");
            } else {
                assert_eq!(left, (0, 0, 0), "{way}");
            }
        }
        assert_eq!(rows[7].1.2, 1, "the task stays too");
    }

    /// A task is owned by its runtime: the cycle ends with it. A service's runtime ends with the service.
    fn a_cycle_through_a_task_ends_with_the_runtime() {
        let _profiler = dhat::Profiler::builder().testing().build();
        let before = dhat::HeapStats::get();
        let runtime = runtime();
        probe(&runtime, beside::task_owns_its_owner, 1);
        drop(runtime);
        let after = dhat::HeapStats::get();
        assert!(
            after.curr_bytes < before.curr_bytes + TIMES,
            "{} bytes stay of {} tasks", after.curr_bytes - before.curr_bytes, 2 * TIMES
        );
    }

    /// `Weak` ends a cycle, and still keeps the block in which the value was.
    fn a_weak_keeps_the_block_and_not_the_value() {
        let _profiler = dhat::Profiler::builder().testing().build();
        let live = || dhat::HeapStats::get().curr_bytes;
        let start = live();
        let page = beside::weak_to_a_page();
        let inline = live() - start;
        let boxed_page = beside::weak_to_a_boxed_page();
        let boxed = live() - start - inline;
        println!("{:<32} {:>11}", "a Weak to a page that is gone", "live bytes");
        println!("{:<32} {inline:>11}", "page in the Arc's own block");
        println!("{:<32} {boxed:>11}", "page in a block of its own");
        assert!(page.upgrade().is_none() && boxed_page.upgrade().is_none());
        assert!(inline >= PAGE_BYTES && boxed <= 64);
    }

    fn all_ways_know_the_same_names() {
        let apex = fixed::Apex::look_up(&SearchCluster, "shop.example");
        let names: Vec<String> = apex.hosts().iter().filter_map(|host| host.full_name()).collect();
        let mut directory = Directory::default();
        directory.look_up(&SearchCluster, "shop.example");
        assert!(directory.full_names().eq(names.iter().cloned()));
        assert!(OwningApex::look_up(&SearchCluster, "shop.example").full_names().eq(names));
    }
}
