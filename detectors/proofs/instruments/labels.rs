//! Labels: what was allocated under each is exact, what of that is live goes with the label that allocated it, wherever it is freed.

use detectors::Profile;
use detectors::allocator::{self, Label, Labelled, Labels};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, mpsc};
use std::thread;
use tokio::runtime::{Builder, Runtime};

const KIB: usize = 1 << 10;

/// Each in a block of its own size, so that nobody else's allocations look like them.
#[inline(never)]
fn allocate(blocks: usize, bytes: usize) -> Vec<Box<[u8]>> {
    let mut kept = allocator::uncounted(|| Vec::with_capacity(blocks));
    kept.extend((0..blocks).map(|_| black_box(vec![1_u8; bytes]).into_boxed_slice()));
    kept
}

/// Rows by their labels, as `key=value key=value`.
fn rows() -> BTreeMap<String, Labelled> {
    let named = |row: Labelled| {
        let labels = row.labels.iter();
        let labels: Vec<String> = labels
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        (labels.join(" "), row)
    };
    allocator::labelled().into_iter().map(named).collect()
}

fn allocated(labels: &str) -> [u64; 2] {
    let row = rows().remove(labels);
    row.map_or([0; 2], |row| [row.allocated_bytes, row.allocated_blocks])
}

/// With a sample each kilobyte a thousand blocks are known to within a few per cent.
fn sample_finely() {
    allocator::set_sampling_interval(Some(KIB));
    allocator::reseed_sampling(7);
}

/// Whether an estimate is as near as it must be: four standard errors at a sample each kilobyte.
#[track_caller]
fn is_about(estimate: u64, bytes: usize) {
    let (estimate, bytes) = (estimate as f64, bytes as f64);
    let error = 4.0 * (bytes * KIB as f64).sqrt();
    assert!(
        (estimate - bytes).abs() <= error,
        "{estimate} of {bytes}, give or take {error}"
    );
}

fn workers() -> Runtime {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.expect("a runtime")
}

