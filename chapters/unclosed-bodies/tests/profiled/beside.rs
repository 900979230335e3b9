//! What can happen to a response: what each request leaves behind, and how many connections it costs.

use detectors::bodies::{BodyCheck, Outcome, Requests};
use detectors::{Class, Evidence, Kept, Kind, Watch};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use unclosed_bodies::backend::Backend;
use unclosed_bodies::beside;

/// What a caller means to keep at most: all that these runs keep, and no leak by itself.
const KEPT_MAX: usize = 1 << 20;

/// What the watch saw, and how many connections a request cost.
struct Seen {
    evidence: Evidence,
    connections: f64,
}

/// A watch on requests that leave something: each costs a connection's two ends, so as few as can be judged.
fn few(name: &str) -> Watch {
    Watch::new(name).warm_up(8).windows(3)
}

/// A watch on requests that leave nothing: it ends when that is seen, or has twice as many to see it.
fn more(name: &str) -> Watch {
    Watch::new(name).warm_up(8)
}

/// Watches requests of one kind. `request` returns what its caller keeps, and how many bytes of that it means to keep.
fn seen<T, F>(
    watch: Watch,
    client: fn() -> reqwest::Client,
    request: impl Fn(reqwest::Client, Arc<Backend>) -> F,
) -> Seen
where
    F: Future<Output = (T, Option<usize>)>,
{
    let (accepted, requests) = (Arc::<AtomicUsize>::default(), AtomicUsize::new(0));
    let evidence = watch.run_async(async || {
        let backend = Arc::new(Backend::counting(Arc::clone(&accepted)));
        let client = client();
        let mut kept = Vec::with_capacity(1_000);
        let mut means = 0;
        let (requests, request) = (&requests, &request);
        async move || {
            requests.fetch_add(1, Ordering::Relaxed);
            let (value, bytes) = request(client.clone(), Arc::clone(&backend)).await;
            kept.push(value);
            bytes.map_or_else(Kept::default, |bytes| {
                means += bytes;
                Kept::bytes(means).of_at_most(KEPT_MAX)
            })
        }
    });
    let connections = accepted.load(Ordering::Relaxed) as f64 / requests.into_inner() as f64;
    Seen {
        evidence,
        connections,
    }
}

fn heading(what: &str) {
    println!(
        "{what:<26} {:>11} {:>8} {:>6} {:>8}  verdict",
        "connections", "sockets", "tasks", "bytes"
    );
}

fn row(way: &str, seen: &Seen) {
    let each = |kind| {
        let of_kind = seen
            .evidence
            .findings
            .iter()
            .filter(|finding| finding.kind == kind);
        let each = of_kind.filter_map(|finding| finding.per_iteration);
        each.fold(0.0, |sum, each| sum + each)
    };
    println!(
        "{way:<26} {:>11.1} {:>8.1} {:>6.1} {:>8.0}  {}",
        seen.connections,
        each(Kind::Sockets),
        each(Kind::Tasks),
        each(Kind::Bytes),
        seen.evidence.verdict
    );
}

// ANCHOR: outcomes
/// Asks a host forty times, keeps what `request` returns, and lets the library tell what became of the bodies.
fn outcome<T, F>(request: impl Fn(reqwest::Client, Arc<Backend>) -> F) -> Outcome
where
    F: Future<Output = T>,
{
    on_a_runtime(async {
        let (backend, client) = (Arc::new(Backend::start()), reqwest::Client::new());
        let check = BodyCheck::new("the prober", backend.address()).expect("Linux tells");
        let mut kept = Vec::new();
        for _ in 0..40 {
            kept.push(request(client.clone(), Arc::clone(&backend)).await);
        }
        let requests = Requests::new(40).accepted(backend.accepted() as u64);
        let found = check.find_async(requests).await;
        found.expect("Linux tells").outcome()
    })
}
// ANCHOR_END: outcomes

fn on_a_runtime<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(work)
}

detectors::tests! {
    fn what_can_happen_to_a_response() {
        let held = seen(few("held"), reqwest::Client::new, |client, backend| async move {
            (client.get(backend.url(false)).send().await, None)
        });
        let late = seen(few("held past its timeout"), beside::impatient, |client, backend| async move {
            (beside::held_past_its_timeout(&client, &backend).await, None)
        });
        let dropped = seen(more("dropped unread"), reqwest::Client::new, |client, backend| async move {
            (beside::dropped_unread(&client, &backend).await, None)
        });
        let small = seen(more("a small body dropped unread"), reqwest::Client::new, |client, backend| async move {
            (beside::a_small_one_dropped_unread(&client, &backend).await, None)
        });
        let read = seen(more("read to the end"), reqwest::Client::new, |client, backend| async move {
            (beside::read_to_the_end(&client, &backend).await, None)
        });
        heading("each request");
        row("held unread", &held);
        row("held past its timeout", &late);
        row("dropped unread", &dropped);
        row("  a small body", &small);
        row("read to the end", &read);

        for held in [&held, &late] {
            assert_eq!(held.evidence.class, Some(Class::UnclosedBodies), "{:?}", held.evidence);
            assert!(held.connections > 0.9);
        }
        dropped.evidence.assert_steady();
        assert!(dropped.connections > 0.9, "churn: {}", dropped.connections);
        small.evidence.assert_steady();
        assert!(small.connections < 0.1, "a small body's connection is kept: {}", small.connections);
        read.evidence.assert_steady();
        assert!(read.connections < 0.1, "one connection for all: {}", read.connections);
    }

    fn what_can_happen_to_a_header() {
        let header = seen(few("a header kept"), reqwest::Client::new, |client, backend| async move {
            (beside::a_header_kept(&client, &backend).await, Some(16))
        });
        let copied = seen(more("a header copied"), reqwest::Client::new, |client, backend| async move {
            (beside::a_header_copied(&client, &backend).await, Some(16))
        });
        heading("of each answer");
        row("one header value kept", &header);
        row("the same, copied", &copied);
        assert_eq!(header.evidence.class, Some(Class::RetainedSubslices), "{:?}", header.evidence);
        copied.evidence.assert_steady();
    }

    fn three_outcomes_are_told_apart() {
        let held = outcome(|client, backend| async move {
            client.get(backend.url(false)).send().await
        });
        let dropped = outcome(|client, backend| async move {
            beside::dropped_unread(&client, &backend).await;
        });
        let read = outcome(|client, backend| async move {
            beside::read_to_the_end(&client, &backend).await;
        });
        assert_eq!([held, dropped, read], [Outcome::Held, Outcome::DroppedUnread, Outcome::Idle]);
    }

    fn a_held_body_starves_its_neighbours_on_one_connection() {
        let backend = Backend::start();
        let (during, after) = on_a_runtime(beside::starved(&beside::one_connection(), &backend));
        assert!(!during, "a healthy request came through while a body was held");
        assert!(after, "and not after it was let go");
        assert_eq!(backend.accepted(), 1, "all on one connection");
        assert!(backend.asked() >= 2);
    }
}
