//! Before main, at a thread's end, where panics abort, without memory.

use detectors::Scope;
use detectors::allocator::stats;
use detectors::heap::Detail;
use std::hint::black_box;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering::Relaxed;

/// What was allocated before main.
static EARLY: AtomicPtr<[u8; 12_345]> = AtomicPtr::new(std::ptr::null_mut());

extern "C" fn early() {
    EARLY.store(Box::into_raw(Box::new([7; 12_345])), Relaxed);
}

// SAFETY: the section holds functions that the loader calls before main, with arguments that this one ignores.
#[used]
#[cfg_attr(target_os = "linux", unsafe(link_section = ".init_array"))]
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
static BEFORE_MAIN: extern "C" fn() = early;

pub(crate) fn before_main() {
    let early = EARLY.load(Relaxed);
    assert!(!early.is_null(), "it ran");
    let before = stats();
    assert!(before.live_bytes >= 12_345);
    // SAFETY: from `Box::into_raw`, and only here.
    drop(unsafe { Box::from_raw(early) });
    let after = stats();
    assert_eq!(before.live_bytes - after.live_bytes, 12_345);
    assert_eq!(before.live_blocks - after.live_blocks, 1);
}

thread_local! {
    static FIRST: Last = const { Last };
    static SECOND: Last = const { Last };
}

/// Allocates when its thread ends.
struct Last;

impl Drop for Last {
    fn drop(&mut self) {
        allocate_and_leave_one();
        // Registered only now, while the thread's variables are being destroyed.
        let _ = SECOND.try_with(|_| ());
    }
}

/// A block of its own.
type Left = Box<[u8; 77]>;

/// What threads leave behind, for the main thread to free.
static LEFT: std::sync::Mutex<Vec<Left>> = std::sync::Mutex::new(Vec::new());

/// Blocks and bytes that one call allocates.
const CALL: (u64, u64) = (3, 77 + 1_000 + 2_000);

fn allocate_and_leave_one() {
    let mut grown: Vec<u8> = Vec::with_capacity(1_000);
    grown.reserve_exact(2_000);
    drop(black_box(grown));
    LEFT.lock()
        .expect("no thread panics")
        .push(black_box(Box::new([1; 77])));
}

/// Called by the C library after the thread's Rust variables are gone, and with them our own.
unsafe extern "C" fn after_all_of_them(_value: *mut libc::c_void) {
    allocate_and_leave_one();
}

pub(crate) fn in_destructors() {
    const THREADS: u32 = 50;
    let mut key = 0;
    // SAFETY: the key is written, and the destructor takes any value.
    assert_eq!(
        unsafe { libc::pthread_key_create(&raw mut key, Some(after_all_of_them)) },
        0
    );
    LEFT.lock()
        .expect("nobody panics")
        .reserve(3 * THREADS as usize);
    let spawn = |with_destructors: bool| {
        std::thread::spawn(move || {
            if with_destructors {
                FIRST.with(|_| ());
                // SAFETY: the key was made above; any value but null has its destructor called.
                unsafe { libc::pthread_setspecific(key, std::ptr::without_provenance(1)) };
            }
        })
        .join()
        .expect("it doesn't panic");
    };
    // A process' first thread makes what later ones find.
    spawn(false);
    let start = stats();
    spawn(false);
    let plain = stats();
    assert_eq!(plain.live_bytes, start.live_bytes);
    let scope = Scope::of_process(Detail::Stacks).expect("there is no other");
    let before = stats();
    for _ in 0..THREADS {
        spawn(true);
    }
    let after = stats();
    let left = LEFT.lock().expect("nobody panics").len() as u64;
    // The first variable, the second one, and the C library's.
    assert_eq!(left, 3 * u64::from(THREADS));
    assert_eq!(after.live_blocks - before.live_blocks, left);
    assert_eq!(after.live_bytes - before.live_bytes, left * 77);
    let of_a_thread = (
        plain.total_blocks - start.total_blocks,
        plain.total_bytes - start.total_bytes,
    );
    assert_eq!(
        after.total_blocks - before.total_blocks,
        u64::from(THREADS) * of_a_thread.0 + left * CALL.0
    );
    assert_eq!(
        after.total_bytes - before.total_bytes,
        u64::from(THREADS) * of_a_thread.1 + left * CALL.1
    );
    let counted = scope.read();
    assert_eq!((counted.blocks, counted.bytes), (left, left * 77));
    assert_eq!(
        (counted.total_blocks, counted.total_bytes),
        (
            after.total_blocks - before.total_blocks,
            after.total_bytes - before.total_bytes
        )
    );
    LEFT.lock().expect("nobody panics").clear();
    assert_eq!((scope.read().blocks, scope.read().bytes), (0, 0));
    assert_eq!(stats().live_blocks, before.live_blocks);
}

