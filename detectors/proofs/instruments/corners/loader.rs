//! Another thread loads a library, or lists those that are loaded: the loader holds its locks, and what needs one waits.

use super::fork;
use detectors::allocator::{profile, set_sampling_interval};
use std::fs::{File, OpenOptions};
use std::hint::black_box;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{JoinHandle, spawn, yield_now};

/// Both of the C library's locks, held for as long as this lives.
struct Loading {
    /// A library that is being loaded is read from here; until there is something to read, or nobody to write, the loader waits.
    library: Option<File>,
    /// The callback that lists the loaded libraries returns once this is gone.
    listing: Option<Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

struct Listing {
    has_begun: Sender<()>,
    ends: Receiver<()>,
}

impl Loading {
    fn begin() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a writable target");
        let path = folder.path().join("library.so");
        let name = std::ffi::CString::new(path.as_os_str().as_bytes()).expect("a path");
        // SAFETY: a name that ends with a zero.
        let made = unsafe { libc::mkfifo(name.as_ptr(), 0o600) };
        assert_eq!(made, 0, "{}", std::io::Error::last_os_error());

        let (has_begun, begun) = channel();
        let (listing, ends) = channel();
        let lists = spawn(move || {
            let mut listing = Listing { has_begun, ends };
            // SAFETY: the callback takes its last argument for such a value, which outlives the call.
            unsafe { libc::dl_iterate_phdr(Some(wait), (&raw mut listing).cast()) };
        });
        begun.recv().expect("a library is loaded: this program");

        let loads = spawn(move || {
            // SAFETY: what it reads is no library, so nothing of it runs.
            let loaded = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW) };
            assert!(loaded.is_null(), "a pipe is no library");
        });
        // Refused until somebody opens the other end: the loader, which has taken its lock before.
        let library = loop {
            let pipe = OpenOptions::new()
                .write(true)
                .custom_flags(libc::O_NONBLOCK)
                .open(&path);
            match pipe {
                Ok(pipe) => break pipe,
                Err(error) if error.raw_os_error() == Some(libc::ENXIO) => yield_now(),
                Err(error) => panic!("{error}"),
            }
        };
        Loading {
            library: Some(library),
            listing: Some(listing),
            threads: vec![lists, loads],
        }
    }
}

unsafe extern "C" fn wait(
    _library: *mut libc::dl_phdr_info,
    _size: libc::size_t,
    listing: *mut libc::c_void,
) -> libc::c_int {
    // SAFETY: what `begin` handed over.
    let listing = unsafe { &*listing.cast::<Listing>() };
    let _ = listing.has_begun.send(());
    // An error: its other end has gone.
    let _ = listing.ends.recv();
    1
}

impl Drop for Loading {
    fn drop(&mut self) {
        self.library = None;
        self.listing = None;
        for thread in self.threads.drain(..) {
            thread.join().expect("it ends by itself");
        }
    }
}

/// Makes a block of which a sample is taken.
#[inline(never)]
fn sampled() -> Box<[u8; 500]> {
    black_box(Box::new([1; 500]))
}

/// From here on, of each block. A thread follows within so many bytes, and a block that is larger is seen at once.
fn sample_each() {
    set_sampling_interval(Some(1));
    drop(black_box(vec![0_u8; 64 << 10]));
}

/// How many live blocks of [`sampled`] the profile knows.
fn known() -> usize {
    let profile = profile().expect("something was sampled");
    let top = profile.top(Some("inuse_objects"));
    let top = top.expect("heap profiles have that type");
    let mut rows = top.rows.iter();
    let row = rows.find(|row| row.function.contains("loader::sampled"));
    row.map_or(0, |row| {
        usize::try_from(row.cum).expect("as many as are live")
    })
}

pub(crate) fn by_frame_pointer() {
    const BLOCKS: usize = 100;
    sample_each();
    // The thread has a slot, and from here on the bounds of its stack are known.
    let mut kept = Vec::with_capacity(BLOCKS + 1);
    kept.push(sampled());
    let loading = Loading::begin();
    kept.extend((0..BLOCKS).map(|_| sampled()));
    let child_ends = fork::ends(|| {
        let kept: Vec<Box<[u8; 500]>> = (0..BLOCKS).map(|_| sampled()).collect();
        kept.len() == BLOCKS
    });
    drop(loading);
    assert!(child_ends, "a forked child hung");
    assert_eq!(known(), kept.len());
}

/// What the handler has allocated.
static BY_HANDLER: AtomicPtr<[u8; 500]> = AtomicPtr::new(std::ptr::null_mut());

extern "C" fn handler(_signal: libc::c_int) {
    BY_HANDLER.store(Box::into_raw(sampled()), Relaxed);
}

/// A signal's handler has a stack of its own, as a coroutine has. It runs where the signal is raised, and interrupts nothing.
fn sampled_on_another_stack() -> Box<[u8; 500]> {
    // SAFETY: a signal that this thread sends itself.
    assert_eq!(unsafe { libc::raise(libc::SIGUSR1) }, 0);
    // SAFETY: the handler has run, and made it of a box.
    unsafe { Box::from_raw(BY_HANDLER.load(Relaxed)) }
}

pub(crate) fn by_unwinder() {
    // SAFETY: a name that ends with a zero.
    let lock_free = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"_dl_find_object".as_ptr()) };
    if lock_free.is_null() {
        eprintln!("this C library is older than 2.35: its unwinder waits for the loader");
        return;
    }
    sample_each();
    let mut stack = vec![0_u8; 256 << 10];
    let on = libc::stack_t {
        ss_sp: stack.as_mut_ptr().cast(),
        ss_flags: 0,
        ss_size: stack.len(),
    };
    // SAFETY: the stack outlives all that runs on it, and the handler is of that form.
    unsafe {
        assert_eq!(libc::sigaltstack(&raw const on, std::ptr::null_mut()), 0);
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as extern "C" fn(libc::c_int) as usize;
        action.sa_flags = libc::SA_ONSTACK;
        assert_eq!(
            libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()),
            0
        );
    }
    let mut kept = Vec::with_capacity(10);
    let loading = Loading::begin();
    kept.extend((0..10).map(|_| sampled_on_another_stack()));
    let child_ends = fork::ends(|| sampled_on_another_stack()[0] == 1);
    drop(loading);
    assert!(child_ends, "a forked child hung");
    assert_eq!(known(), kept.len());
}
