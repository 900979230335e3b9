//! What three more ways leave behind, and what their mended twins do.

use detectors::{Evidence, Kind, Watch};
use orphaned_tasks::beside::{self, Lock, Reports};
use std::sync::Arc;

fn watch(name: &str) -> Watch {
    Watch::new(name).warm_up(8)
}

/// For what leaves a task or a thread behind with each call, and takes its time for it: as few calls as can be judged.
fn few(name: &str) -> Watch {
    watch(name).windows(3)
}

fn row(way: &str, evidence: &Evidence) {
    let each = |kind| {
        let of_kind = evidence
            .findings
            .iter()
            .filter(|finding| finding.kind == kind);
        let each = of_kind.filter_map(|finding| finding.per_iteration);
        each.fold(0.0, |sum, each| sum + each)
    };
    println!(
        "{way:<34} {:>6.1} {:>8.1}  {}",
        each(Kind::Tasks),
        each(Kind::Threads),
        evidence.verdict
    );
}

/// Lets all threads go that wait for it, so that the process can end.
struct Released(Arc<Lock>);

impl Drop for Released {
    fn drop(&mut self) {
        self.0.release();
    }
}

detectors::tests! {
    fn three_more_ways_to_leave_one_behind() {
        let timeout = few("timeout over a handle").run_async(async || async || {
            beside::give_up_waiting(1).await;
        });
        let future = watch("timeout over the future").run_async(async || async || {
            beside::give_up_probing(1).await;
        });
        let set = watch("timeout over a set").run_async(async || async || {
            beside::give_up_and_abort(1).await;
        });
        let interval = few("an interval").run_async(async || async || beside::report_for_ever());
        let ended = watch("an interval that ends").run_async(async || async || Reports::begin().end().await);
        // Nobody waits for the end here: it comes all the same.
        let dropped = watch("an interval whose owner is dropped").run_async(async || async || drop(Reports::begin()));
        let blocking = few("a blocking wait").run_async(async || {
            let released = Released(Arc::default());
            async move || beside::wait_for_ever(&released.0).await
        });
        let patient = watch("a blocking wait with an end").run_async(async || {
            let released = Released(Arc::default());
            // Two threads: the one that has just answered may not be free yet for the next call.
            tokio::join!(beside::wait_for_a_while(&released.0), beside::wait_for_a_while(&released.0));
            async move || {
                beside::wait_for_a_while(&released.0).await;
            }
        });
        println!("{:<34} {:>6} {:>8}  verdict", "left behind by each call", "tasks", "threads");
        row("timeout over a JoinHandle", &timeout);
        row("  timeout over the future", &future);
        row("  timeout over a JoinSet", &set);
        row("an interval that nobody stops", &interval);
        row("  CancellationToken, TaskTracker", &ended);
        row("  the same, dropped", &dropped);
        row("spawn_blocking that never ends", &blocking);
        row("  a wait with an end", &patient);
        for leaks in [&timeout, &interval, &blocking] {
            assert_eq!(leaks.class, Some(detectors::Class::OrphanedTasks), "{leaks:?}");
        }
        for calm in [&future, &set, &ended, &dropped, &patient] {
            calm.assert_steady();
        }
    }
}
