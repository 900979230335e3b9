//! A process of its own for each test: a child of the test binary, where nothing else allocates.
//!
//! ```text
//! cargo test / nextest          the test binary               the test binary again
//!   runs the binary    ---->   harness: lists, filters,
//!                              threads, reports
//!                                one child for each test --->  runs one test on the main thread,
//!                                waits, with a deadline         no harness around it
//!                                reads how it ended      <---   passed | panicked | anything else
//! ```

mod child;
mod parent;
mod source;

use libtest_mimic::{Arguments, Completion, Trial};
use std::process::{ExitCode, Termination};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

pub(crate) use child::current_test;
pub use source::SourceFile;

/// The test target's name: the binary's file name without the hash that cargo appends.
pub(crate) fn binary_name() -> Option<String> {
    let binary = std::env::current_exe().ok()?;
    let stem = binary.file_stem()?.to_str()?;
    let (name, _hash) = stem.rsplit_once('-')?;
    Some(name.to_owned())
}

/// How long a child may take unless the test or the environment says otherwise. A hung test is ended, not waited for.
const DEADLINE: Duration = Duration::from_mins(2);

/// One test, as [`tests!`](crate::tests) declares it.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct IsolatedTest {
    pub name: &'static str,
    pub body: fn() -> ExitCode,
    pub ignored: Option<&'static str>,
    pub panics: Panics,
    /// `None` where the test doesn't say.
    pub deadline: Option<Duration>,
    /// No other test of its file runs meanwhile.
    pub is_alone: bool,
}

/// What a test says about panicking.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Panics {
    Never,
    /// With a message that contains this text.
    With(&'static str),
}

impl IsolatedTest {
    pub const fn new(name: &'static str, body: fn() -> ExitCode) -> Self {
        IsolatedTest {
            name,
            body,
            ignored: None,
            panics: Panics::Never,
            deadline: None,
            is_alone: false,
        }
    }

    #[must_use]
    pub const fn ignored(mut self, reason: &'static str) -> Self {
        self.ignored = Some(reason);
        self
    }

    #[must_use]
    pub const fn should_panic(mut self, expected: &'static str) -> Self {
        self.panics = Panics::With(expected);
        self
    }

    #[must_use]
    pub const fn deadline(mut self, seconds: u64) -> Self {
        self.deadline = Some(Duration::from_secs(seconds));
        self
    }

    #[must_use]
    pub const fn alone(mut self) -> Self {
        self.is_alone = true;
        self
    }
}

/// The exit code of a test's body, as for `main`: an `Err` is printed and fails.
#[doc(hidden)]
pub fn outcome(value: impl Termination) -> ExitCode {
    value.report()
}

/// Runs an async test's body.
#[doc(hidden)]
#[cfg(feature = "tokio")]
pub fn block_on<F: Future>(body: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the system gives a runtime its event queue")
        .block_on(body)
}

/// Refuses an async test's body when it is compiled.
#[doc(hidden)]
#[cfg(not(feature = "tokio"))]
pub fn block_on<F: Future + WithTokio>(_body: F) -> F::Output {
    unreachable!("no future is WithTokio")
}

/// What no future is; its message is what the compiler says.
#[doc(hidden)]
#[cfg(not(feature = "tokio"))]
#[diagnostic::on_unimplemented(
    message = "an async test needs detectors' feature `tokio`, which is switched off",
    label = "this test is async",
    note = "in Cargo.toml: detectors = {{ .., features = [\"tokio\"] }}"
)]
pub trait WithTokio {}

/// The `main` that [`tests!`](crate::tests) declares.
#[doc(hidden)]
pub fn main(tests: &[IsolatedTest], source: SourceFile) -> ExitCode {
    if let Some(ending) = child::run_if_chosen(tests) {
        return ending;
    }
    let mut arguments = Arguments::from_args();
    if let Err(refusal) = take_environment(&mut arguments) {
        eprintln!("detectors: {refusal}");
        return ExitCode::from(2);
    }
    let deadline = match deadline_from_environment() {
        Ok(deadline) => deadline,
        Err(refusal) => {
            eprintln!("detectors: {refusal}");
            return ExitCode::from(2);
        }
    };
    let trials = tests
        .iter()
        .map(|test| trial(*test, test.deadline.unwrap_or(deadline), &arguments));
    let unrunnable = source
        .complaint()
        .map(|complaint| Trial::test("every_test_of_this_file_runs", || Err(complaint.into())));
    libtest_mimic::run(&arguments, trials.chain(unrunnable).collect()).exit_code()
}

/// libtest honours these variables; so do we.
fn take_environment(arguments: &mut Arguments) -> Result<(), String> {
    const THREADS: &str = "RUST_TEST_THREADS";
    if std::env::var_os("RUST_TEST_NOCAPTURE").is_some_and(|value| value != "0") {
        arguments.nocapture = true;
    }
    let (given_by, threads) = match (arguments.test_threads, std::env::var_os(THREADS)) {
        (Some(threads), _) => ("--test-threads", threads.to_string().into()),
        (None, Some(threads)) => (THREADS, threads),
        (None, None) => return Ok(()),
    };
    let number = threads.to_str().and_then(|threads| threads.parse().ok());
    arguments.test_threads = number.filter(|&number| number > 0);
    match arguments.test_threads {
        Some(_) => Ok(()),
        None => Err(format!(
            "{given_by} is `{}`; it takes a number of tests to run at a time, from 1",
            threads.display()
        )),
    }
}

