//! Who holds the blocks that grow: each holder is found, the class that follows is right or none, and a thread that frees
//! meanwhile does no harm.

use detectors::{Class, Evidence, Kept, Root, Verdict, Watch};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, LinkedList, VecDeque};
use std::hint::black_box;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, RwLock};

/// Short: 256 iterations.
fn watch(name: &str) -> Watch {
    Watch::new(name).warm_up(8)
}

/// The right word each time: twice, or as often as `DETECTORS_REPETITIONS` says. The right class the first time; later ones read
/// memory in which the earlier ones have left their pointers, so they may have none, and never another.
#[track_caller]
fn each_time(class: Option<Class>, run: impl Fn() -> Evidence) -> Evidence {
    let check = |evidence: Evidence, is_first: bool| {
        assert_eq!(evidence.verdict, Verdict::Leak, "{}", evidence.because);
        let is_right = evidence.class == class || !is_first && evidence.class.is_none();
        assert!(is_right, "{:?}: {:?}", evidence.class, evidence.holders);
        evidence
    };
    let first = check(run(), true);
    for _ in 1..repetitions() {
        check(run(), false);
    }
    first
}

fn repetitions() -> u32 {
    let told = std::env::var("DETECTORS_REPETITIONS").ok();
    told.map_or(2, |text| {
        text.parse().expect("DETECTORS_REPETITIONS is a number")
    })
}

fn root(evidence: &Evidence) -> &Root {
    let (root, share) = evidence.holders[0].mostly().expect("blocks");
    assert!(share > 0.9, "{}", evidence.holders_list());
    root
}

fn fresh_key() -> String {
    static KEYS: AtomicU64 = AtomicU64::new(0);
    format!("key-{:012}", KEYS.fetch_add(1, Ordering::Relaxed))
}

static SEEN: LazyLock<Mutex<HashMap<String, [u8; 40]>>> = LazyLock::new(Mutex::default);
static TREE: OnceLock<RwLock<BTreeMap<String, Box<[u8; 64]>>>> = OnceLock::new();

struct Node {
    _payload: [u8; 100],
    other: RefCell<Option<Rc<Node>>>,
    /// Hangs on the cycle and is no part of it.
    _tree: Vec<Vec<u8>>,
}

fn node() -> Rc<Node> {
    Rc::new(Node {
        _payload: [0; 100],
        other: RefCell::new(None),
        _tree: (0..3).map(|_| black_box(vec![0; 200])).collect(),
    })
}

thread_local! {
    static OF_THREAD: RefCell<HashMap<String, [u8; 40]>> = RefCell::default();
}

/// Has something to clean up.
struct Guard {
    _scratch: Vec<u8>,
}

#[expect(clippy::mem_forget, reason = "the fault that is to be found")]
fn forget(guard: Guard) {
    std::mem::forget(guard);
}

#[derive(Default)]
struct Parent {
    children: Mutex<Vec<Arc<Child>>>,
}

struct Child {
    _parent: Arc<Parent>,
    _payload: [u8; 100],
}

/// Frees and allocates for as long as this value lives.
struct Busy {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Busy {
    fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut held: VecDeque<Vec<u8>> = VecDeque::with_capacity(64);
            let mut size = 1_usize;
            while !stopped.load(Ordering::Relaxed) {
                size = size.wrapping_mul(25_214_903_917) % 300_000 + 1;
                if held.len() == 64 {
                    held.pop_front();
                }
                held.push_back(black_box(vec![0; size]));
                std::thread::yield_now();
            }
        });
        Busy {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("it ends when told to");
        }
    }
}

/// A mapping that belongs to a test for as long as its process lives, and starts as zeros.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
struct Mapped {
    start: *mut usize,
    bytes: usize,
}

