//! Not a solution: hosts are asked one after the other, five milliseconds each.

use orphaned_tasks::hosts::Host;

/// The name of the first host that answers; `None` when there is no host.
pub async fn first_to_answer(hosts: &[Host]) -> Option<String> {
    let patience = std::time::Duration::from_millis(5);
    for host in hosts.iter().cloned() {
        if let Ok(name) = tokio::time::timeout(patience, host.ask()).await {
            return Some(name);
        }
    }
    None
}
