//! The last apexes as trees of hosts, each of which knows its apex; and views of them that follow what changes.

use super::rollout::Rollout;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Trees and views that are looked at.
const LAST: usize = 32;

/// An apex, with its hosts.
#[derive(Debug)]
pub(super) struct Apex {
    name: String,
    hosts: Mutex<Vec<Host>>,
}

/// How a host knows its apex.
#[derive(Debug)]
enum Of {
    Near(Weak<Apex>),
    Far(Arc<Apex>),
}

#[derive(Debug)]
struct Host {
    name: String,
    of: Of,
}

/// What is called when a view changes.
type Hook = Box<dyn Fn() -> usize + Send + Sync>;

/// What an operator sees of an apex.
pub(super) struct View {
    lines: Mutex<Vec<String>>,
    hooks: Mutex<Vec<Hook>>,
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View")
            .field("lines", &self.lines)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub(super) struct Registry {
    trees: Mutex<VecDeque<Arc<Apex>>>,
    views: Mutex<VecDeque<Arc<View>>>,
    rollout: Rollout,
}

impl Registry {
    pub(super) fn new(rollout: Rollout) -> Self {
        Registry {
            trees: Mutex::default(),
            views: Mutex::default(),
            rollout,
        }
    }

    /// Enters the tree of an apex. The oldest goes for it.
    pub(super) fn enter<'a>(&self, apex: &str, hosts: impl Iterator<Item = &'a str>) {
        let tree = Arc::new(Apex {
            name: apex.to_owned(),
            hosts: Mutex::default(),
        });
        let is_far = self.rollout.takes(19);
        let host = |name: &str| Host {
            name: name.to_owned(),
            of: if is_far {
                Of::Far(Arc::clone(&tree))
            } else {
                Of::Near(Arc::downgrade(&tree))
            },
        };
        *locked(&tree.hosts) = hosts.map(host).collect();
        let mut trees = locked(&self.trees);
        trees.push_back(Arc::clone(&tree));
        if trees.len() > LAST {
            trees.pop_front();
        }
    }

    /// Opens a view of an apex that counts its lines whenever it changes. The oldest is closed for it.
    pub(super) fn view<'a>(&self, lines: impl Iterator<Item = &'a str>) {
        let lines = lines.map(|line| format!("{line:<64}")).collect();
        let view = Arc::new(View {
            lines: Mutex::new(lines),
            hooks: Mutex::default(),
        });
        let hook: Hook = if self.rollout.takes(68) {
            let of = Arc::clone(&view);
            Box::new(move || of.length())
        } else {
            let of = Arc::downgrade(&view);
            Box::new(move || of.upgrade().map_or(0, |of| of.length()))
        };
        locked(&view.hooks).push(hook);
        let mut views = locked(&self.views);
        views.push_back(view);
        if views.len() > LAST {
            views.pop_front();
        }
    }

    /// How many hosts the trees have, how many of them know their apex, and how long the views are.
    pub(super) fn shown(&self) -> (usize, usize, usize) {
        let (mut hosts, mut known) = (0, 0);
        for tree in &*locked(&self.trees) {
            for host in &*locked(&tree.hosts) {
                hosts += 1;
                known += usize::from(
                    host.apex()
                        .is_some_and(|apex| host.name.ends_with(&apex.name)),
                );
            }
        }
        let views = locked(&self.views);
        let lines = views
            .iter()
            .map(|view| locked(&view.hooks).iter().map(|hook| hook()).sum::<usize>());
        (hosts, known, lines.sum())
    }
}

impl Host {
    fn apex(&self) -> Option<Arc<Apex>> {
        match &self.of {
            Of::Near(apex) => apex.upgrade(),
            Of::Far(apex) => Some(Arc::clone(apex)),
        }
    }
}

impl View {
    fn length(&self) -> usize {
        locked(&self.lines).len()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