/// Larger than this machine's memory, as a database may be.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
const LARGE_BYTES: usize = 64 << 30;

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
impl Mapped {
    fn new(bytes: usize, flags: i32, file: Option<&std::fs::File>) -> Self {
        use std::os::fd::AsRawFd;
        let descriptor = file.map_or(-1, AsRawFd::as_raw_fd);
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = flags | libc::MAP_NORESERVE;
        // SAFETY: asks for memory at an address that the kernel chooses.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                bytes,
                protection,
                flags,
                descriptor,
                0,
            )
        };
        assert_ne!(
            start,
            libc::MAP_FAILED,
            "{}",
            std::io::Error::last_os_error()
        );
        Mapped {
            start: start.cast(),
            bytes,
        }
    }

    /// Keeps the block's address there alone, so many words behind the middle.
    fn keep(&self, index: usize, block: Box<[u8; 100]>) {
        let at = self.bytes / size_of::<usize>() / 2 + index;
        let block = Box::into_raw(black_box(block)).expose_provenance();
        // SAFETY: the mapping can be written to, is never unmapped, and has far more than so many words behind its middle.
        unsafe { self.start.add(at).write_volatile(block) };
    }

    /// How much of it is in RAM, in KiB.
    fn resident(&self) -> u64 {
        let maps = std::fs::read_to_string("/proc/self/smaps").expect("Linux tells");
        let start = format!("{:x}-", self.start.addr());
        let mut lines = maps.lines().skip_while(|line| !line.starts_with(&start));
        let line = lines
            .find_map(|line| line.strip_prefix("Rss:"))
            .expect("the mapping is there");
        let figure = line.trim().trim_end_matches(" kB").parse();
        figure.expect("a figure")
    }
}

/// A watch in whose iterations a block is kept in the mapping, and nowhere else.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn kept_in(mapped: &Mapped) -> Evidence {
    let blocks = std::cell::Cell::new(0);
    watch("kept in a mapping").run(|| {
        || {
            mapped.keep(blocks.get(), Box::new([0; 100]));
            blocks.set(blocks.get() + 1);
        }
    })
}

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod mapped {
    use super::{LARGE_BYTES, Mapped, kept_in, root, watch};
    use detectors::{Class, Evidence, Root, Verdict};
    use std::fs::File;
    use std::hint::black_box;
    use std::os::fd::FromRawFd;

    fn file() -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR"))
            .expect("a writable target");
        file.as_file()
            .set_len(LARGE_BYTES as u64)
            .expect("a sparse file");
        file
    }

    fn left_out(evidence: &Evidence) -> Vec<&str> {
        let why = evidence
            .not_read
            .iter()
            .map(|not_read| not_read.why.as_str());
        why.filter(|why| why.starts_with("who holds them"))
            .collect()
    }

    pub(super) fn a_database_is_left_out() {
        let database = file();
        let mapped = Mapped::new(LARGE_BYTES, libc::MAP_SHARED, Some(database.as_file()));
        let evidence = watch("beside a database").run(|| {
            || {
                black_box(Box::leak(Box::new(black_box([0_u8; 100]))));
            }
        });
        assert_eq!(mapped.resident(), 0, "it was read");
        assert_eq!(
            evidence.class,
            Some(Class::LostPointers),
            "{}",
            evidence.because
        );
        assert_eq!(root(&evidence), &Root::Nothing);
        let path = database.path().display();
        assert_eq!(
            left_out(&evidence),
            [format!(
                "who holds them: a shared mapping of {path} was left out, 68,719,476,736 bytes; \
             a pointer into the heap means nothing in what outlives the process"
            )]
        );
    }

    /// What the process keeps for itself is read however large it is, as far as it was written to.
    pub(super) fn what_is_kept_in_a_page_is_held() {
        let file = file();
        // SAFETY: a name that ends with a zero, and a descriptor that nobody else has.
        let memory = unsafe { File::from_raw_fd(libc::memfd_create(c"kept".as_ptr(), 0)) };
        memory.set_len(LARGE_BYTES as u64).expect("sparse memory");
        for (what, mapped) in [
            (
                "addresses kept for later",
                Mapped::new(LARGE_BYTES, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, None),
            ),
            (
                "a private mapping of a file",
                Mapped::new(LARGE_BYTES, libc::MAP_PRIVATE, Some(file.as_file())),
            ),
            (
                "shared memory",
                Mapped::new(LARGE_BYTES, libc::MAP_SHARED, Some(&memory)),
            ),
        ] {
            let evidence = kept_in(&mapped);
            assert_eq!(
                evidence.verdict,
                Verdict::Leak,
                "{what}: {}",
                evidence.because
            );
            assert_eq!(root(&evidence), &Root::Elsewhere, "{what}");
            assert_eq!(left_out(&evidence), [""; 0], "{what}");
            // A few pages of words, for which the kernel may have given huge ones.
            assert!(
                mapped.resident() < 64 << 10,
                "{what}: {} KiB",
                mapped.resident()
            );
        }
    }
}

