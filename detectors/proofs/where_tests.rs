//! Where people write tests: plain ones under cargo's own harness, async ones on both kinds of runtime, and ones that share a runtime
//! which is older. A watch there works or refuses in words; it accuses nobody who is healthy, and passes no leak in silence.
#![expect(clippy::unwrap_used, reason = "tests")]

use detectors::{Class, Evidence, Verdict, Watch};
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();

/// What threads keep that no watch counts can be any watch's of the process: those tests run one after the other.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

static KEPT: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

fn keeps(bytes: usize) {
    KEPT.lock().unwrap().push(vec![1; bytes]);
}

/// What a watch said when it refused.
fn refusal(watch: impl FnOnce() -> Evidence) -> String {
    let refused = catch_unwind(AssertUnwindSafe(watch)).expect_err("it refuses");
    refused.downcast_ref::<String>().unwrap().clone()
}

#[tokio::test]
async fn on_the_only_thread_a_watch_of_tasks_refuses_in_words() {
    let _alone = alone();
    let said = refusal(|| {
        Watch::new("spawns").run(|| || drop(tokio::spawn(async { black_box(vec![1_u8; 100]) })))
    });
    assert!(
        said.contains("they can't run") && said.contains("Watch::run_async"),
        "{said}"
    );
}

#[tokio::test]
async fn on_the_only_thread_a_watch_beside_tasks_refuses_in_words() {
    let _alone = alone();
    let server = tokio::spawn(std::future::pending::<()>());
    let said =
        refusal(|| Watch::new("beside a server").run(|| || drop(black_box("a".repeat(100)))));
    assert!(said.contains("wait already"), "{said}");
    server.abort();
}

#[tokio::test]
async fn on_the_only_thread_a_watch_of_futures_refuses_in_words() {
    let _alone = alone();
    let said = refusal(|| Watch::new("futures").run_async(async || async || ()));
    assert!(
        said.contains("plain #[test]") && said.contains("multi_thread"),
        "{said}"
    );
    let shared = Runtime::new().unwrap();
    let said = refusal(|| Watch::new("futures").run_on(shared.handle(), async || async || ()));
    assert!(said.contains("Watch::run_on"), "{said}");
    shared.shutdown_background();
}

#[tokio::test]
async fn on_the_only_thread_plain_calls_are_watched() {
    let _alone = alone();
    Watch::new("plain")
        .run(|| || drop(black_box("a".repeat(100))))
        .assert_steady();
    let leak = Watch::new("plain").run(|| || keeps(100));
    assert_eq!(leak.verdict, Verdict::Leak, "{}", leak.because);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn beside_other_threads_futures_are_watched() {
    let _alone = alone();
    let steady = Watch::new("futures").run_async(async || {
        async || drop(tokio::spawn(async { black_box(vec![1_u8; 100]) }).await)
    });
    steady.assert_steady();
    let leak = Watch::new("futures").run_async(async || async || keeps(100));
    leak.assert_leak(Class::GlobalCaches, "keeps");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn beside_other_threads_tasks_run_and_what_they_keep_is_not_passed_in_silence() {
    let _alone = alone();
    let runtime = tokio::runtime::Handle::current();
    let spawn = |bytes: usize| {
        let runtime = runtime.clone();
        move || {
            let task = tokio::spawn(async move {
                if bytes > 0 {
                    keeps(bytes);
                }
            });
            runtime.block_on(task).unwrap();
        }
    };
    let healthy = Watch::new("tasks").run(|| spawn(0));
    healthy.assert_steady();
    let leaky = Watch::new("tasks").run(|| spawn(5_000));
    assert_ne!(leaky.verdict, Verdict::Steady, "{}", leaky.because);
    assert!(leaky.check_steady().is_err());
}

/// How many bytes to keep, and whom to answer.
type Request = (usize, oneshot::Sender<()>);

/// A server on a runtime that outlives its tests, and is older than any watch.
fn server() -> &'static mpsc::Sender<Request> {
    static SHARED: OnceLock<(Runtime, mpsc::Sender<Request>)> = OnceLock::new();
    let (_, requests) = SHARED.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let (requests, mut asked) = mpsc::channel::<Request>(1);
        runtime.spawn(async move {
            while let Some((bytes, answer)) = asked.recv().await {
                if bytes > 0 {
                    keeps(bytes);
                }
                let _ = answer.send(());
            }
        });
        (runtime, requests)
    });
    requests
}

fn ask(bytes: usize) {
    let (answer, answered) = oneshot::channel();
    server().blocking_send((bytes, answer)).unwrap();
    answered.blocking_recv().unwrap();
}

#[test]
fn what_an_older_runtime_keeps_is_not_passed_in_silence() {
    let _alone = alone();
    ask(0);
    let evidence = Watch::new("an older server").run(|| || ask(57_000));
    assert_eq!(
        evidence.verdict,
        Verdict::Inconclusive,
        "{}",
        evidence.because
    );
    let not_read = evidence
        .not_read
        .iter()
        .find(|not_read| not_read.why.contains("older than the watch"));
    assert!(not_read.is_some(), "{:?}", evidence.not_read);
    let failure = evidence.check_steady().unwrap_err().to_string();
    assert!(failure.contains("detectors::tests!"), "{failure}");
    assert!(
        failure.contains("on its own thread and those that it spawned"),
        "{failure}"
    );
}

#[test]
fn an_older_runtime_that_keeps_nothing_is_nobodys_fault() {
    let _alone = alone();
    ask(0);
    Watch::new("an older server")
        .run(|| || ask(0))
        .assert_steady();
}
