//! The checker of the exercise: what it must still do, and that it is steady. Used on the learner's file by
//! `tests/exercise.rs`, and on the author's three by `tests/profiled/proof.rs`.

use super::exercise::{Host, first_to_answer};
use detectors::{Class, Evidence, Watch};
use std::time::Duration;

/// What the exercise as shipped must be accused of.
#[allow(dead_code, reason = "the learner's check doesn't need it")]
pub const AS_SHIPPED: (Class, &str) = (Class::OrphanedTasks, "first_to_answer");

fn host(name: &str, answers: bool) -> Host {
    Host {
        name: name.to_owned(),
        answers,
    }
}

/// The first answer counts, whatever else is silent.
pub fn behaviour() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let asked = async |hosts: &[Host]| {
            // Only against an exercise that would wait for ever.
            let patience = Duration::from_secs(10);
            tokio::time::timeout(patience, first_to_answer(hosts)).await
        };
        let silent = host("silent", false);
        let hosts = [silent.clone(), host("www", true), silent.clone()];
        assert_eq!(
            asked(&hosts).await,
            Ok(Some("www".to_owned())),
            "the host that answers is found beside silent ones"
        );
        assert_eq!(asked(&[]).await, Ok(None), "no host, no answer");
        let all: Vec<Host> = (0..50)
            .map(|number| host(&format!("host-{number}"), true))
            .collect();
        let answer = asked(&all).await.expect("they answer");
        assert!(
            answer.is_some_and(|name| name.starts_with("host-")),
            "one of many is enough"
        );
    });
}

/// Apex after apex, each with three hosts of which two are silent.
pub fn memory() -> Evidence {
    Watch::new("the prober").warm_up(8).run_async(async || {
        let hosts = [host("a", false), host("b", true), host("c", false)];
        async move || {
            first_to_answer(&hosts).await;
        }
    })
}