detectors::tests! {
    fn a_mapped_database_is_left_out_and_that_is_said() {
        #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
        mapped::a_database_is_left_out();
    }

    fn what_is_kept_in_a_page_of_a_large_mapping_is_held() {
        #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
        mapped::what_is_kept_in_a_page_is_held();
    }

    fn a_leaked_box_is_held_by_nothing() {
        let evidence = each_time(Some(Class::LostPointers), || watch("leaked boxes").run(|| || {
            black_box(Box::leak(Box::new(black_box([0_u8; 100]))));
        }));
        assert_eq!(root(&evidence), &Root::Nothing);
    }

    fn what_a_lost_block_owned_is_lost_with_it() {
        each_time(Some(Class::LostPointers), || watch("lost lists").run(|| || {
            let list: Vec<Vec<u8>> = (0..2).map(|_| black_box(vec![0; 300])).collect();
            black_box(Box::into_raw(Box::new(list)));
        }));
    }

    fn a_cycle_holds_itself_and_what_hangs_on_it() {
        let evidence = each_time(Some(Class::ReferenceCycles), || watch("cycles").run(|| || {
            let (parent, child) = (node(), node());
            *parent.other.borrow_mut() = Some(Rc::clone(&child));
            *child.other.borrow_mut() = Some(parent);
        }));
        assert_eq!(root(&evidence), &Root::Cycle);
    }

    fn a_node_that_holds_itself_is_a_cycle() {
        each_time(Some(Class::ReferenceCycles), || watch("self-holders").run(|| || {
            let node = node();
            *node.other.borrow_mut() = Some(Rc::clone(&node));
        }));
    }

    fn a_static_is_named() {
        let evidence = each_time(Some(Class::GlobalCaches), || watch("a static map").run(|| || {
            SEEN.lock().expect("nobody panics").insert(fresh_key(), [0; 40]);
        }));
        assert_eq!(root(&evidence), &Root::Static("instruments::holders::SEEN".to_owned()));
        let evidence = each_time(Some(Class::GlobalCaches), || watch("a static tree").run(|| || {
            let tree = TREE.get_or_init(RwLock::default);
            tree.write().expect("nobody panics").insert(fresh_key(), Box::new([0; 64]));
        }));
        assert_eq!(root(&evidence), &Root::Static("instruments::holders::TREE".to_owned()));
    }

    fn a_queue_is_told_by_who_made_it() {
        each_time(Some(Class::UnboundedQueues), || watch("std's channel").run(|| {
            let (sender, receiver) = std::sync::mpsc::channel();
            move || {
                sender.send(Box::new(black_box([0_u8; 64]))).expect("the receiver lives");
                black_box(&receiver);
            }
        }));
        each_time(Some(Class::UnboundedQueues), || watch("tokio's channel").run_async(async || {
            let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
            async move || {
                sender.send(Box::new(black_box([0_u8; 64]))).expect("the receiver lives");
                black_box(&receiver);
            }
        }));
    }

    fn a_forgotten_guard_is_held_by_nothing() {
        let evidence = each_time(Some(Class::LostPointers), || watch("forgotten guards").run(|| || {
            forget(Guard { _scratch: black_box(vec![0; 200]) });
        }));
        assert_eq!(root(&evidence), &Root::Nothing);
    }

    fn a_cycle_of_arcs_behind_locks_is_a_cycle() {
        let evidence = each_time(Some(Class::ReferenceCycles), || watch("parents and children").run(|| || {
            let parent = Arc::new(Parent::default());
            let child = Arc::new(Child { _parent: Arc::clone(&parent), _payload: [0; 100] });
            parent.children.lock().expect("nobody panics").push(child);
        }));
        assert_eq!(root(&evidence), &Root::Cycle);
    }

    /// Their twins drop what the faults keep.
    fn the_fixed_twins_are_silent() {
        watch("guards that are dropped").run(|| || {
            drop(Guard { _scratch: black_box(vec![0; 200]) });
        }).assert_steady();
        watch("children that don't own").run(|| || {
            let parent = Arc::new(Parent::default());
            let child = Arc::new(Child { _parent: Arc::default(), _payload: [0; 100] });
            parent.children.lock().expect("nobody panics").push(child);
        }).assert_steady();
        watch("vectors that are shrunk").run(|| || {
            drop(black_box(Vec::<u64>::with_capacity(1_000)));
        }).assert_steady();
    }

    fn a_map_of_a_thread_is_the_threads() {
        let evidence = each_time(Some(Class::GlobalCaches), || watch("a thread's map").run(|| || {
            OF_THREAD.with_borrow_mut(|map| map.insert(fresh_key(), [0; 40]));
        }));
        assert_eq!(root(&evidence), &Root::Thread);
    }

    fn a_linked_list_is_followed_to_its_end() {
        let evidence = each_time(None, || watch("a linked list").run(|| {
            let mut list = LinkedList::new();
            move || list.push_back(black_box([0_u8; 64]))
        }));
        assert_eq!(root(&evidence), &Root::Thread);
    }

    fn room_that_nobody_uses_is_seen() {
        let evidence = each_time(Some(Class::RetainedCapacity), || watch("spare room").run(|| {
            let mut kept = Vec::with_capacity(1_000);
            move || {
                let mut large: Vec<u64> = Vec::with_capacity(1_000);
                large.extend([1, 2, 3]);
                kept.push(black_box(large));
                Kept::bytes(48 * kept.len())
            }
        }));
        assert!(2 * evidence.holders[0].unused > evidence.holders[0].blocks, "{:?}", evidence.holders);
        each_time(Some(Class::RetainedCapacity), || watch("emptied maps").run(|| {
            let mut kept = Vec::with_capacity(1_000);
            move || {
                let mut map: HashMap<u64, [u64; 4]> = (0..100).map(|key| (key, [key; 4])).collect();
                map.clear();
                kept.push(black_box(map));
                Kept::bytes(48 * kept.len())
            }
        }));
    }

    fn a_list_in_a_local_is_no_queue_and_no_class() {
        let evidence = each_time(None, || watch("a list").run(|| {
            let mut list = VecDeque::new();
            move || list.push_back(Box::new(black_box([0_u8; 64])))
        }));
        assert_eq!(root(&evidence), &Root::Thread);
    }

    fn a_list_that_was_there_before_the_watch_is_no_lost_pointer() {
        let list = RefCell::new(Vec::with_capacity(10_000));
        let evidence = each_time(None, || watch("an older list").run(|| || {
            list.borrow_mut().push(Box::new(black_box([0_u8; 64])));
        }));
        let root = root(&evidence);
        assert!(matches!(root, Root::Elsewhere | Root::Thread), "{root}");
    }

    fn a_thread_that_frees_meanwhile_does_no_harm() {
        let _busy = Busy::start();
        for _ in 0..5 * repetitions() {
            let evidence = watch("beside a busy thread").run(|| || {
                SEEN.lock().expect("nobody panics").insert(fresh_key(), [0; 40]);
            });
            if evidence.verdict == Verdict::Leak {
                assert!(matches!(evidence.class, None | Some(Class::GlobalCaches)), "{}", evidence.holders_list());
            }
        }
    }
}
