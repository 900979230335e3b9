//! Right as well: a task ends when the answer comes, or when nobody wants it any more.

use orphaned_tasks::hosts::Host;
use tokio::sync::mpsc;

/// The name of the first host that answers; `None` when there is no host.
pub async fn first_to_answer(hosts: &[Host]) -> Option<String> {
    let (tell, mut answers) = mpsc::channel(1);
    for host in hosts.iter().cloned() {
        let tell = tell.clone();
        tokio::spawn(async move {
            tokio::select! {
                answer = host.ask() => {
                    // Nobody may be left who wants to know.
                    let _ = tell.send(answer).await;
                }
                () = tell.closed() => {}
            }
        });
    }
    drop(tell);
    answers.recv().await
}
