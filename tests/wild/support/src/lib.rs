//! What every case of the corpus shares.
//!
//! A case is a program with one workload, as the report's author had it, and perhaps a second one, as it should have been used.
//! [`case!`] makes the program's `main` of them. Which instrument that `main` is for is decided when it is built: a program has one
//! global allocator.
//!
//! | built with | `main` is | says |
//! |---|---|---|
//! | `--features watch` | a memory test, as a service would have it | the evidence, where `DETECTORS_OUT` tells |
//! | `--features dhat` | dhat, and the plain assertion that live bytes are no more after 200 iterations | one line of JSON, and dhat's profile |
//! | neither | the witness; with `run`, the bare program for Valgrind and LeakSanitizer | one line of JSON |
//!
//! The first argument is the variant, `affected` or `twin`. A workload is a *setup* that returns its iteration.

#[cfg(all(feature = "watch", feature = "dhat"))]
compile_error!("one instrument a build: `watch` or `dhat`");

#[cfg(feature = "watch")]
pub use detectors;
#[cfg(feature = "dhat")]
pub use dhat;

#[cfg(feature = "dhat")]
pub mod by_dhat;
#[cfg(not(any(feature = "watch", feature = "dhat")))]
pub mod witness;

/// A watch as a service's test has it, but for its deadline: a case isn't optimised, and may run on a machine that does other things.
/// Whoever runs the case waits for four minutes.
#[cfg(feature = "watch")]
pub fn watch(name: &str) -> detectors::Watch {
    detectors::Watch::new(name).deadline(std::time::Duration::from_secs(220))
}

/// The program's `main`: `case!(affected)` where a fixed version is the twin, `case!(affected, mended)` where a mended use is.
/// `case!(async affected, ..)` for workloads on tokio.
#[cfg(feature = "watch")]
#[macro_export]
macro_rules! case {
    ($($how:tt)+) => {
        #[global_allocator]
        static ALLOCATOR: $crate::detectors::ProfilingAllocator = $crate::detectors::ProfilingAllocator::system();

        $crate::detectors::foreign_memory!();

        $crate::watch_tests!($($how)+);
    };
}

#[cfg(feature = "watch")]
#[doc(hidden)]
#[macro_export]
macro_rules! watch_tests {
    (async $affected:path) => {
        $crate::detectors::tests! {
            #[deadline(seconds = 235)]
            fn the_case() { $crate::watch("affected").run_async($affected); }
        }
    };
    (async $affected:path, $mended:path) => {
        $crate::detectors::tests! {
            #[deadline(seconds = 235)]
            fn the_case() { $crate::watch("affected").run_async($affected); }
            #[deadline(seconds = 235)]
            fn the_twin() { $crate::watch("twin").run_async($mended); }
        }
    };
    ($affected:path) => {
        $crate::detectors::tests! {
            #[deadline(seconds = 235)]
            fn the_case() { $crate::watch("affected").run($affected); }
        }
    };
    ($affected:path, $mended:path) => {
        $crate::detectors::tests! {
            #[deadline(seconds = 235)]
            fn the_case() { $crate::watch("affected").run($affected); }
            #[deadline(seconds = 235)]
            fn the_twin() { $crate::watch("twin").run($mended); }
        }
    };
}

/// The program's `main`, for the instrument that this build is for.
#[cfg(not(feature = "watch"))]
#[macro_export]
macro_rules! case {
    (async $affected:path) => {
        $crate::program!($crate::blocking($affected), $crate::blocking($affected));
    };
    (async $affected:path, $mended:path) => {
        $crate::program!($crate::blocking($affected), $crate::blocking($mended));
    };
    ($affected:path) => {
        $crate::program!($affected, $affected);
    };
    ($affected:path, $mended:path) => {
        $crate::program!($affected, $mended);
    };
}

#[cfg(feature = "dhat")]
#[doc(hidden)]
#[macro_export]
macro_rules! program {
    ($affected:expr, $mended:expr) => {
        #[global_allocator]
        static ALLOCATOR: $crate::dhat::Alloc = $crate::dhat::Alloc;

        fn main() {
            if $crate::is_twin() {
                $crate::by_dhat::run($mended)
            } else {
                $crate::by_dhat::run($affected)
            }
        }
    };
}

#[cfg(not(any(feature = "watch", feature = "dhat")))]
#[doc(hidden)]
#[macro_export]
macro_rules! program {
    ($affected:expr, $mended:expr) => {
        #[global_allocator]
        static ALLOCATOR: $crate::witness::Counting = $crate::witness::Counting;

        fn main() {
            if $crate::is_twin() {
                $crate::witness::run($mended)
            } else {
                $crate::witness::run($affected)
            }
        }
    };
}

/// Whether the first argument asks for the twin.
pub fn is_twin() -> bool {
    std::env::args().nth(1).as_deref() == Some("twin")
}

/// An async workload on a runtime of its own, as a plain one.
#[cfg(feature = "tokio")]
pub fn blocking<S, W>(setup: S) -> impl Fn() -> Box<dyn FnMut()>
where
    S: AsyncFn() -> W,
    W: AsyncFnMut() + 'static,
{
    move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("the system has room for a runtime");
        let mut iteration = runtime.block_on(setup());
        Box::new(move || runtime.block_on(iteration()))
    }
}
