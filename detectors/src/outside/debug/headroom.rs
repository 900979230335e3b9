//! How much is left below the limit: of the own control group where it has one, else of the machine.

use std::fs;
use std::path::{Path, PathBuf};

/// A limit, and how much of it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) limit: u64,
    /// Without what the kernel drops first: pages of files that nobody has used for a while, and lazily freed ones. It keeps both in
    /// one list, so that taking away what is lazily freed as well would count those pages twice.
    pub(super) used: u64,
    pub(super) of: LimitOf,
}

/// Whose limit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LimitOf {
    Group,
    Machine,
}

impl LimitOf {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            LimitOf::Group => "group",
            LimitOf::Machine => "machine",
        }
    }
}

impl Room {
    pub(super) fn left(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }

    /// What is left, as a share of the limit.
    pub(super) fn share(&self) -> f64 {
        self.left() as f64 / self.limit.max(1) as f64
    }
}

/// `None` where the system doesn't tell.
pub(super) fn now() -> Option<Room> {
    of(Path::new("/proc"), Path::new("/sys/fs/cgroup"))
}

fn of(proc: &Path, groups: &Path) -> Option<Room> {
    let machine = machine(proc)?;
    let tightest = levels(proc, groups).min_by_key(Room::left);
    // A group without a limit has the largest number there is.
    let tightest = tightest.filter(|room| room.limit < machine.limit);
    Some(tightest.unwrap_or(machine))
}

fn machine(proc: &Path) -> Option<Room> {
    let text = fs::read_to_string(proc.join("meminfo")).ok()?;
    let figure = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kilobytes * 1024)
    };
    let limit = figure("MemTotal:")?;
    Some(Room {
        limit,
        used: limit.saturating_sub(figure("MemAvailable:")?),
        of: LimitOf::Machine,
    })
}

/// Names of a group's files in a version of control groups: limit, use, and the droppable pages in `memory.stat`.
type Files = [&'static str; 3];

const VERSION_1: Files = [
    "memory.limit_in_bytes",
    "memory.usage_in_bytes",
    "total_inactive_file",
];
const VERSION_2: Files = ["memory.max", "memory.current", "inactive_file"];

/// The own group and those above it, as far as they have limits.
fn levels(proc: &Path, groups: &Path) -> impl Iterator<Item = Room> {
    let own = fs::read_to_string(proc.join("self/cgroup")).unwrap_or_default();
    let found = own.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?.trim_start_matches('/'));
        let (root, files) = match controllers {
            "" => (groups.to_owned(), VERSION_2),
            of if of.split(',').any(|of| of == "memory") => (groups.join("memory"), VERSION_1),
            _ => return None,
        };
        Some(levels_of(&root, path, files))
    });
    found.flatten().collect::<Vec<_>>().into_iter()
}

/// In a container the path may be the one outside of it: then the root is the own group.
fn levels_of(root: &Path, path: &str, files: Files) -> Vec<Room> {
    let own: PathBuf = root.join(path);
    let above = own.ancestors().take_while(|level| level.starts_with(root));
    above.filter_map(|level| level_at(level, files)).collect()
}

fn level_at(level: &Path, [limit, used, droppable]: Files) -> Option<Room> {
    let text = |name: &str| fs::read_to_string(level.join(name)).ok();
    let figure = |name: &str| text(name)?.trim().parse::<u64>().ok();
    let stat = text("memory.stat").unwrap_or_default();
    let droppable = stat.lines().find_map(|line| {
        let (name, value) = line.split_once(' ')?;
        (name == droppable).then(|| value.parse::<u64>().ok())?
    });
    Some(Room {
        limit: figure(limit)?,
        used: figure(used)?.saturating_sub(droppable.unwrap_or(0)),
        of: LimitOf::Group,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    //! Trees of files, as kernels of both versions offer them.

    use super::{LimitOf, Room, of};
    use std::fs;
    use std::path::Path;

    const MEMINFO: &str =
        "MemTotal:        8000 kB\nMemFree:          100 kB\nMemAvailable:    6000 kB\n";

    fn read(files: &[(&str, &str)]) -> Option<Room> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        of(&root.path().join("proc"), &root.path().join("groups"))
    }

    #[test]
    fn the_tightest_group_is_the_limit() {
        let files = [
            ("proc/meminfo", MEMINFO),
            ("proc/self/cgroup", "0::/pods/shop\n"),
            ("groups/pods/memory.max", "500000\n"),
            ("groups/pods/memory.current", "450000\n"),
            ("groups/pods/shop/memory.max", "max\n"),
            ("groups/pods/shop/memory.current", "300000\n"),
            ("groups/pods/memory.stat", "anon 1\ninactive_file 20000\n"),
        ];
        let room = read(&files).unwrap();
        assert_eq!((room.limit, room.used), (500_000, 430_000));
        assert_eq!(room.of, LimitOf::Group);
        assert!((room.share() - 0.14).abs() < 1e-9);
    }

    #[test]
    fn version_1_is_read_and_a_path_of_outside_leads_to_the_root() {
        let files = [
            ("proc/meminfo", MEMINFO),
            (
                "proc/self/cgroup",
                "5:cpu,cpuacct:/x\n4:memory:/docker/4711\n0::/\n",
            ),
            ("groups/memory/memory.limit_in_bytes", "1000000\n"),
            ("groups/memory/memory.usage_in_bytes", "900000\n"),
            (
                "groups/memory/memory.stat",
                "inactive_file 1\ntotal_inactive_file 100000\n",
            ),
        ];
        let room = read(&files).unwrap();
        assert_eq!((room.limit, room.used), (1_000_000, 800_000));
    }

    #[test]
    fn without_a_limit_it_is_the_machines() {
        let machine = Some(Room {
            limit: 8000 * 1024,
            used: 2000 * 1024,
            of: LimitOf::Machine,
        });
        let unlimited = [
            ("proc/meminfo", MEMINFO),
            ("proc/self/cgroup", "4:memory:/\n"),
            (
                "groups/memory/memory.limit_in_bytes",
                "9223372036854771712\n",
            ),
            ("groups/memory/memory.usage_in_bytes", "900000\n"),
        ];
        assert_eq!(read(&unlimited), machine);
        assert_eq!(read(&[("proc/meminfo", MEMINFO)]), machine);
        assert_eq!(of(Path::new("/nowhere"), Path::new("/nowhere")), None);
    }
}
