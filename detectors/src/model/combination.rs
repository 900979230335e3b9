//! From what grows to the class: by the *combination* of what grows, and, where memory alone grows, by what is known of who holds it.

use super::class::Class;
use super::finding::Finding;
use super::kind::Kind;
use super::place::{Origin, Site};

/// The class that the combination tells; where memory alone grows, what is known of its holders.
pub(crate) fn class_of(
    findings: &[Finding],
    of_memory: impl FnOnce() -> Option<Class>,
) -> Option<Class> {
    let grows = |kind| findings.iter().any(|finding| finding.kind == kind);
    // A task of the workload's own holds whatever it waits with: a socket, a response, a thread's work.
    if findings.iter().any(is_own_task) || grows(Kind::Threads) {
        Some(Class::OrphanedTasks)
    } else if grows(Kind::Sockets) {
        // A socket with the HTTP client's task behind it: a response that is neither read nor dropped.
        let by_client = findings.iter().any(is_of_http_client);
        by_client
            .then_some(Class::UnclosedBodies)
            .or_else(|| is_mostly_foreign(findings).then_some(Class::ForeignMemory))
    } else if is_mostly_foreign(findings) {
        // A C library's object has its descriptor with it.
        Some(Class::ForeignMemory)
    } else if grows(Kind::Tasks) {
        Some(Class::OrphanedTasks)
    } else if grows(Kind::Descriptors) {
        Some(Class::DeferredCleanup)
    } else {
        of_memory()
    }
}

/// Whether the program's own code spawned the task, and not a library that it called.
fn is_own_task(finding: &Finding) -> bool {
    let spawning = finding.at.iter().find_map(|at| at.stack.first());
    finding.kind == Kind::Tasks && spawning.is_some_and(|frame| frame.origin() == Origin::Own)
}

/// Whether more stays where no Rust allocator sees it than where one does.
fn is_mostly_foreign(findings: &[Finding]) -> bool {
    let (mut foreign, mut of_rust) = (0.0, 0.0);
    for finding in findings {
        let bytes = finding.per_iteration.unwrap_or(0.0);
        let is_foreign = finding.at.as_ref().is_some_and(Site::is_foreign);
        match finding.kind {
            Kind::Resident => foreign += bytes,
            Kind::Bytes if is_foreign => foreign += bytes,
            Kind::Bytes => of_rust += bytes,
            _ => {}
        }
    }
    foreign > of_rust
}

/// Whether an HTTP client's code is on the site's stack.
fn is_of_http_client(finding: &Finding) -> bool {
    let stack = finding.at.iter().flat_map(|at| &at.stack);
    let files = stack.map(|frame| frame.file.as_str());
    files
        .filter_map(|file| file.split_once("/registry/src/"))
        .filter_map(|(_, path)| path.split('/').nth(1))
        .any(|package| {
            ["reqwest-", "hyper-", "h2-"]
                .iter()
                .any(|client| package.starts_with(client))
        })
}
