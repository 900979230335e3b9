//! A container: control groups of version 1 that the test makes, limits and fills. Version 2 is tried on recorded folders, in the library.
//!
//! Only root makes a group, and only where version 1's memory controller is mounted: elsewhere each test says so and is left out, unless
//! `DETECTORS_CGROUPS=must` is set.

use super::leaks;
use super::targets::Target;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const MEMORY: &str = "/sys/fs/cgroup/memory";

/// A group of this test's own. It goes with the test, whatever happens in it.
struct Group(PathBuf);

impl Group {
    /// `None` where none can be made.
    fn with_limit(name: &str, limit: u64) -> Option<Self> {
        let folder = format!("leaks-triage-{name}-{}", std::process::id());
        let folder = Path::new(MEMORY).join(folder);
        if let Err(error) = fs::create_dir(&folder) {
            let must = std::env::var_os("DETECTORS_CGROUPS").is_some();
            assert!(!must, "{}: {error}", folder.display());
            println!("left out: {} can't be made: {error}", folder.display());
            return None;
        }
        let group = Group(folder);
        let file = group.0.join("memory.limit_in_bytes");
        fs::write(file, limit.to_string()).expect("root sets a limit");
        Some(group)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("a path of letters")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // What has ended leaves its group a moment later.
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        println!("{} is still there", self.0.display());
    }
}

const LIMIT: u64 = 256 << 20;

/// The answer of a look at the container that a target runs in.
fn container_of(source: &str, arguments: &[&str]) -> Option<serde_json::Value> {
    let group = Group::with_limit(source, LIMIT)?;
    let target = Target::start_in(&group.0, source, arguments)?;
    let look = ["triage", "--container-of", &target.id(), "--for", "15s"];
    let ran = leaks(&[&look[..], &["--format", "json"]].concat());
    drop(target);
    let answer = ran.exits(0).json();
    assert_eq!(answer["container"]["path"], group.path(), "{answer}");
    assert_eq!(answer["container"]["limit"]["bytes"], LIMIT, "{answer}");
    Some(answer)
}

fn caveats(answer: &serde_json::Value) -> String {
    answer["caveats"].to_string()
}

#[test]
fn anonymous_memory_that_grows_is_a_leak_and_its_process_is_named() {
    let Some(answer) = container_of("malloc_leak.c", &[]) else {
        return;
    };
    assert_eq!(answer["verdict"], "leak", "{answer}");
    assert!(caveats(&answer).contains("live memory isn't known"));
    let container = &answer["container"];
    let process = &container["processes"][0];
    assert_eq!(process["program"], "malloc_leak.c", "{container}");
    assert!(process["grew_by"].as_u64() > Some(10 << 20), "{process}");
    // 256 MiB at 1.5 MB a second, less what is there already; a busy machine slows the target down.
    let seconds = container["seconds_to_limit"].as_u64();
    assert!(matches!(seconds, Some(120..=400)), "{container}");
}

#[test]
fn files_on_a_tmpfs_are_a_leak_though_they_are_nobodys_resident_memory() {
    let Some(answer) = container_of("tmpfs_file.c", &[]) else {
        return;
    };
    assert_eq!(answer["verdict"], "leak", "{answer}");
    assert!(caveats(&answer).contains("in nobody's resident memory"));
    let site = answer["findings"][0]["site"].as_str().unwrap_or_default();
    assert!(site.contains("tmpfs"), "{site}");
    let process = &answer["container"]["processes"][0];
    assert!(process["grew_by"].as_i64() < Some(1 << 20), "{process}");
}

/// The kernel keeps something for each page of it, and that is no leak either.
#[test]
fn page_cache_is_no_leak_and_is_told() {
    let file = concat!(env!("CARGO_TARGET_TMPDIR"), "/triage-page-cache");
    let Some(answer) = container_of("page_cache.c", &[file]) else {
        return;
    };
    assert_eq!(answer["verdict"], "steady", "{answer}");
    assert!(caveats(&answer).contains("Page cache rose by"));
    let figure = |name: &str| answer["container"][name].as_u64().expect("a figure");
    let cached = figure("charged") - figure("working_set");
    assert!(cached > 40 << 20, "{answer}");
}

#[test]
fn what_was_killed_by_its_limit_is_told_afterwards() {
    let Some(group) = Group::with_limit("killed", 8 << 20) else {
        return;
    };
    let mut service = Target::start_in(&group.0, "malloc_leak.c", &[]).expect("C is there");
    assert_eq!(service.ended().signal(), Some(9), "its limit ends it");
    // Nothing runs in the group now, and the kernel remembers.
    leaks(&["triage", "--cgroup", group.path(), "--for", "2s"])
        .exits(0)
        .stdout_has("Killed for memory before: once.")
        .stdout_has("8 MiB, with");
}

#[test]
fn a_group_that_is_removed_meanwhile_is_an_error() {
    let Some(group) = Group::with_limit("removed", LIMIT) else {
        return;
    };
    let path = group.path().to_owned();
    // Built and copied now, so that the look begins at once.
    leaks(&["--version"]).exits(0);
    std::thread::scope(|scope| {
        let look = scope.spawn(|| leaks(&["triage", "--cgroup", &path, "--for", "1m"]));
        std::thread::sleep(Duration::from_secs(2));
        drop(group);
        let look = look.join().expect("it doesn't panic");
        look.exits(2)
            .stderr_has("was removed while it was looked at");
    });
}

#[test]
fn what_is_no_container_says_why_and_what_to_do() {
    let folder = env!("CARGO_TARGET_TMPDIR");
    leaks(&["triage", "--cgroup", folder])
        .exits(2)
        .stderr_has("there is no control group in")
        .stderr_has("--container-of PID");
    // Above the highest that Linux gives.
    leaks(&["triage", "--container-of", "4194305"])
        .exits(2)
        .stderr_has("there is no process 4194305");
    let of_another = Path::new("/sys/fs/cgroup/pids");
    if of_another.join("cgroup.procs").exists() {
        leaks(&["triage", "--cgroup", "/sys/fs/cgroup/pids"])
            .exits(2)
            .stderr_has("is of version 1, and has no memory controller")
            .stderr_has("/sys/fs/cgroup/memory");
    }
}

/// A load that a look puts on a service ends before the limit does.
#[test]
fn a_looks_own_load_ends_when_a_tenth_of_the_limit_is_left() {
    std::thread::scope(|scope| {
        scope.spawn(|| load_ends_for("--pid"));
        scope.spawn(|| load_ends_for("--container-of"));
    });
}

fn load_ends_for(subject: &str) {
    let Some(group) = Group::with_limit(&format!("loaded{subject}"), 48 << 20) else {
        return;
    };
    let target = Target::start_in(&group.0, "malloc_leak.c", &[]).expect("C is there");
    let (server, id) = (super::loaded::Empty::start(), target.id());
    let look = ["triage", subject, &id, "--format", "json", "--for", "10m"];
    let load = ["--load", "20", "--load-url", &server.url];
    let answer = leaks(&[&look[..], &load].concat()).exits(0).json();
    let why = answer["load"]["stopped_because"].as_str();
    assert!(
        why.is_some_and(|why| why.contains("of 48 MiB were left")),
        "{why:?}"
    );
    assert!(caveats(&answer).contains("The load and the look were ended"));
    assert_eq!(answer["verdict"], "leak", "{answer}");
}
