//! Which group counts a process' memory: by `/proc/PID/cgroup`, and where the groups are mounted here.

use super::super::error::TriageError;
use super::group::{Group, Version};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The group with a memory controller that a process is in. `proc` is `/proc`, or a recorded one.
pub(super) fn find(proc: &Path, id: u32) -> Result<Group, TriageError> {
    let refused = |reason: io::Error| match reason.kind() {
        io::ErrorKind::NotFound => TriageError::NoSuchProcess(id),
        io::ErrorKind::PermissionDenied => TriageError::NotPermitted {
            id,
            what: "the control group",
        },
        _ => TriageError::Unread { id, reason },
    };
    let groups = proc.join(id.to_string()).join("cgroup");
    let groups = fs::read_to_string(groups).map_err(refused)?;
    // As this process sees them: the other one's may lie elsewhere.
    let mounts = fs::read_to_string(proc.join("self/mountinfo")).map_err(refused)?;
    let none = |why: String| TriageError::NoGroup { id, why };
    // Where both versions are there, the memory controller belongs to one of them, and that is 1 if 1 has it at all.
    let of_1 = groups.lines().find_map(|line| in_version_1(line));
    let of_2 = groups.lines().find_map(|line| line.strip_prefix("0::"));
    let mount_of_1 = of_1.and_then(|path| Some((path, mount(&mounts, Version::One)?)));
    let mount_of_2 = || of_2.and_then(|path| Some((path, mount(&mounts, Version::Two)?)));
    let (path, mount) = mount_of_1.or_else(mount_of_2).ok_or_else(|| {
        none("no hierarchy of control groups that counts memory is mounted here".to_owned())
    })?;
    let below = below(path, &mount.root).ok_or_else(|| {
        none(format!(
            "its group {path} lies outside of what is mounted here at {}",
            mount.point.display()
        ))
    })?;
    let folder = mount.point.join(below);
    // Where a group of version 2 has no controller of its own, the next one above counts for it.
    let candidates = folder
        .ancestors()
        .take_while(|above| above.starts_with(&mount.point));
    let counted = candidates
        .into_iter()
        .find(|above| Version::of(above).is_some());
    match counted {
        // The root of everything is the machine, and no container; the root of what is mounted may be one.
        Some(counted) if counted != mount.point || mount.root != "/" => Group::find(counted),
        Some(_) => Err(none(
            "it is in the root group, which is the whole machine".to_owned(),
        )),
        None if path == "/" => Err(none(
            "it is in the root group of version 2, which is the whole machine".to_owned(),
        )),
        None => Err(TriageError::NoMemoryController {
            path: folder,
            version: mount.version.number(),
        }),
    }
}

/// The path in `4:memory:/a/b`.
fn in_version_1(line: &str) -> Option<&str> {
    let mut parts = line.splitn(3, ':').skip(1);
    let mut controllers = parts.next()?.split(',');
    let path = parts.next()?;
    controllers.any(|name| name == "memory").then_some(path)
}

struct Mount {
    version: Version,
    /// Which group is seen at the mount's point.
    root: String,
    point: PathBuf,
}

/// Where the hierarchy that counts memory is mounted.
fn mount(mounts: &str, version: Version) -> Option<Mount> {
    let mut lines = mounts.lines();
    lines.find_map(|line| {
        // `35 31 0:32 /root /point rw,relatime - cgroup cgroup rw,memory`
        let (place, kind) = line.split_once(" - ")?;
        let mut kind = kind.split(' ');
        let (name, options) = (kind.next()?, kind.nth(1)?);
        let is_it = match version {
            Version::One => name == "cgroup" && options.split(',').any(|option| option == "memory"),
            Version::Two => name == "cgroup2",
        };
        let mut place = place.split(' ').skip(3);
        let (root, point) = (place.next()?, place.next()?);
        is_it.then(|| Mount {
            version,
            root: unescaped(root),
            point: PathBuf::from(unescaped(point)),
        })
    })
}

/// A space is written as `\040`, and a backslash as `\134`.
fn unescaped(text: &str) -> String {
    text.replace("\\040", " ").replace("\\134", "\\")
}

/// The part of a group's path below the one that is mounted.
fn below<'p>(path: &'p str, root: &str) -> Option<&'p Path> {
    let path = Path::new(path);
    // A group above one's own namespace begins with `/..`.
    let is_outside = path.components().any(|part| part.as_os_str() == "..");
    let below = path.strip_prefix(root).ok()?;
    (!is_outside).then_some(below)
}
