//! How tests are declared: the macros, each of which comes down to a [`TestFile`](super::TestFile) and a `main` that runs it.

/// Declares tests that each run in a process of their own, under the usual commands.
///
/// Put it into an integration test's file, `tests/memory.rs`, and tell cargo that the file brings its own
/// harness. In `Cargo.toml`:
///
/// ```toml
/// [[test]]
/// name = "memory"
/// harness = false
/// ```
///
/// In `tests/memory.rs`:
///
/// ```no_run
/// #[global_allocator]
/// static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();
///
/// detectors::tests! {
///     fn lookups_are_steady() {
///         detectors::Watch::new("lookups").run(|| || "a".repeat(100).len()).assert_steady();
///     }
/// }
/// ```
///
/// `cargo test`, filters, `--exact`, `--list`, `--nocapture`, `--ignored`, `--test-threads` and nextest
/// work as they do for `#[test]`. Unless told otherwise, two tests more than there are cores run at a time, since a test waits about as
/// often as it works. A test may be `async`, may return a `Result`, and may carry:
///
/// - a doc comment;
/// - `#[ignore]` or `#[ignore = "why"]`;
/// - `#[should_panic]` or `#[should_panic(expected = "text")]`: only a panic counts, not an abort or an exit;
/// - `#[deadline(seconds = 300)]`: when the child is ended, with all that it started. Without it, `DETECTORS_DEADLINE` in
///   the environment says after how many seconds; without that, 120;
/// - `#[alone]`: no other test of this file runs meanwhile, so that the two never need their memory at the same time. nextest, which
///   starts each test by itself, has test groups for that.
///
/// Any other attribute is refused when it is compiled. Without `harness = false` the file holds one test, which
/// fails and says so. A `#[test]` function beside `tests!` would never run, since only cargo's harness looks for those:
/// a test named `every_test_of_this_file_runs` then fails and names its line. It looks where the source lies at run time,
/// and only at files that `tests!` stands in.
///
/// What a test starts ends with it, passed or failed. An interrupted or killed test binary takes its tests' processes with
/// it on Linux; elsewhere, and for what those had started, the system lets them run on.
///
/// A program with many tests has them in modules: [`test_modules!`](crate::test_modules) runs those.
///
/// With `DETECTORS_OUT=DIR` in the environment, each test's evidence is kept as `DIR/TEST/report.json` and its
/// profile as `DIR/TEST/heap.pb.gz`.
#[macro_export]
macro_rules! tests {
    ($($(#[$($attribute:tt)*])* $($word:ident)+ () $(-> $result:ty)? $body:block)+) => {
        $($crate::__test_function! { [$($word)+] [$($result)?] $body })+

        #[doc(hidden)]
        #[allow(dead_code, reason = "for `test_modules!` in the program's root, where this is a module")]
        pub(crate) const __TESTS: $crate::harness::TestFile = $crate::harness::TestFile {
            tests: &[$({
                let test = $crate::__test!($($word)+);
                $(let test = $crate::__test_attribute!(test, $($attribute)*);)*
                test
            }),+],
            source: $crate::harness::SourceFile {
                path: file!(),
                package: option_env!("CARGO_MANIFEST_DIR"),
            },
        };

        #[allow(dead_code, reason = "the program's root may be another file")]
        fn main() -> ::std::process::ExitCode {
            // A refused request ends a test's process: its line is told before.
            $crate::memory::report_in_tests();
            $crate::harness::main(&__TESTS)
        }

        $crate::__needs_harness_false!();
    };
    ($($other:tt)+) => {
        $crate::__no_tests!($($other)+);
    };
}

/// Runs the tests of modules, each of which has [`tests!`](crate::tests) in its file, as one program.
///
/// A program costs its user a link and some ten megabytes, so many small ones add up. In the program's root, `tests/memory/main.rs`:
///
/// ```ignore
/// mod lookups;
/// mod uploads;
///
/// #[global_allocator]
/// static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();
///
/// detectors::test_modules! { lookups, uploads }
/// ```
///
/// A test is named after its module and itself: `lookups::they_are_steady`. The global allocator stands in the root, since a
/// program has one. `Cargo.toml` says `harness = false` for the program, as for a file with `tests!` alone.
#[macro_export]
macro_rules! test_modules {
    ($($module:ident),+ $(,)?) => {
        fn main() -> ::std::process::ExitCode {
            $crate::memory::report_in_tests();
            $crate::harness::main_of_modules(&[$((stringify!($module), &$module::__TESTS)),+])
        }

        $crate::__needs_harness_false!();
    };
}

/// [`tests!`](crate::tests) of a file that has no global allocator of its own: it gets a
/// [`ProfilingAllocator`](crate::ProfilingAllocator) around the system's, which a watch reads. It is a
/// [`Reporting`](crate::allocator::Reporting) one, so that a test whose request for memory is refused says on which line.
///
/// ```no_run
/// detectors::memory_tests! {
///     fn lookups_are_steady() {
///         detectors::Watch::new("lookups").run(|| || "a".repeat(100).len()).assert_steady();
///     }
/// }
/// ```
#[macro_export]
macro_rules! memory_tests {
    ($($tests:tt)+) => {
        // Without a name that the file's own could collide with.
        const _: () = {
            #[global_allocator]
            static ALLOCATOR: $crate::ProfilingAllocator<$crate::allocator::Reporting> =
                $crate::ProfilingAllocator::new($crate::allocator::Reporting::system());
        };

        $crate::tests! { $($tests)+ }
    };
}

/// One test's function.
#[doc(hidden)]
#[macro_export]
macro_rules! __test_function {
    ([fn $name:ident] [$($result:ty)?] $body:block) => {
        fn $name() $(-> $result)? $body
    };
    ([async fn $name:ident] [$($result:ty)?] $body:block) => {
        async fn $name() $(-> $result)? $body
    };
    ([$($word:ident)+] [$($result:ty)?] $body:block) => {
        $crate::__no_tests!($($word)+ ());
    };
}

/// One test as a value.
#[doc(hidden)]
#[macro_export]
macro_rules! __test {
    (fn $name:ident) => {
        $crate::harness::IsolatedTest::new(stringify!($name), || $crate::harness::outcome($name()))
    };
    (async fn $name:ident) => {
        $crate::harness::IsolatedTest::new(stringify!($name), || {
            $crate::harness::outcome($crate::harness::block_on($name()))
        })
    };
    // `__test_function!` has said what is wrong.
    ($($word:ident)+) => {
        $crate::harness::IsolatedTest::new("", || ::std::process::ExitCode::FAILURE)
    };
}

/// What [`tests!`](crate::tests) says to what isn't a test.
#[doc(hidden)]
#[macro_export]
macro_rules! __no_tests {
    ($($other:tt)+) => {
        compile_error!(concat!(
            "detectors::tests! takes functions without arguments, `fn name() { .. }` or `async fn name() { .. }`; ",
            "it can't read: ", stringify!($($other)+)
        ));
    };
}

/// Compiled only where cargo's own harness runs the file, which would otherwise find no test and pass.
#[doc(hidden)]
#[macro_export]
macro_rules! __needs_harness_false {
    () => {
        #[test]
        fn this_file_needs_harness_false() {
            panic!(
                "detectors::tests! brings its own harness, and {} is run by cargo's: none of its tests ran.\n\
                 Add to Cargo.toml, below a [[test]] with this file's name: harness = false",
                file!()
            );
        }
    };
}

/// Applies one attribute of a test.
#[doc(hidden)]
#[macro_export]
macro_rules! __test_attribute {
    ($test:ident, doc = $text:literal) => { $test };
    ($test:ident, ignore) => { $test.ignored("") };
    ($test:ident, ignore = $reason:literal) => { $test.ignored($reason) };
    ($test:ident, should_panic) => { $test.should_panic("") };
    ($test:ident, should_panic = $expected:literal) => { $test.should_panic($expected) };
    ($test:ident, should_panic(expected = $expected:literal)) => { $test.should_panic($expected) };
    ($test:ident, deadline(seconds = $seconds:literal)) => { $test.deadline($seconds) };
    ($test:ident, alone) => { $test.alone() };
    ($test:ident, $($other:tt)*) => {
        compile_error!(concat!(
            "`#[", stringify!($($other)*), "]` has no meaning in detectors::tests!; it takes ignore, ",
            "should_panic(expected = \"..\"), deadline(seconds = ..), alone and doc comments"
        ))
    };
}