/// A program that is linked with `panic = "abort"` to this very build of the library: the compiler allows that, and a build of
/// everything with the other setting would take minutes.
pub(crate) fn where_panics_abort() {
    const PROGRAM: &str = r#"
        use detectors::{Scope, allocator, heap::Detail};
        #[global_allocator]
        static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();
        fn main() {
            allocator::set_sampling_interval(Some(1_024));
            // The new rate begins with the thread's next large block.
            drop(std::hint::black_box(vec![1_u8; 100_000]));
            let scope = Scope::new(Detail::Stacks).unwrap();
            let kept = std::hint::black_box(vec![1_u8; 100_000]);
            std::panic::set_hook(Box::new(move |_| {
                let profile = allocator::profile().unwrap();
                assert!(profile.total("inuse_space").unwrap() >= 100_000);
                assert!(allocator::stats().live_bytes >= 100_000);
                println!("the hook has spoken");
            }));
            assert!(scope.read().bytes >= kept.len() as u64);
            panic!("as it must");
        }
    "#;
    let own = std::env::current_exe().expect("it runs");
    let deps = own.parent().expect("a folder");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let source = folder.path().join("aborts.rs");
    std::fs::write(&source, PROGRAM).expect("it can be written");
    let program = folder.path().join("aborts");
    let library = newest_library(deps);
    let compiled = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--edition=2024", "-Cpanic=abort", "-Cdebuginfo=1"])
        .arg("-Cforce-frame-pointers=yes")
        .arg("--extern")
        .arg(format!("detectors={}", library.display()))
        .arg("-L")
        .arg(deps)
        .arg("-o")
        .arg(&program)
        .arg(&source)
        .output()
        .expect("the compiler runs");
    assert!(
        compiled.status.success(),
        "{}",
        String::from_utf8_lossy(&compiled.stderr)
    );
    let ended = Command::new(&program).output().expect("it runs");
    let printed = String::from_utf8_lossy(&ended.stdout);
    assert_eq!(printed, "the hook has spoken\n", "{ended:?}");
    assert_eq!(ended.status.signal(), Some(libc::SIGABRT), "{ended:?}");
}

fn newest_library(deps: &Path) -> std::path::PathBuf {
    let files = std::fs::read_dir(deps).expect("it can be listed");
    let libraries = files.flatten().map(|file| file.path()).filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("libdetectors-") && name.ends_with(".rlib")
    });
    libraries
        .max_by_key(|path| path.metadata().and_then(|file| file.modified()).ok())
        .expect("the library that this test is linked with")
}

/// The process may grow by a little, and not by a scope's tables: what they can't note is told, and nothing breaks.
#[cfg(target_os = "linux")]
pub(crate) fn without_memory_for_tables() {
    const SPARE: u64 = 6 << 20;
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let size = status
        .lines()
        .find_map(|line| line.strip_prefix("VmSize:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok())
        .expect("it has a size");
    let limit = libc::rlimit {
        rlim_cur: size * 1_024 + SPARE,
        rlim_max: libc::RLIM_INFINITY,
    };
    // SAFETY: reads the value.
    assert_eq!(
        unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) },
        0
    );
    let scope = Scope::of_process(Detail::Stacks).expect("a scope itself is small");
    let before = stats();
    let mut kept: Vec<Box<[u8; 50]>> = (0..1_000).map(|_| black_box(Box::new([3; 50]))).collect();
    kept.shrink_to_fit();
    let after = stats();
    assert!(after.live_bytes - before.live_bytes >= 50_000);
    assert!(after.lost.noted_blocks >= 1_000, "{after:?}");
    assert_eq!(scope.read().blocks, 0);
    // With memory again, it counts again.
    let limit = libc::rlimit {
        rlim_cur: libc::RLIM_INFINITY,
        rlim_max: libc::RLIM_INFINITY,
    };
    // SAFETY: as above.
    assert_eq!(
        unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) },
        0
    );
    drop(kept);
    assert_eq!(scope.read().blocks, 0);
    let again = black_box(Box::new([3_u8; 50]));
    assert_eq!((scope.read().blocks, scope.read().bytes), (1, 50));
    drop(again);
}
