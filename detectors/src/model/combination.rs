//! From what grows to the class: by the *combination* of what grows, and, where memory alone grows, by what is known of who holds it.

use super::class::Class;
use super::finding::Finding;
use super::kind::Kind;
use super::place::{Origin, Site};

/// What is known of who holds the memory that grows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct OfMemory {
    /// The class by the holder of most bytes, whatever else grows: tasks, sockets and threads hang on what it holds.
    pub(crate) decides: Option<Class>,
    /// Whether what decides is a map that the watch's setup made.
    pub(crate) is_of_setup: bool,
    /// The class of some of the memory that only itself holds, if it isn't most of it.
    pub(crate) unowned: Option<Class>,
    /// The class where memory alone grows.
    pub(crate) alone: Option<Class>,
}

/// The class that the combination tells.
pub(crate) fn class_of(findings: &[Finding], of_memory: OfMemory) -> Option<Class> {
    let grows = |kind| findings.iter().any(|finding| finding.kind == kind);
    let is_foreign = is_mostly_foreign(findings);
    // A runtime has a map of its threads, so what the setup made leads to whatever a thread holds that never ends.
    let by_threads = of_memory.is_of_setup && grows(Kind::Threads);
    if of_memory.decides.is_some() && !is_foreign && !by_threads {
        return of_memory.decides;
    }
    // A task of the workload's own holds whatever it waits with: a socket, a response, a thread's work.
    if findings.iter().any(is_own_task) {
        return Some(Class::OrphanedTasks);
    }
    if grows(Kind::Sockets) {
        // A socket has two ends, and a server in the same process has the other one, with a thread or a buffer for each.
        if of_memory.unowned.is_some() {
            return of_memory.unowned;
        }
        // A socket with an HTTP client's code behind it: a response that is neither read nor dropped.
        if !grows(Kind::Threads) && findings.iter().any(is_of_http_client) {
            return Some(Class::UnclosedBodies);
        }
        // Where no stack is known at all, there may be a client.
        if findings.iter().all(|finding| finding.at.is_none()) && !grows(Kind::Threads) {
            return None;
        }
    }
    if is_foreign && !grows(Kind::Threads) {
        // A C library's object has its descriptor with it.
        Some(Class::ForeignMemory)
    } else if grows(Kind::Tasks) || grows(Kind::Threads) {
        Some(Class::OrphanedTasks)
    } else if grows(Kind::Sockets) {
        // Of tasks that aren't counted, the socket's other end has some as well.
        of_memory
            .alone
            .filter(|class| *class != Class::OrphanedTasks)
    } else if grows(Kind::Descriptors) {
        Some(Class::DeferredCleanup)
    } else {
        of_memory.alone
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

/// Whether an HTTP client's code is on the site's stack. Some packages are client and server in one.
fn is_of_http_client(finding: &Finding) -> bool {
    const CLIENTS: [&str; 6] = ["reqwest-", "ureq-", "isahc-", "awc-", "surf-", "attohttpc-"];
    const BOTH: [&str; 3] = ["hyper-", "hyper-util-", "h2-"];
    let stack = finding.at.iter().flat_map(|at| &at.stack);
    let files = stack.map(|frame| frame.file.as_str());
    files
        .filter_map(|file| file.split_once("/registry/src/"))
        .filter_map(|(_, path)| path.split_once('/')?.1.split_once('/'))
        .any(|(package, file)| {
            let is_of = |names: &[&str]| names.iter().any(|name| package.starts_with(name));
            is_of(&CLIENTS) || is_of(&BOTH) && file.contains("client")
        })
}

#[cfg(test)]
mod tests {
    use super::{OfMemory, class_of};
    use crate::model::class::Class;
    use crate::model::finding::Finding;
    use crate::model::kind::Kind;
    use crate::model::place::{Frame, site};

    const REGISTRY: &str = "/cargo/registry/src/index.crates.io-1/";

    fn grows(kind: Kind, files: &[&str]) -> Finding {
        let frames = files.iter().map(|file| Frame::new("a function", *file, 7));
        let stack: Vec<Frame> = frames.collect();
        Finding {
            kind,
            per_iteration: Some(1.0),
            cum_per_iteration: None,
            site: None,
            at: (!stack.is_empty()).then(|| site(stack)),
            outlook: None,
        }
    }

    fn told(findings: &[Finding]) -> Option<Class> {
        class_of(findings, OfMemory::default())
    }

    #[test]
    fn what_the_largest_holder_tells_comes_first() {
        let findings = [grows(Kind::Threads, &[]), grows(Kind::Sockets, &[])];
        assert_eq!(told(&findings), Some(Class::OrphanedTasks));
        let cycle = Some(Class::ReferenceCycles);
        for of_memory in [
            OfMemory {
                decides: cycle,
                ..OfMemory::default()
            },
            OfMemory {
                unowned: cycle,
                ..OfMemory::default()
            },
        ] {
            assert_eq!(class_of(&findings, of_memory), cycle);
        }
    }

    #[test]
    fn an_open_body_needs_an_http_client() {
        let client = format!("{REGISTRY}hyper-util-0.1.20/src/client/legacy/client.rs");
        let server = format!("{REGISTRY}hyper-1.8.1/src/server/conn/http1.rs");
        let socket = || grows(Kind::Sockets, &[]);
        let task = |file: &str| grows(Kind::Tasks, &[file]);
        assert_eq!(
            told(&[task(&client), socket()]),
            Some(Class::UnclosedBodies)
        );
        assert_eq!(told(&[task(&server), socket()]), Some(Class::OrphanedTasks));
        // Where no spawn site is known.
        let unknown = || grows(Kind::Tasks, &[]);
        let own = grows(Kind::Bytes, &["/srv/shop/src/main.rs"]);
        assert_eq!(
            told(&[unknown(), socket(), own]),
            Some(Class::OrphanedTasks)
        );
        assert_eq!(told(&[unknown(), socket()]), None);
        let buffer = grows(Kind::Bytes, &[&client]);
        assert_eq!(
            told(&[unknown(), socket(), buffer]),
            Some(Class::UnclosedBodies)
        );
        assert_eq!(told(&[socket()]), None);
    }
}