detectors::tests! {
    fn what_is_allocated_under_a_label_is_exact() {
        let route = Label::new("route", "/apex");
        let kept = route.within(|| allocate(1_000, 100));
        // The list that holds them too.
        assert_eq!(allocated("route=/apex"), [100_000 + 1_000 * 16, 1_001]);
        drop(kept);
        let outside = allocate(1_000, 100);
        assert_eq!(allocated("route=/apex"), [116_000, 1_001], "neither a free nor what is outside counts");
        drop(outside);
        // A block that grows is a free and an allocation, as in the process' totals.
        let before = allocator::stats().total_bytes;
        Label::new("route", "/apex").within(|| {
            let mut growing: Vec<u8> = Vec::with_capacity(1_000);
            growing.reserve_exact(5_000);
            black_box(growing);
        });
        assert_eq!(allocated("route=/apex"), [122_000, 1_003]);
        assert!(allocator::stats().total_bytes >= before + 6_000);
    }

    /// A scrape finds work that began and didn't end yet.
    fn work_that_goes_on_is_counted_while_it_does() {
        let (go_on, wait) = mpsc::channel::<()>();
        let (told, hears) = mpsc::channel();
        let worker = thread::spawn(move || {
            Label::new("task", "long").within(|| {
                let kept = allocate(500, 100);
                told.send(()).expect("it waits");
                wait.recv().expect("it goes on");
                kept
            })
        });
        hears.recv().expect("it allocates");
        let during = allocated("task=long");
        assert!(during[0] >= 58_000 && during[1] >= 501, "{during:?}");
        go_on.send(()).expect("it waits");
        drop(worker.join().expect("no panic"));
        let after = allocated("task=long");
        assert!(after[0] >= during[0] && after[0] < during[0] + 4_000, "{after:?}");
    }

    /// A counter that goes back is a restart to Prometheus, and a rate of millions.
    fn a_counter_never_goes_back_while_threads_come_and_go() {
        const READS: usize = 20_000;
        const BLOCKS: u64 = 100;
        let is_over = Arc::new(AtomicBool::new(false));
        let worker = thread::spawn({
            let is_over = Arc::clone(&is_over);
            move || {
                let mut blocks = 0;
                while !is_over.load(Relaxed) {
                    Label::new("task", "short").within(|| {
                        for _ in 0..BLOCKS {
                            drop(black_box(Box::new([0_u8; 64])));
                        }
                        // Most reads come now, and the thread leaves while one of them is at it.
                        for turn in 0..10_000 {
                            black_box(turn);
                        }
                    });
                    blocks += BLOCKS;
                }
                blocks
            }
        });
        let mut last = [0; 2];
        let mut reads = 0;
        while reads < READS || last == [0; 2] {
            let now = allocated("task=short");
            assert!(now[0] >= last[0] && now[1] >= last[1], "{last:?}, then {now:?}");
            last = now;
            reads += 1;
        }
        is_over.store(true, Relaxed);
        let blocks = worker.join().expect("no panic");
        assert_eq!(allocated("task=short"), [64 * blocks, blocks]);
    }

    /// Whichever thread polls it, and whatever it polls between.
    fn a_task_is_under_its_label_over_its_awaits_and_its_neighbours_are_not() {
        let runtime = workers();
        runtime.block_on(async {
            let mut tasks = Vec::new();
            for number in 0..64 {
                let tenant = if number % 2 == 0 { "even" } else { "odd" };
                tasks.push(tokio::spawn(Label::new("tenant", tenant).around(async move {
                    for _ in 0..50 {
                        tokio::task::yield_now().await;
                        drop(allocate(1, if number % 2 == 0 { 1_000 } else { 3_000 }));
                        assert_eq!(Labels::here(), Label::new("tenant", tenant).within(Labels::here));
                    }
                })));
                tasks.push(tokio::spawn(async {
                    for _ in 0..50 {
                        tokio::task::yield_now().await;
                        drop(allocate(1, 9_000));
                        assert_eq!(Labels::here(), Labels::default());
                    }
                }));
            }
            for task in tasks {
                task.await.expect("no panic");
            }
        });
        drop(runtime);
        // 32 tasks of 50 turns, the list of one and its block.
        for (labels, bytes) in [("tenant=even", 1_016), ("tenant=odd", 3_016)] {
            let [all, blocks] = allocated(labels);
            let least = 32 * 50 * bytes;
            // The runtime wakes a task under its label, and may allocate for that.
            assert!(all >= least && all < least + least / 10, "{labels}: {all} of {least}");
            assert!(blocks >= 2 * 32 * 50, "{labels}: {blocks}");
        }
    }

    fn what_is_spawned_is_under_the_label_only_where_it_is_told() {
        Label::new("tenant", "acme").within(|| {
            thread::spawn(|| drop(allocate(10, 1_000))).join().expect("no panic");
            let before = allocated("tenant=acme")[0];
            let labels = Labels::here();
            let told = thread::spawn(move || labels.within(|| drop(allocate(10, 1_000))));
            told.join().expect("no panic");
            let more = allocated("tenant=acme")[0] - before;
            assert!((10_160..20_000).contains(&more), "{more}");
            assert!(before < 10_000, "{before}");
        });
    }

    /// The hard part: a free knows nothing of labels, and may be anybody's.
    fn what_is_freed_elsewhere_goes_from_the_label_that_allocated_it() {
        const BYTES: usize = 500 * 10_000;
        sample_finely();
        let runtime = workers();
        let kept: Vec<_> = ["a", "b"]
            .into_iter()
            .map(|tenant| {
                let allocates = Label::new("tenant", tenant).around(async {
                    tokio::task::yield_now().await;
                    allocate(500, 10_000)
                });
                runtime.block_on(runtime.spawn(allocates)).expect("no panic")
            })
            .collect();
        let live = |tenant: &str| rows()[&format!("tenant={tenant}")].live_bytes;
        is_about(live("a"), BYTES);
        is_about(live("b"), BYTES);
        let [of_a, of_b] = <[_; 2]>::try_from(kept).expect("two");
        // Half of the one under no label on another thread, the other half under the other's label.
        let mut of_a = of_a;
        let half = of_a.split_off(250);
        thread::spawn(move || drop(half)).join().expect("no panic");
        is_about(live("a"), BYTES / 2);
        Label::new("tenant", "b").within(|| drop(of_a));
        is_about(live("b"), BYTES);
        assert!(live("a") < 20 * KIB as u64, "{}", live("a"));
        drop(of_b);
        assert!(live("b") < 20 * KIB as u64, "{}", live("b"));
        let allocated = rows()["tenant=a"].allocated_bytes;
        assert!(allocated >= BYTES as u64, "what was allocated stays: {allocated}");
    }

    fn a_block_that_grows_elsewhere_is_whose_it_is_then() {
        sample_finely();
        let mut block = Label::new("tenant", "a").within(|| vec![0_u8; 1 << 20]);
        is_about(rows()["tenant=a"].live_bytes, 1 << 20);
        Label::new("tenant", "b").within(|| block.reserve_exact(3 << 20));
        let rows = rows();
        assert_eq!(rows["tenant=a"].live_bytes, 0);
        is_about(rows["tenant=b"].live_bytes, block.capacity());
    }

    fn a_panic_leaves_the_thread_as_it_was() {
        let outer = Label::new("route", "/");
        outer.within(|| {
            let here = Labels::here();
            let panics = || Label::new("tenant", "acme").within(|| panic!("as meant"));
            catch_unwind(AssertUnwindSafe(panics)).expect_err("it panics");
            assert_eq!(Labels::here(), here);
        });
        assert_eq!(Labels::here(), Labels::default());
        // In a task, on a worker that goes on.
        let runtime = Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
        let label = Label::new("route", "/panics");
        let task = label.around(async {
            tokio::task::yield_now().await;
            panic!("as meant")
        });
        let ended: Result<(), _> = runtime.block_on(runtime.spawn(task));
        ended.expect_err("it panics");
        let here = runtime.block_on(runtime.spawn(async { Labels::here() }));
        assert_eq!(here.expect("no panic"), Labels::default());
    }

    fn a_label_in_a_label_counts_for_both_or_for_the_inner_one() {
        let (route, a, b) = (Label::new("route", "/"), Label::new("tenant", "a"), Label::new("tenant", "b"));
        route.within(|| {
            drop(allocate(1, 100));
            a.within(|| {
                drop(allocate(1, 1_000));
                b.within(|| drop(allocate(1, 10_000)));
                drop(allocate(1, 1_000));
            });
            drop(allocate(1, 100));
        });
        let bytes: BTreeMap<String, u64> = rows().into_iter().map(|(of, row)| (of, row.allocated_bytes)).collect();
        // The list of one has 16 bytes.
        let expected = [("route=/", 232), ("route=/ tenant=a", 2_032), ("route=/ tenant=b", 10_016)];
        assert_eq!(bytes, expected.map(|(of, bytes)| (of.to_owned(), bytes)).into());
    }

    /// Names that users choose.
    fn thousands_of_labels_are_no_more_memory_than_some() {
        let of_tenant = |number: usize| Label::new("tenant", format!("tenant-{number}"));
        let mut lists = Vec::new();
        for number in 0..64 {
            lists.push(of_tenant(number).within(|| allocate(1, 1_000)));
        }
        let before = (allocator::stats(), rows().len());
        for number in 64..50_000 {
            of_tenant(number).within(|| drop(allocate(1, 1_000)));
        }
        let after = allocator::stats();
        assert_eq!(after.lost.labels, 50_000 - 64);
        assert_eq!(rows().len(), before.1 + 1);
        assert_eq!(allocated("tenant=other"), [(50_000 - 64) * 1_016, 2 * (50_000 - 64)]);
        assert_eq!(allocated("tenant=tenant-63"), [1_016, 2], "those that came first go on");
        let more = after.live_bytes.abs_diff(before.0.live_bytes);
        assert!(more < 10_000 && after.instrument_bytes - before.0.instrument_bytes < 1 << 20, "{more}");
        assert_eq!(Label::new("tenant", "other"), of_tenant(49_999));
        assert_eq!(Label::new("tenant", "x".repeat(200)), of_tenant(77));
    }

    fn a_key_that_prometheus_does_not_take_is_refused_in_words() {
        for key in ["", "my route", "__name__", "1st"] {
            let refused = catch_unwind(|| Label::new(key, "value")).expect_err("it can't be one");
            let text = refused.downcast_ref::<String>().expect("text");
            assert!(text.contains(&format!("{key:?} can't be a label's key")), "{text}");
        }
    }

    /// Go's own tool lists what our samples carry, and filters by it.
    fn go_lists_the_labels_and_shows_the_part_of_one() {
        sample_finely();
        let route = Label::new("route", "/apex \"quoted\"");
        let kept = route.within(|| Label::new("tenant", "acme").within(|| allocate(100, 10_000)));
        let other = Label::new("tenant", "umbrella").within(|| allocate(300, 10_000));
        let unlabelled = allocate(600, 10_000);
        let profile = allocator::profile().expect("it was sampled");
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a writable target");
        let path = folder.path().join("heap.pb.gz");
        profile.write(&path).expect("a writable target");
        let again = Profile::read(&path).expect("our own");
        assert_eq!(again.to_bytes(), profile.to_bytes());
        let pprof = |arguments: &[&str]| {
            let mut command = Command::new("go");
            command.args(["tool", "pprof", "-sample_index=inuse_space"]).args(arguments).arg(&path);
            let output = command.stdin(Stdio::null()).current_dir(folder.path()).output().ok()?;
            Some(String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let Some(tags) = pprof(&["-tags", "-unit=kB"]) else {
            assert!(std::env::var_os("CI").is_none(), "go isn't installed");
            eprintln!("not compared: go isn't installed");
            return;
        };
        for told in ["route:", "/apex \"quoted\"", "tenant:", "acme", "umbrella"] {
            assert!(tags.contains(told), "{told}: {tags}");
        }
        let total = |arguments: &[&str]| {
            // What the harness holds may have been sampled before, at half a mebibyte.
            let ours = ["-top", "-unit=B", "-focus=labels::allocate"];
            let top = pprof(&[&ours, arguments].concat()).expect("it is there");
            let line = top.lines().find(|line| line.starts_with("Showing nodes")).unwrap_or_else(|| panic!("{top}"));
            let figure = line.split_whitespace().nth(4).and_then(|bytes| bytes.strip_suffix("B,"));
            figure.and_then(|bytes| bytes.parse().ok()).unwrap_or_else(|| panic!("{line}"))
        };
        is_about(total(&["-tagfocus=tenant=acme"]), 100 * 10_000);
        is_about(total(&["-tagfocus=tenant=umbrella"]), 300 * 10_000);
        is_about(total(&["-tagfocus=route=/apex"]), 100 * 10_000);
        is_about(total(&["-tagignore=tenant=."]), 600 * 10_000);
        drop((kept, other, unlabelled));
    }
}