/// The deadline of tests that don't say their own.
fn deadline_from_environment() -> Result<Duration, String> {
    const SECONDS: &str = "DETECTORS_DEADLINE";
    let Some(seconds) = std::env::var_os(SECONDS).filter(|seconds| !seconds.is_empty()) else {
        return Ok(DEADLINE);
    };
    let number = seconds.to_str().and_then(|seconds| seconds.parse().ok());
    number
        .filter(|&number| number > 0)
        .map(Duration::from_secs)
        .ok_or_else(|| {
            format!(
                "{SECONDS} is `{}`; it takes the seconds that a test may run, from 1",
                seconds.display()
            )
        })
}

fn trial(test: IsolatedTest, deadline: Duration, arguments: &Arguments) -> Trial {
    let output = if arguments.nocapture {
        parent::Output::PassOn
    } else if arguments.show_output {
        parent::Output::Show
    } else {
        parent::Output::OnFailure
    };
    let skipped = test
        .ignored
        .filter(|reason| !reason.is_empty())
        .filter(|_| !(arguments.ignored || arguments.include_ignored));
    match skipped {
        // The harness prints a reason only for a test that ignores itself while running.
        Some(reason) if !arguments.list => {
            Trial::ignorable_test(test.name, move || Ok(Completion::ignored_with(reason)))
        }
        _ => Trial::test(test.name, move || {
            let _turn = Turn::of(&test);
            parent::run(&test, deadline, output).map_err(Into::into)
        })
        .with_ignored_flag(test.ignored.is_some()),
    }
}

/// A test may run for as long as this is there.
enum Turn {
    Alone(#[expect(dead_code, reason = "held until the end")] RwLockWriteGuard<'static, ()>),
    Beside(#[expect(dead_code, reason = "held until the end")] RwLockReadGuard<'static, ()>),
}

impl Turn {
    fn of(test: &IsolatedTest) -> Self {
        static RUNNING: RwLock<()> = RwLock::new(());
        if test.is_alone {
            Turn::Alone(RUNNING.write().unwrap_or_else(PoisonError::into_inner))
        } else {
            Turn::Beside(RUNNING.read().unwrap_or_else(PoisonError::into_inner))
        }
    }
}

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
/// work as they do for `#[test]`. A test may be `async`, may return a `Result`, and may carry:
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
/// and at this file only; a `#[test]` in a module's file still goes unseen.
///
/// What a test starts ends with it, passed or failed. An interrupted or killed test binary takes its tests' processes with
/// it on Linux; elsewhere, and for what those had started, the system lets them run on.
///
/// With `DETECTORS_OUT=DIR` in the environment, each test's evidence is kept as `DIR/TEST/report.json` and its
/// profile as `DIR/TEST/heap.pb.gz`.
#[macro_export]
macro_rules! tests {
    ($($tests:tt)+) => {
        $crate::__tests! { [] $($tests)+ }
    };
}

/// [`tests!`](crate::tests) of a file that has no global allocator of its own: it gets a
/// [`ProfilingAllocator`](crate::ProfilingAllocator) around the system's, which a watch reads.
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
        #[global_allocator]
        static ALLOCATOR: $crate::ProfilingAllocator = $crate::ProfilingAllocator::system();

        $crate::tests! { $($tests)+ }
    };
}

/// Takes one test after the other into the list, then writes `main`.
#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    ([$($done:tt)*] $(#[$($attribute:tt)*])* fn $name:ident() $(-> $result:ty)? $body:block $($rest:tt)*) => {
        fn $name() $(-> $result)? $body
        $crate::__tests! {
            [$($done)* { $name { $crate::isolation::outcome($name()) } $([$($attribute)*])* }] $($rest)*
        }
    };
    ([$($done:tt)*] $(#[$($attribute:tt)*])* async fn $name:ident() $(-> $result:ty)? $body:block $($rest:tt)*) => {
        async fn $name() $(-> $result)? $body
        $crate::__tests! {
            [$($done)* {
                $name { $crate::isolation::outcome($crate::isolation::block_on($name())) } $([$($attribute)*])*
            }] $($rest)*
        }
    };
    ([$({ $name:ident { $($run:tt)* } $([$($attribute:tt)*])* })+]) => {
        fn main() -> ::std::process::ExitCode {
            $crate::isolation::main(&[$({
                let test = $crate::isolation::IsolatedTest::new(stringify!($name), || $($run)*);
                $(let test = $crate::__test_attribute!(test, $($attribute)*);)*
                test
            }),+], $crate::isolation::SourceFile {
                path: file!(),
                package: option_env!("CARGO_MANIFEST_DIR"),
            })
        }

        // Compiled only where cargo's own harness runs this file, which would otherwise find no test and pass.
        #[test]
        fn this_file_needs_harness_false() {
            panic!(
                "detectors::tests! brings its own harness, and {} is run by cargo's: none of its tests ran.\n\
                 Add to Cargo.toml, below a [[test]] with this file's name: harness = false",
                file!()
            );
        }
    };
    ([$($done:tt)*] $($other:tt)+) => {
        compile_error!(concat!(
            "detectors::tests! takes functions without arguments, `fn name() { .. }` or `async fn name() { .. }`; ",
            "it can't read: ", stringify!($($other)+)
        ));
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
