//! EXERCISE: the prober that gives up, and its probes that don't.
//!
//! Each apex has several hosts. The prober asks all of them at once and takes the first answer, since the others would say
//! the same. A host that never answers is no trouble: another one does. In production the number of tasks climbs with every
//! apex, by as many as it has silent hosts.
//!
//! Your task: make it steady, and keep it working.
//!
//! ```text
//! cargo run -- check orphaned-tasks     is it fixed? (also tells what is still wrong)
//! cargo run -- hint orphaned-tasks      three hints, from a question to nearly the line
//! cargo run -- reset orphaned-tasks     start over
//! ```
//!
//! You may change everything in this file but the names and arguments of the public functions. `Host` stands for the
//! network, and lies in `src/hosts.rs`.

use orphaned_tasks::hosts::Host;
use tokio::sync::mpsc;

/// The name of the first host that answers; `None` when there is no host.
pub async fn first_to_answer(hosts: &[Host]) -> Option<String> {
    let (tell, mut answers) = mpsc::channel(1);
    for host in hosts.iter().cloned() {
        let tell = tell.clone();
        tokio::spawn(async move {
            let answer = host.ask().await;
            // Nobody may be left who wants to know.
            let _ = tell.send(answer).await;
        });
    }
    drop(tell);
    answers.recv().await
}
