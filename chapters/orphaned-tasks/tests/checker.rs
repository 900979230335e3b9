//! The checker of the exercise: what it must still do, and that it is steady. Used on the learner's file by
//! `tests/exercise.rs`, and on the author's by `tests/profiled/proof.rs`.

use super::exercise::first_to_answer;
use chapter::patience;
use detectors::{Class, Evidence, Watch};
use orphaned_tasks::hosts::{Host, Network};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;

/// What the exercise as shipped must be accused of.
#[allow(dead_code, reason = "the learner's check doesn't need it")]
pub const AS_SHIPPED: (Class, &str) = (Class::OrphanedTasks, "first_to_answer");

/// A slow host takes longer than a timeout that is hidden in the exercise may be.
const SLOW: Duration = Duration::from_millis(120);

fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime")
}

/// All hosts are asked at once, and the first answer counts, whatever else is silent.
pub fn behaviour() {
    runtime().block_on(async {
        let network = Network::default();
        let silent = network.silent_host("silent");
        let hosts = [silent.clone(), network.host("www"), silent.clone()];
        expect(
            Some("www"),
            &hosts,
            "the host that answers is found beside silent ones",
        )
        .await;
        expect(None, &[], "no host, no answer").await;

        let mut many = vec![silent.clone(); 49];
        many.push(network.host("the last"));
        expect(
            Some("the last"),
            &many,
            "every host is asked, be they fifty",
        )
        .await;

        let together = Network::default();
        let three = ["a", "a", "a"].map(|name| together.host_among(name, 3));
        expect(
            Some("a"),
            &three,
            "all hosts are asked at once: each of these answers when three are being asked",
        )
        .await;

        let hosts = [network.slow_host("slow", SLOW), network.host("fast")];
        expect(
            Some("fast"),
            &hosts,
            "the first answer counts, not the first host's",
        )
        .await;
        let hosts = [silent, network.slow_host("slow", SLOW)];
        expect(
            Some("slow"),
            &hosts,
            "a slow host is waited for while nobody else has answered",
        )
        .await;
    });
}

/// Fails with the promise when another answer comes, or none. Patience is only for an exercise that would wait for ever.
async fn expect(name: Option<&str>, hosts: &[Host], promise: &str) {
    tokio::select! {
        biased;
        answer = first_to_answer(hosts) => assert_eq!(answer.as_deref(), name, "{promise}"),
        () = patience::runs_out() => panic!("{promise}; expected {name:?}, and no answer came"),
    }
}

/// Apex after apex, each with three hosts of which two are silent. Every other caller gives up before the answer.
pub fn memory() -> Evidence {
    Watch::new("the prober").warm_up(8).run_async(async || {
        let network = Network::default();
        let silent = network.silent_host("silent");
        let hosts = [silent.clone(), network.host("b"), silent];
        async move || {
            first_to_answer(&hosts).await;
            give_up_on(&hosts[..1]).await;
        }
    })
}

/// Lets the call begin, and drops it before it has an answer.
async fn give_up_on(hosts: &[Host]) {
    tokio::select! {
        biased;
        _ = first_to_answer(hosts) => {}
        () = yield_now() => {}
    }
}

/// After a call nobody asks any more: not when there was an answer, and not when the caller gave up.
pub fn exactly() {
    runtime().block_on(async {
        let network = Network::default();
        let silent = network.silent_host("silent");
        let hosts = [silent.clone(), network.host("www"), silent];
        for _ in 0..1_000 {
            first_to_answer(&hosts).await;
            give_up_on(&hosts[..1]).await;
        }
        // A task that was aborted ends when it is its turn.
        for _ in 0..100 {
            yield_now().await;
        }
        assert_eq!(
            network.asked(),
            0,
            "after 1,000 calls with an answer and 1,000 that were given up, no host is asked any more"
        );
    });
}
