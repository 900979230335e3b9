//! How much the process has open at one moment, as a value to compare with a later one.

use super::{Target, listed, threads};
use crate::model::kind::Kind;
use crate::model::words::grouped;
use crate::readings::kernel::Whose;
use crate::readings::spawn_site::SpawnSite;
use std::fmt;
use std::io;

/// What is alike and open: files of one folder, sockets to one peer in one state, threads of one name and site.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Group {
    /// `Sockets`, `Descriptors` or `Threads`.
    pub kind: Kind,
    /// What they have in common: `TCP to 127.0.0.1:9200, ESTABLISHED`.
    pub name: String,
    /// Who started the threads, where that is known.
    pub spawned_at: Option<SpawnSite>,
    /// How many.
    pub count: u64,
}

/// What the process has open at one moment: a baseline to hold, and to compare with a later moment.
///
/// ```
/// use detectors::{Kind, process::Open};
///
/// let before = Open::now()?;
/// let file = tempfile::tempfile()?;
/// let after = Open::now()?;
/// assert_eq!(after.count(Kind::Descriptors), before.count(Kind::Descriptors) + 1);
/// assert_eq!(after.since(&before).len(), 1);
/// # drop(file);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    groups: Vec<Group>,
}

impl Open {
    /// What is open now. A socket counts as a socket, and not as a descriptor again.
    ///
    /// # Errors
    ///
    /// Where the system doesn't tell: on Linux when `/proc` isn't mounted, elsewhere always.
    pub fn now() -> io::Result<Self> {
        Open::of(Whose::Own)
    }

    /// What another process has open now, seen from outside. Who started its threads isn't known.
    ///
    /// # Errors
    ///
    /// When there is no such process, or when it is another user's; elsewhere than on Linux always.
    pub fn of_pid(id: u32) -> io::Result<Self> {
        Open::of(Whose::Of(id))
    }

    fn of(whose: Whose) -> io::Result<Self> {
        let kinds = [Kind::Sockets, Kind::Descriptors, Kind::Threads];
        let groups = kinds.into_iter().map(|kind| groups_of(whose, kind));
        let groups: io::Result<Vec<Vec<Group>>> = groups.collect();
        Ok(Open {
            groups: groups?.into_iter().flatten().collect(),
        })
    }

    /// How many of a kind: `Sockets`, `Descriptors` or `Threads`; none of any other.
    pub fn count(&self, kind: Kind) -> u64 {
        let of_kind = self.groups.iter().filter(|group| group.kind == kind);
        of_kind.map(|group| group.count).sum()
    }

    /// What is alike, in order of kind.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// What is open now and wasn't at the baseline, by how much each group has grown.
    pub fn since(&self, baseline: &Open) -> Vec<Group> {
        let before = |group: &Group| {
            let same = baseline.groups.iter().find(|other| group.is_same(other));
            same.map_or(0, |other| other.count)
        };
        let more = self.groups.iter().filter_map(|group| {
            let count = group
                .count
                .checked_sub(before(group))
                .filter(|more| *more > 0)?;
            Some(Group {
                count,
                ..group.clone()
            })
        });
        more.collect()
    }
}

impl Group {
    fn is_same(&self, other: &Group) -> bool {
        self.kind == other.kind && self.name == other.name && self.spawned_at == other.spawned_at
    }
}

/// A line for each group.
impl fmt::Display for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for group in &self.groups {
            writeln!(
                f,
                "{:>8} {}",
                grouped(group.count.cast_signed()),
                group.name
            )?;
        }
        Ok(())
    }
}

/// What this process has open of one kind.
pub(crate) fn groups(kind: Kind) -> io::Result<Vec<Group>> {
    groups_of(Whose::Own, kind)
}

fn groups_of(whose: Whose, kind: Kind) -> io::Result<Vec<Group>> {
    let mut groups: Vec<Group> = Vec::new();
    let mut add = |name: String, spawned_at: Option<SpawnSite>| {
        let new = Group {
            kind,
            name,
            spawned_at,
            count: 1,
        };
        match groups.iter_mut().find(|group| group.is_same(&new)) {
            Some(group) => group.count += 1,
            None => groups.push(new),
        }
    };
    match kind {
        Kind::Sockets => listed::sockets(whose)?
            .iter()
            .for_each(|socket| add(socket.to_string(), None)),
        Kind::Descriptors => listed::descriptors(whose)?
            .iter()
            .filter(|descriptor| descriptor.target != Target::Socket)
            .for_each(|descriptor| add(descriptor.target.to_string(), None)),
        Kind::Threads => {
            let threads = match whose {
                Whose::Own => threads()?,
                Whose::Of(_) => listed::threads(whose)?,
            };
            for thread in threads {
                add(thread.to_string(), thread.spawned_at);
            }
        }
        _ => {}
    }
    Ok(groups)
}
