//! Counts by a guard in each future: for tasks that are spawned through this library's own functions.

use super::runtime_id::RuntimeId;
use crate::readings::spawn_site::SpawnSite;
use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::Location;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// A spawn site on one runtime. Each guard is one of its strong references, and one more is the table's: so how many there are
/// *is* the count, taking a guard is one atomic step, and an entry that nobody holds can be told from one that somebody is
/// about to take.
#[derive(Debug)]
pub(super) struct Node {
    site: SpawnSite,
    runtime: RuntimeId,
}

/// Counts one task until it is dropped.
#[derive(Debug)]
pub(super) struct Guard(#[expect(dead_code, reason = "it is counted, not read")] Arc<Node>);

/// A location has more than one address at times, and each is an entry of its own.
type Key = (usize, RuntimeId);

struct Table {
    nodes: HashMap<Key, Arc<Node>>,
    /// At this many entries those without a task are dropped: runtimes come and go.
    tidy_at: usize,
}

static TABLE: Mutex<Option<Table>> = Mutex::new(None);

const TIDY_AT_LEAST: usize = 64;

/// What this thread has asked for lately, so that it takes no lock.
const RECENT: usize = 64;

thread_local! {
    static LATELY: RefCell<[Option<Lately>; RECENT]> = const { RefCell::new([const { None }; RECENT]) };
}

struct Lately {
    location: &'static Location<'static>,
    runtime: RuntimeId,
    node: Weak<Node>,
}

/// Counts a task that is spawned there on that runtime, from now on.
pub(super) fn count(location: &'static Location<'static>, runtime: RuntimeId) -> Guard {
    let slot = ptr::from_ref(location).addr() / size_of::<Location<'_>>() % RECENT;
    let known = LATELY.try_with(|lately| {
        let lately = lately.try_borrow().ok()?;
        let entry = lately[slot].as_ref()?;
        let is_it = ptr::eq(entry.location, location) && entry.runtime == runtime;
        is_it.then(|| entry.node.upgrade()).flatten()
    });
    if let Ok(Some(node)) = known {
        return Guard(node);
    }
    crate::allocator::uncounted(|| {
        let node = look_up(location, runtime);
        // A thread that is ending, or is here already, asks the table each time.
        let _ = LATELY.try_with(|lately| {
            if let Ok(mut lately) = lately.try_borrow_mut() {
                lately[slot] = Some(Lately {
                    location,
                    runtime,
                    node: Arc::downgrade(&node),
                });
            }
        });
        Guard(node)
    })
}

fn look_up(location: &'static Location<'static>, runtime: RuntimeId) -> Arc<Node> {
    let site = SpawnSite::at(location);
    let mut table = table();
    let table = table.get_or_insert_with(|| Table {
        nodes: HashMap::new(),
        tidy_at: TIDY_AT_LEAST,
    });
    table.tidy();
    let key = (ptr::from_ref(location).addr(), runtime);
    let node = table.nodes.entry(key);
    Arc::clone(node.or_insert_with(|| Arc::new(Node { site, runtime })))
}

impl Table {
    fn tidy(&mut self) {
        if self.nodes.len() < self.tidy_at {
            return;
        }
        let nodes = std::mem::take(&mut self.nodes);
        self.nodes = nodes
            .into_iter()
            // Gives it back when a thread has taken it meanwhile, and from then on no thread can.
            .filter_map(|(key, node)| Arc::try_unwrap(node).err().map(|node| (key, node)))
            .collect();
        self.tidy_at = TIDY_AT_LEAST.max(2 * self.nodes.len());
    }
}

/// Each site on a runtime, by the address that its guards have.
#[cfg(finds_stuck_tasks)]
pub(super) fn by_guard(runtime: RuntimeId) -> Vec<(usize, SpawnSite)> {
    let table = table();
    let nodes = table.iter().flat_map(|table| table.nodes.values());
    let of_runtime = nodes.filter(|node| node.runtime == runtime);
    let by_guard = |node: &Arc<Node>| {
        // A guard is one word: the address of the node's counts.
        let guard = Guard(Arc::clone(node));
        // SAFETY: it is read as what it is, one pointer that is never null, and lives on.
        let address = unsafe { *ptr::from_ref(&guard).cast::<*const ()>() }.addr();
        (address, node.site)
    };
    of_runtime.map(by_guard).collect()
}

/// The alive tasks of a runtime, by site; a site may come more than once.
pub(super) fn each_site(runtime: RuntimeId, mut visit: impl FnMut(SpawnSite, u64)) {
    let table = table();
    let nodes = table.iter().flat_map(|table| table.nodes.values());
    for node in nodes.filter(|node| node.runtime == runtime) {
        visit(node.site, Arc::strong_count(node) as u64 - 1);
    }
}

fn table() -> MutexGuard<'static, Option<Table>> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Entries of the table, for the test that it doesn't grow.
#[doc(hidden)]
pub fn entries() -> usize {
    table().as_ref().map_or(0, |table| table.nodes.len())
}
