//! A container seen from outside: the control group that counts its memory.

mod group;
mod of_process;
mod processes;

use super::collector::Collector;
use super::container::Container;
use super::error::TriageError;
use super::evidence::{Moment, Part};
use super::headroom::Headroom;
use super::sampling::{GrowingGroup, Source};
use crate::model::kind::Kind;
use crate::model::words::bytes;
use group::{Figures, Group};
use processes::Processes;
use std::io;
use std::path::Path;

/// A control group, and what was there when the look began.
#[derive(Debug)]
pub(super) struct ControlGroup {
    group: Group,
    begun: Begun,
}

#[derive(Debug, Default)]
struct Begun {
    figures: Figures,
    kills: Option<u64>,
    processes: Processes,
}

impl ControlGroup {
    pub(super) fn find(folder: &Path) -> Result<Self, TriageError> {
        ControlGroup::of(Group::find(folder)?)
    }

    pub(super) fn find_of(id: u32) -> Result<Self, TriageError> {
        if !cfg!(target_os = "linux") {
            let why = "Linux alone has control groups";
            let reason = io::Error::new(io::ErrorKind::Unsupported, why);
            return Err(TriageError::Unread { id, reason });
        }
        ControlGroup::of(of_process::find(Path::new("/proc"), id)?)
    }

    fn of(group: Group) -> Result<Self, TriageError> {
        // So that a refusal is told at once.
        group.figures()?;
        Ok(ControlGroup {
            group,
            begun: Begun::default(),
        })
    }

    /// It was there when the look began.
    fn figures(&self) -> Result<Figures, TriageError> {
        self.group.figures().map_err(|error| match error {
            TriageError::NoSuchGroup(path) => TriageError::GroupGone(path),
            error => error,
        })
    }

    /// Which part of the kernel's memory grew the most over the look, where its parts are told.
    fn most_of_the_kernels(&self) -> Option<String> {
        let (then, now) = (&self.begun.figures, self.figures().ok()?);
        let parts = [
            ("slab", then.slab, now.slab),
            ("sockets' buffers", then.sockets, now.sockets),
            ("page tables", then.page_tables, now.page_tables),
        ];
        let grown = parts
            .into_iter()
            .filter_map(|(name, then, now)| Some((name, now?.checked_sub(then?)?)));
        let (name, most) = grown.max_by_key(|(_, grown)| *grown)?;
        (most > 0).then(|| format!("{name} rose by {}", bytes(most)))
    }
}

impl Source for ControlGroup {
    fn name(&self) -> String {
        let Group { folder, version } = &self.group;
        format!(
            "control group {} (version {})",
            folder.display(),
            version.number()
        )
    }

    fn begin(&mut self) -> Result<(), TriageError> {
        self.begun = Begun {
            figures: self.figures()?,
            kills: self.group.kills(),
            processes: Processes::read(&self.group.process_ids()),
        };
        Ok(())
    }

    fn read(&mut self) -> Result<Moment, TriageError> {
        Ok(moment(&self.figures()?))
    }

    /// The kernel sums up what each processor counted.
    fn waits_times(&self) -> u32 {
        10
    }

    fn headroom(&self) -> Option<Headroom> {
        let limit = self.group.limit()?;
        Some(Headroom {
            limit: limit.bytes,
            left: limit.headroom,
        })
    }

    /// What was there when the look began is enough.
    fn mark(&mut self) {}

    /// The processes are told by themselves: a file on a tmpfs is no process'.
    fn named(&mut self, _kinds: &[Kind]) -> Vec<GrowingGroup> {
        Vec::new()
    }

    fn parts(&mut self) -> Vec<Part> {
        self.figures().map(|now| parts(&now)).unwrap_or_default()
    }

    fn knows_live(&self) -> bool {
        false
    }

    fn why_not_read(&self) -> &'static str {
        "a control group doesn't tell it: look at one of its processes by --pid"
    }

    /// Of the first of its processes that has one.
    fn collector(&self) -> Option<Collector> {
        self.group.process_ids().into_iter().find_map(Collector::of)
    }

    fn of_the_kernel(&self) -> Option<String> {
        self.most_of_the_kernels()
    }

    fn container(&mut self, per_second: f64) -> Option<Container> {
        let now = self.figures().ok()?;
        let ids = self.group.process_ids();
        let kills = self.group.kills();
        let limit = self.group.limit();
        let left = limit.as_ref().map(|limit| limit.headroom);
        Some(Container {
            path: self.group.folder.display().to_string(),
            version: self.group.version.number(),
            charged: now.charged,
            working_set: now.working_set(),
            inactive_files: now.inactive_files,
            huge_pages: now.huge_pages,
            swapped: now.swapped,
            peak: self.group.peak(),
            seconds_to_limit: left.and_then(|left| seconds(left, per_second)),
            limit,
            kills,
            kills_meanwhile: kills
                .zip(self.begun.kills)
                .map_or(0, |(now, then)| now.saturating_sub(then)),
            pressure: self.group.pressure(),
            processes: Processes::read(&ids).since(&self.begun.processes),
            processes_all: ids.len(),
        })
    }
}

/// In how many seconds so much is full; `None` where nothing grows.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a time that isn't negative; one that is too long ends at the longest"
)]
fn seconds(left: u64, per_second: f64) -> Option<u64> {
    (per_second > 0.0).then(|| (left as f64 / per_second) as u64)
}

fn moment(now: &Figures) -> Moment {
    let anonymous = now.anonymous.saturating_sub(now.lazily_freed);
    Moment {
        resident: Some(now.anonymous + now.mapped),
        anonymous: Some(anonymous + now.swapped.unwrap_or(0)),
        lazily_freed: Some(now.lazily_freed),
        tmpfs: Some(now.tmpfs),
        kernel: now.kept_by_the_kernel(),
        page_cache: Some(now.page_cache),
        working_set: Some(now.working_set()),
        ..Moment::default()
    }
}

/// What is charged, by what it is for. What has no name of its own is told as the rest.
fn parts(now: &Figures) -> Vec<Part> {
    let part = |what: &str, bytes| Part {
        what: what.to_owned(),
        bytes,
    };
    let inactive = now.inactive_files.saturating_sub(now.lazily_freed);
    let inactive = inactive.min(now.page_cache);
    let kernel = now.kernel.unwrap_or(0);
    let mut parts = vec![
        part(
            "heap and other anonymous memory",
            now.anonymous.saturating_sub(now.lazily_freed),
        ),
        part("lazily freed", now.lazily_freed),
        part("files on a tmpfs, and shared memory", now.tmpfs),
        part("the kernel's, for this group", kernel),
        part("page cache that was used lately", now.page_cache - inactive),
        part("page cache that wasn't used lately", inactive),
    ];
    let told: u64 = parts.iter().map(|part| part.bytes).sum();
    parts.push(part("not told by kind", now.charged.saturating_sub(told)));
    parts
}

#[cfg(test)]
mod tests;
