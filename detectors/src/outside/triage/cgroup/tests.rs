//! Recorded folders of both versions. They are written after the kernel's documentation (cgroup-v2.rst, cgroup-v1/memory.rst), and not
//! measured. tests/triage has real groups of version 1.

use super::super::TriageError;
use super::super::evidence::{Moment, TriageEvidence};
use super::super::judgement::judge;
use super::super::sampling::{Look, Source};
use super::ControlGroup;
use super::group::{Group, Version};
use super::of_process;
use crate::model::verdict::Verdict;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

const MIB: u64 = 1 << 20;
const SECONDS: u64 = 30;

/// A folder that looks like the mounted groups, and like `/proc`.
struct Tree(TempDir);

impl Tree {
    fn of(files: &[(&str, &str)]) -> Self {
        let tree = Tree(tempfile::tempdir().expect("a writable folder"));
        for (path, text) in files {
            tree.write(path, text);
        }
        tree
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("it has a folder")).expect("writable");
        fs::write(path, text).expect("writable");
    }

    /// A group of version 2 with 200 MiB charged, 90 of them page cache.
    fn with_group(&self, folder: &str) {
        let mib = |figures: &[(&str, u64)]| -> String {
            let lines = figures
                .iter()
                .map(|(name, mib)| format!("{name} {}\n", mib * MIB));
            lines.collect()
        };
        let stat = mib(&[
            ("anon", 80),
            ("file", 105),
            ("kernel", 8),
            ("kernel_stack", 1),
            ("pagetables", 2),
            ("sock", 4),
            ("shmem", 10),
            ("file_mapped", 12),
            ("swapcached", 5),
            ("anon_thp", 20),
            ("inactive_anon", 5),
            ("active_anon", 70),
            ("inactive_file", 60),
            ("active_file", 45),
            ("slab_reclaimable", 3),
            ("slab_unreclaimable", 2),
            ("slab", 5),
        ]);
        for (name, text) in [
            ("cgroup.procs", ""),
            ("memory.current", &(200 * MIB).to_string()),
            ("memory.max", "max\n"),
            ("memory.high", "max\n"),
            ("memory.peak", &(300 * MIB).to_string()),
            ("memory.swap.current", &(7 * MIB).to_string()),
            (
                "memory.events",
                "low 0\nhigh 4\nmax 9\noom 3\noom_kill 2\noom_group_kill 0\n",
            ),
            (
                "memory.pressure",
                "some avg10=1.50 avg60=0.25 avg300=0.00 total=99\nfull avg10=0.50 avg60=0.00 avg300=0.00 total=9\n",
            ),
            ("memory.stat", &stat),
        ] {
            self.write(&format!("{folder}/{name}"), text);
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn group(&self, path: &str) -> Group {
        Group::find(&self.path(path)).expect("a group")
    }
}

#[test]
fn version_2_is_read_by_kind() {
    let tree = Tree::of(&[]);
    tree.with_group("a");
    let group = tree.group("a");
    let figures = group.figures().expect("it is there");
    assert_eq!(figures.working_set(), 140 * MIB);
    assert_eq!(figures.page_cache, 90 * MIB);
    // 105 MiB are in the lists of files, and 90 of them are files.
    assert_eq!(figures.lazily_freed, 15 * MIB);
    assert_eq!(figures.kernel, Some(12 * MIB));
    assert_eq!(figures.kept_by_the_kernel(), Some(9 * MIB));
    assert_eq!(figures.huge_pages, Some(20 * MIB));
    assert_eq!(figures.swapped, Some(7 * MIB));
    let moment = super::moment(&figures);
    // What is lazily freed doesn't count, and what is swapped out does.
    assert_eq!(moment.anonymous, Some(72 * MIB));
    assert_eq!(moment.resident, Some(92 * MIB));
    assert_eq!(group.peak(), Some(300 * MIB));
    assert_eq!(group.kills(), Some(2));
    let pressure = group.pressure().expect("it is told");
    assert_eq!(
        (
            pressure.some_avg10,
            pressure.some_avg60,
            pressure.full_avg10
        ),
        (1.5, 0.25, 0.5)
    );
}

/// `kernel` came with Linux 5.18.
#[test]
fn an_older_kernels_parts_are_summed_up() {
    let stat = "anon 4096\nkernel_stack 100\npagetables 20\npercpu 3\nsock 4\nslab 5000\n";
    let tree = Tree::of(&[("a/memory.current", "9000"), ("a/memory.stat", stat)]);
    let figures = tree.group("a").figures().expect("it is there");
    assert_eq!(figures.kernel, Some(5_127));
}

#[test]
fn the_tightest_limit_is_the_one_with_the_least_left() {
    let tree = Tree::of(&[]);
    for folder in ["pod", "pod/app"] {
        tree.with_group(folder);
    }
    assert_eq!(tree.group("pod/app").limit(), None);
    tree.write("pod/app/memory.max", &(400 * MIB).to_string());
    tree.write("pod/app/memory.high", &(350 * MIB).to_string());
    let limit = tree.group("pod/app").limit().expect("a limit");
    assert_eq!((limit.name, limit.headroom), ("memory.high", 210 * MIB));
    // The pod has a higher limit, and more of it is taken.
    tree.write("pod/memory.max", &(500 * MIB).to_string());
    tree.write("pod/memory.current", &(540 * MIB).to_string());
    let limit = tree.group("pod/app").limit().expect("a limit");
    assert_eq!((limit.name, limit.headroom), ("memory.max", 20 * MIB));
    assert!(limit.of.ends_with("/pod"), "{limit}");
}

const OF_1: &str = "cache 1\nrss 2\nhierarchical_memory_limit 104857600\ntotal_cache 41943040\ntotal_rss 52428800\n\
    total_rss_huge 2097152\ntotal_shmem 10485760\ntotal_mapped_file 4096\ntotal_swap 8192\ntotal_inactive_file 20971520\n\
    total_active_file 10485760\n";

#[test]
fn version_1_is_read_with_the_groups_below_and_a_limit_that_is_hidden() {
    let tree = Tree::of(&[
        ("a/memory.usage_in_bytes", "94371840\n"),
        ("a/memory.stat", OF_1),
        ("a/memory.limit_in_bytes", "9223372036854771712\n"),
        ("a/memory.max_usage_in_bytes", "99614720\n"),
        ("a/memory.kmem.usage_in_bytes", "1000\n"),
        ("a/memory.kmem.tcp.usage_in_bytes", "200\n"),
        (
            "a/memory.oom_control",
            "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
        ),
        (
            "a/b/memory.oom_control",
            "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
        ),
    ]);
    let group = tree.group("a");
    let figures = group.figures().expect("it is there");
    assert_eq!(group.version, Version::One);
    assert_eq!(figures.anonymous, 50 * MIB);
    assert_eq!(figures.page_cache, 30 * MIB);
    assert_eq!(figures.tmpfs, 10 * MIB);
    assert_eq!(figures.lazily_freed, 0);
    assert_eq!(figures.working_set(), 70 * MIB);
    assert_eq!(figures.kernel, Some(1_200));
    assert_eq!(figures.huge_pages, Some(2 * MIB));
    assert_eq!(figures.swapped, Some(8_192));
    assert_eq!(group.peak(), Some(95 * MIB));
    assert_eq!(group.kills(), Some(3));
    let limit = group.limit().expect("a group above has one");
    assert_eq!((limit.bytes, limit.headroom), (100 * MIB, 30 * MIB));
    assert!(limit.to_string().contains("isn't visible"), "{limit}");
}

#[test]
fn processes_of_the_groups_below_belong_to_it() {
    let tree = Tree::of(&[
        ("a/memory.current", "1"),
        ("a/cgroup.procs", "1\n"),
        ("a/b/cgroup.procs", ""),
        ("a/b/c/cgroup.procs", "7\n8\n"),
    ]);
    assert_eq!(tree.group("a").process_ids(), [1, 7, 8]);
}

const HYBRID: &str = "35 31 0:32 / ROOT/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n\
    40 31 0:37 / ROOT/systemd rw - cgroup cgroup rw,name=systemd\n41 31 0:38 / ROOT/unified rw - cgroup2 cgroup2 rw\n";
const UNIFIED: &str = "30 23 0:26 / ROOT/v\\040two rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";

/// Where the group of process 7 is, below the tree, by its `cgroup` file and the mounts.
fn found(tree: &Tree, groups: &str, mounts: &str) -> Result<PathBuf, TriageError> {
    let root = tree.0.path().canonicalize().expect("it is there");
    tree.write("proc/7/cgroup", groups);
    let mounts = mounts.replace("ROOT", root.to_str().expect("text"));
    tree.write("proc/self/mountinfo", &mounts);
    let group = of_process::find(&tree.path("proc"), 7)?;
    let below = group.folder.strip_prefix(&root).map(Path::to_owned);
    Ok(below.expect("it is below"))
}

#[test]
fn the_group_of_a_process_is_found_in_each_layout() {
    let tree = Tree::of(&[
        ("memory/pod/app/memory.usage_in_bytes", "1"),
        ("memory/memory.usage_in_bytes", "1"),
        ("unified/pod/app/cgroup.procs", ""),
        ("v two/pod/app/memory.current", "1"),
        ("v two/pod/app/init/cgroup.procs", "7"),
        ("inside/memory.current", "1"),
    ]);
    let hybrid = "9:name=systemd:/elsewhere\n4:cpu,memory:/pod/app\n0::/pod/app\n";
    let of_1 = found(&tree, hybrid, HYBRID).expect("a group");
    assert_eq!(of_1, Path::new("memory/pod/app"));
    let of_2 = found(&tree, "0::/pod/app\n", UNIFIED).expect("a group");
    assert_eq!(of_2, Path::new("v two/pod/app"));
    // No controller of its own: the group above counts for it.
    let below = found(&tree, "0::/pod/app/init\n", UNIFIED).expect("a group");
    assert_eq!(below, Path::new("v two/pod/app"));
    // In a container, its own group is the root of what is mounted.
    let inside = "30 23 0:26 /pod/app ROOT/inside rw - cgroup2 cgroup2 rw\n";
    let inside = found(&tree, "0::/pod/app\n", inside).expect("a group");
    assert_eq!(inside, Path::new("inside"));
}

#[test]
fn what_has_no_group_of_its_own_says_why() {
    let tree = Tree::of(&[
        ("memory/memory.usage_in_bytes", "1"),
        ("v two/cgroup.controllers", "cpu"),
        ("v two/pod/cgroup.controllers", "cpu"),
    ]);
    for (groups, mounts, says) in [
        ("4:memory:/\n", HYBRID, "the whole machine"),
        ("0::/\n", UNIFIED, "the whole machine"),
        ("0::/../other\n", UNIFIED, "outside of what is mounted"),
        ("0::/pod\n", "", "no hierarchy"),
        (
            "0::/pod\n",
            UNIFIED,
            "of version 2, and has no memory controller",
        ),
    ] {
        let error = found(&tree, groups, mounts).expect_err("no group");
        assert!(error.to_string().contains(says), "{groups}: {error}");
    }
    let nobody = of_process::find(&tree.path("proc"), 8);
    assert!(matches!(nobody, Err(TriageError::NoSuchProcess(8))));
}

#[test]
fn a_folder_that_counts_no_memory_says_what_it_is() {
    let tree = Tree::of(&[
        ("two/cgroup.procs", ""),
        ("two/cgroup.controllers", "cpu"),
        ("one/cgroup.procs", ""),
        ("folder/file", ""),
    ]);
    for (path, says) in [
        ("two", "version 2, and has no memory controller"),
        ("one", "version 1, and has no memory controller"),
        ("folder", "there is no control group in"),
        ("none", "there is no control group in"),
    ] {
        let error = Group::find(&tree.path(path)).expect_err("no group");
        assert!(error.to_string().contains(says), "{path}: {error}");
    }
}

#[test]
fn a_group_that_is_removed_ends_the_look() {
    let tree = Tree::of(&[]);
    tree.with_group("a");
    let mut group = ControlGroup::find(&tree.path("a")).expect("a group");
    assert!(group.read().is_ok());
    fs::remove_dir_all(tree.path("a")).expect("writable");
    assert!(matches!(group.read(), Err(TriageError::GroupGone(_))));
}

/// What is judged of the recorded group, by what each tenth of a second adds to it.
fn judged(also: impl Fn(u64, &mut Moment)) -> TriageEvidence {
    let tree = Tree::of(&[]);
    tree.with_group("a");
    tree.write("a/memory.max", &(500 * MIB).to_string());
    let mut group = ControlGroup::find(&tree.path("a")).expect("a group");
    group.begin().expect("it is there");
    let began = group.read().expect("it is there");
    let stat = fs::read_to_string(tree.path("a/memory.stat")).expect("it was written");
    let later = stat.replace(
        &format!("sock {}\n", 4 * MIB),
        &format!("sock {}\n", 34 * MIB),
    );
    tree.write("a/memory.stat", &later);
    tree.write("a/memory.events", "oom 4\noom_kill 3\n");
    let moments = (0..10 * SECONDS).map(|tenth| {
        let mut now = Moment {
            seconds: tenth as f64 / 10.0,
            ..began
        };
        also(tenth * MIB / 10, &mut now);
        now
    });
    let look = Look {
        time: Duration::from_secs(SECONDS),
        collector: None,
        moments: moments.collect(),
    };
    judge(&mut group, &look)
}

fn add(figure: &mut Option<u64>, more: u64) {
    *figure = figure.map(|value| value + more);
}

#[test]
fn a_group_at_rest_is_steady_and_tells_its_limit_and_its_past() {
    let seen = judged(|_, _| {});
    assert_eq!(seen.verdict, Verdict::Steady, "{seen}");
    let container = seen.container.as_ref().expect("it is one");
    assert_eq!(container.seconds_to_limit, None);
    assert_eq!((container.kills, container.kills_meanwhile), (Some(3), 1));
    let text = seen.to_string();
    for says in [
        "the working set is 140 MiB",
        "500 MiB, with 360 MiB left",
        "3 times, and once of that while this look lasted",
        "1.5% of the last 10 s",
    ] {
        assert!(text.contains(says), "{says} is not in {text}");
    }
    // They are read here, so they aren't said to be missing.
    assert!(!text.contains("isn't part of this"), "{text}");
}

#[test]
fn anonymous_memory_that_grows_is_a_leak_with_the_time_to_the_limit() {
    let seen = judged(|grown, now| add(&mut now.anonymous, grown));
    assert_eq!(seen.verdict, Verdict::Leak, "{seen}");
    let container = seen.container.as_ref().expect("it is one");
    // 360 MiB at 1 MiB a second.
    let seconds = container.seconds_to_limit.expect("it grows");
    assert!((350..=370).contains(&seconds), "{seconds}");
    assert!(
        seen.to_string().contains("live memory isn't known"),
        "{seen}"
    );
    let text = seen.to_string();
    assert!(
        text.contains("At this rate the limit is reached in"),
        "{text}"
    );
}

#[test]
fn tmpfs_that_grows_is_a_leak_in_nobodys_resident_memory() {
    let seen = judged(|grown, now| add(&mut now.tmpfs, grown));
    assert_eq!(seen.verdict, Verdict::Leak, "{seen}");
    let text = seen.to_string();
    assert!(text.contains("in nobody's resident memory"), "{text}");
    assert!(!text.contains("garbage collector"), "{text}");
}

#[test]
fn the_kernels_memory_that_grows_is_a_leak_and_its_part_is_named() {
    let seen = judged(|grown, now| add(&mut now.kernel, grown));
    assert_eq!(seen.verdict, Verdict::Leak, "{seen}");
    let text = seen.to_string();
    assert!(text.contains("sockets' buffers rose by 30 MiB"), "{text}");
}

#[test]
fn page_cache_that_grows_is_no_leak_and_is_told() {
    let seen = judged(|grown, now| {
        add(&mut now.page_cache, grown);
        // As the kernel keeps for its pages.
        add(&mut now.kernel, grown / 36);
    });
    assert_eq!(seen.verdict, Verdict::Steady, "{seen}");
    assert!(seen.to_string().contains("Page cache rose by"), "{seen}");
}

#[test]
fn memory_that_is_taken_back_from_what_was_freed_is_no_leak() {
    let seen = judged(|grown, now| {
        add(&mut now.anonymous, grown);
        now.lazily_freed = Some((40 * MIB).saturating_sub(grown));
    });
    assert_eq!(seen.verdict, Verdict::Inconclusive, "{seen}");
}
