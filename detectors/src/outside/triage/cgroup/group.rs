//! A control group's files, parsed. Every function here takes the folder, so recorded folders can be read as well.

use super::super::container::{Limit, Pressure};
use super::super::error::TriageError;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What version 1 writes for no limit: the highest count of pages, in bytes.
const UNLIMITED: u64 = 1 << 62;

/// What is counted in a group and below it, at one moment. All in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Figures {
    pub(super) charged: u64,
    /// Heap and stacks, with what is lazily freed.
    pub(super) anonymous: u64,
    pub(super) lazily_freed: u64,
    /// Without files on a tmpfs.
    pub(super) page_cache: u64,
    /// Its part that was not used lately, and what is lazily freed: the kernel keeps both in one list.
    pub(super) inactive_files: u64,
    /// Files on a tmpfs, and shared memory.
    pub(super) tmpfs: u64,
    /// The part of both that some process maps.
    pub(super) mapped: u64,
    pub(super) kernel: Option<u64>,
    /// The part of the kernel's that it drops when the group needs the room: dentries and inodes.
    pub(super) reclaimable: Option<u64>,
    pub(super) slab: Option<u64>,
    pub(super) sockets: Option<u64>,
    pub(super) page_tables: Option<u64>,
    pub(super) huge_pages: Option<u64>,
    pub(super) swapped: Option<u64>,
}

impl Figures {
    pub(super) fn working_set(&self) -> u64 {
        self.charged.saturating_sub(self.inactive_files)
    }

    /// The kernel's memory for this group that stays until whoever caused it lets go.
    pub(super) fn kept_by_the_kernel(&self) -> Option<u64> {
        Some(self.kernel?.saturating_sub(self.reclaimable.unwrap_or(0)))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Two,
}

impl Version {
    /// The file with what is charged: where it is, the memory controller is.
    fn charged(self) -> &'static str {
        match self {
            Version::One => "memory.usage_in_bytes",
            Version::Two => "memory.current",
        }
    }

    fn peak(self) -> &'static str {
        match self {
            Version::One => "memory.max_usage_in_bytes",
            Version::Two => "memory.peak",
        }
    }

    fn limits(self) -> &'static [&'static str] {
        match self {
            Version::One => &["memory.limit_in_bytes"],
            Version::Two => &["memory.max", "memory.high"],
        }
    }

    pub(super) fn number(self) -> u8 {
        match self {
            Version::One => 1,
            Version::Two => 2,
        }
    }

    /// Of the memory controller in this folder, if it is there.
    pub(super) fn of(folder: &Path) -> Option<Self> {
        [Version::Two, Version::One]
            .into_iter()
            .find(|version| folder.join(version.charged()).exists())
    }
}

/// A control group with a memory controller.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) folder: PathBuf,
    pub(super) version: Version,
}

impl Group {
    /// The group in this folder.
    pub(super) fn find(folder: &Path) -> Result<Self, TriageError> {
        let real = folder
            .canonicalize()
            .map_err(|reason| error(folder, reason))?;
        match Version::of(&real) {
            Some(version) => Ok(Group {
                folder: real,
                version,
            }),
            None if !real.join("cgroup.procs").exists() => {
                Err(TriageError::NoSuchGroup(folder.to_owned()))
            }
            None => Err(TriageError::NoMemoryController {
                path: folder.to_owned(),
                version: if real.join("cgroup.controllers").exists() {
                    2
                } else {
                    1
                },
            }),
        }
    }

    pub(super) fn figures(&self) -> Result<Figures, TriageError> {
        let charged = self.text(self.version.charged())?;
        let stat = self.text("memory.stat")?;
        let charged = charged.trim().parse().unwrap_or(0);
        let figures = match self.version {
            Version::One => self.of_version_1(&stat),
            Version::Two => self.of_version_2(&stat),
        };
        Ok(Figures { charged, ..figures })
    }

    fn of_version_2(&self, stat: &str) -> Figures {
        let of = |name: &str| value(stat, name);
        // Older kernels don't sum it up.
        let parts = ["slab", "kernel_stack", "pagetables", "percpu", "vmalloc"];
        let kernel = of("kernel").or_else(|| sum(parts.map(of)));
        Figures {
            kernel: sum([kernel, of("sock")]),
            reclaimable: of("slab_reclaimable"),
            slab: of("slab"),
            sockets: of("sock"),
            page_tables: of("pagetables"),
            huge_pages: of("anon_thp"),
            swapped: self.number("memory.swap.current"),
            ..memory(&of, "anon", "file", "file_mapped")
        }
    }

    fn of_version_1(&self, stat: &str) -> Figures {
        // With all groups below it, where the kernel sums them up.
        let of = |name: &str| value(stat, &format!("total_{name}")).or_else(|| value(stat, name));
        let sockets = self.number("memory.kmem.tcp.usage_in_bytes");
        Figures {
            kernel: sum([self.number("memory.kmem.usage_in_bytes"), sockets]),
            sockets,
            huge_pages: of("rss_huge"),
            swapped: of("swap"),
            ..memory(&of, "rss", "cache", "mapped_file")
        }
    }

    pub(super) fn peak(&self) -> Option<u64> {
        self.number(self.version.peak())
    }

    /// How many processes were killed for memory, here and below.
    pub(super) fn kills(&self) -> Option<u64> {
        match self.version {
            Version::Two => value(&self.text("memory.events").ok()?, "oom_kill"),
            // Each group counts its own.
            Version::One => {
                let count = |folder: &Path| {
                    let text = fs::read_to_string(folder.join("memory.oom_control")).ok()?;
                    value(&text, "oom_kill")
                };
                let below = self.below();
                let below: u64 = below.iter().filter_map(|folder| count(folder)).sum();
                Some(count(&self.folder)? + below)
            }
        }
    }

