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
mod declare;
mod filters;
mod parent;
mod source;

use crate::model::this_test;
use libtest_mimic::{Arguments, Completion, Trial};
use std::num::NonZero;
use std::process::{ExitCode, Termination};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

pub use source::SourceFile;

/// How long a child may take unless the test or the environment says otherwise. A hung test is ended, not waited for.
const DEADLINE: Duration = Duration::from_mins(2);

/// The tests of one file, as [`tests!`](crate::tests) declares them.
#[derive(Debug, Clone, Copy)]
pub struct TestFile {
    pub tests: &'static [IsolatedTest],
    pub source: SourceFile,
}

/// One of those tests.
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

/// The test that this process runs, when it is a test's own process.
pub fn current_test() -> Option<String> {
    this_test::name()
}

/// The exit code of a test's body, as for `main`: an `Err` is printed and fails.
pub fn outcome(value: impl Termination) -> ExitCode {
    value.report()
}

/// Runs an async test's body.
#[cfg(feature = "tokio")]
pub fn block_on<F: Future>(body: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the system gives a runtime its event queue")
        .block_on(body)
}

/// Refuses an async test's body when it is compiled.
#[cfg(not(feature = "tokio"))]
pub fn block_on<F: Future + WithTokio>(_body: F) -> F::Output {
    unreachable!("no future is WithTokio")
}

/// What no future is; its message is what the compiler says.
#[cfg(not(feature = "tokio"))]
#[diagnostic::on_unimplemented(
    message = "an async test needs detectors' feature `tokio`, which is switched off",
    label = "this test is async",
    note = "in Cargo.toml: detectors = {{ .., features = [\"tokio\"] }}"
)]
pub trait WithTokio {}

/// A test under the name by which it is listed, filtered and told.
#[derive(Debug, Clone)]
struct NamedTest {
    name: String,
    test: IsolatedTest,
}

/// The `main` that [`tests!`](crate::tests) declares.
pub fn main(file: &TestFile) -> ExitCode {
    run(&[("", file)])
}

/// The `main` that [`test_modules!`](crate::test_modules) declares: each file with its module's name.
pub fn main_of_modules(files: &[(&str, &TestFile)]) -> ExitCode {
    run(files)
}

fn run(files: &[(&str, &TestFile)]) -> ExitCode {
    let name = |module: &str, test: &str| match module {
        "" => test.to_owned(),
        module => format!("{module}::{test}"),
    };
    let tests: Vec<NamedTest> = files
        .iter()
        .flat_map(|(module, file)| {
            file.tests.iter().map(|test| NamedTest {
                name: name(module, test.name),
                test: *test,
            })
        })
        .collect();
    if let Some(ending) = child::run_if_chosen(&tests) {
        return ending;
    }
    let mut arguments = arguments(&tests);
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
    let trials = tests.into_iter().map(|test| {
        let deadline = test.test.deadline.unwrap_or(deadline);
        trial(test, deadline, &arguments)
    });
    let unrunnable = files.iter().filter_map(|(module, file)| {
        let complaint = file.source.complaint()?;
        let name = name(module, "every_test_of_this_file_runs");
        Some(Trial::test(name, || Err(complaint.into())))
    });
    libtest_mimic::run(&arguments, trials.chain(unrunnable).collect()).exit_code()
}

/// What the harness is asked for. Several filters become what they leave out, name by name.
fn arguments(tests: &[NamedTest]) -> Arguments {
    let given = std::env::args_os().collect::<Vec<_>>();
    let (others, filters) = filters::taken_out(given.iter().skip(1).cloned());
    if filters.len() < 2 {
        return Arguments::from_iter(given);
    }
    let mut arguments = Arguments::from_iter(given.into_iter().take(1).chain(others));
    let names = tests.iter().map(|test| test.name.as_str());
    arguments.skip = filters::skipped(names, &filters, &arguments.skip, arguments.exact);
    arguments.exact = true;
    arguments
}

/// So many tests more than there are cores run at a time, unless told otherwise: a test's process waits about as often as it works, for
/// what the workload left in the background.
const MORE_THAN_CORES: usize = 2;

/// libtest honours these variables; so do we.
fn take_environment(arguments: &mut Arguments) -> Result<(), String> {
    const THREADS: &str = "RUST_TEST_THREADS";
    if std::env::var_os("RUST_TEST_NOCAPTURE").is_some_and(|value| value != "0") {
        arguments.nocapture = true;
    }
    let (given_by, threads) = match (arguments.test_threads, std::env::var_os(THREADS)) {
        (Some(threads), _) => ("--test-threads", threads.to_string().into()),
        (None, Some(threads)) => (THREADS, threads),
        (None, None) => {
            let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
            arguments.test_threads = Some(cores + MORE_THAN_CORES);
            return Ok(());
        }
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

fn trial(named: NamedTest, deadline: Duration, arguments: &Arguments) -> Trial {
    let output = if arguments.nocapture {
        parent::Output::PassOn
    } else if arguments.show_output {
        parent::Output::Show
    } else {
        parent::Output::OnFailure
    };
    let NamedTest { name, test } = named.clone();
    let skipped = test
        .ignored
        .filter(|reason| !reason.is_empty())
        .filter(|_| !(arguments.ignored || arguments.include_ignored));
    match skipped {
        // The harness prints a reason only for a test that ignores itself while running.
        Some(reason) if !arguments.list => {
            Trial::ignorable_test(name, move || Ok(Completion::ignored_with(reason)))
        }
        _ => Trial::test(name, move || {
            let _turn = Turn::of(&test);
            parent::run(&named, deadline, output).map_err(Into::into)
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