    pub(super) fn pressure(&self) -> Option<Pressure> {
        let text = self.text("memory.pressure").ok()?;
        let average = |who: &str, over: &str| -> Option<f64> {
            let line = text.lines().find_map(|line| line.strip_prefix(who))?;
            let mut figures = line.split_ascii_whitespace();
            figures
                .find_map(|figure| figure.strip_prefix(over))?
                .parse()
                .ok()
        };
        Some(Pressure {
            some_avg10: average("some ", "avg10=")?,
            some_avg60: average("some ", "avg60=")?,
            full_avg10: average("full ", "avg10=")?,
            full_avg60: average("full ", "avg60=")?,
        })
    }

    /// The limit with the least headroom, of this group and those above it.
    pub(super) fn limit(&self) -> Option<Limit> {
        let visible = self.folder.ancestors().map_while(|folder| {
            let is_group = folder.join(self.version.charged()).exists();
            is_group.then(|| Group {
                folder: folder.to_owned(),
                version: self.version,
            })
        });
        let limits: Vec<Limit> = visible.flat_map(|group| group.own_limits()).collect();
        let least = limits.iter().map(|limit| limit.bytes).min();
        let hidden = self.hidden_limit(least.unwrap_or(UNLIMITED));
        let all = limits.into_iter().chain(hidden);
        all.min_by_key(|limit| limit.headroom)
    }

    fn own_limits(&self) -> Vec<Limit> {
        let Ok(figures) = self.figures() else {
            return Vec::new();
        };
        let limit = |name: &&'static str| {
            // `max` is no number, and no limit.
            let bytes = self.number(name).filter(|bytes| *bytes < UNLIMITED)?;
            Some(Limit {
                of: self.folder.display().to_string(),
                name,
                bytes,
                headroom: bytes.saturating_sub(figures.working_set()),
            })
        };
        self.version.limits().iter().filter_map(limit).collect()
    }

    /// In a container of version 1, the groups above aren't mounted, and the least of their limits is told all the same.
    fn hidden_limit(&self, visible: u64) -> Option<Limit> {
        const NAME: &str = "hierarchical_memory_limit";
        let bytes = value(&self.text("memory.stat").ok()?, NAME)?;
        let working_set = self.figures().ok()?.working_set();
        (bytes < visible).then(|| Limit {
            of: "a group above, which isn't visible here".to_owned(),
            name: NAME,
            bytes,
            headroom: bytes.saturating_sub(working_set),
        })
    }

    /// The processes of this group and of those below it; 0 stands for each that another pid namespace hides.
    pub(super) fn process_ids(&self) -> Vec<u32> {
        let below = self.below();
        let folders = std::iter::once(&self.folder).chain(&below);
        let lists =
            folders.filter_map(|folder| fs::read_to_string(folder.join("cgroup.procs")).ok());
        let ids = |list: String| -> Vec<u32> {
            let ids = list.lines().filter_map(|line| line.trim().parse().ok());
            ids.collect()
        };
        lists.flat_map(ids).collect()
    }

    /// The folders of all groups below.
    fn below(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut open = vec![self.folder.clone()];
        while let Some(folder) = open.pop() {
            let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
            // By its path: for an entry's own word, the program would ask for a function that glibc has from 2.33 on.
            let paths = entries.map(|entry| entry.path());
            let is_folder =
                |path: &PathBuf| path.symlink_metadata().is_ok_and(|about| about.is_dir());
            let folders: Vec<PathBuf> = paths.filter(is_folder).collect();
            open.extend(folders.iter().cloned());
            found.extend(folders);
        }
        found
    }

    fn text(&self, name: &str) -> Result<String, TriageError> {
        fs::read_to_string(self.folder.join(name)).map_err(|reason| error(&self.folder, reason))
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.text(name).ok()?.trim().parse().ok()
    }
}

/// What both versions tell by other names.
fn memory(of: &dyn Fn(&str) -> Option<u64>, anonymous: &str, files: &str, mapped: &str) -> Figures {
    let zero = |name: &str| of(name).unwrap_or(0);
    let (tmpfs, inactive_files) = (zero("shmem"), zero("inactive_file"));
    // What is in the swap cache is counted as a file too.
    let page_cache = zero(files).saturating_sub(tmpfs + zero("swapcached"));
    // Lazily freed pages are anonymous, and lie in the list of files, since they can be dropped like those.
    let in_list = zero("active_file") + inactive_files;
    let anonymous = zero(anonymous);
    Figures {
        anonymous,
        lazily_freed: in_list.saturating_sub(page_cache).min(anonymous),
        page_cache,
        inactive_files,
        tmpfs,
        mapped: zero(mapped),
        ..Figures::default()
    }
}

/// The sum of what is known; `None` where nothing is.
fn sum<const PARTS: usize>(parts: [Option<u64>; PARTS]) -> Option<u64> {
    parts.into_iter().flatten().reduce(|a, b| a + b)
}

/// The value of `anon 4096`.
fn value(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    value.trim().parse().ok()
}

fn error(folder: &Path, reason: io::Error) -> TriageError {
    /// A group that was removed while one of its files was open.
    const NO_SUCH_DEVICE: i32 = 19;
    let path = folder.to_owned();
    match reason.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => TriageError::NoSuchGroup(path),
        io::ErrorKind::PermissionDenied => TriageError::GroupNotPermitted(path),
        _ if reason.raw_os_error() == Some(NO_SUCH_DEVICE) => TriageError::NoSuchGroup(path),
        _ => TriageError::GroupUnread { path, reason },
    }
}
