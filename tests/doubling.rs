//! Growth that doubles, in a service that runs: a table that fills between two doublings is a leak by its line; a vector that doubled once is
//! never calm; and neither is accused that is full.
//!
//! Each service is this program again, told by a variable what to keep.

mod driver;

use detectors::ProfilingAllocator;
use detectors::debug::Listener;
use driver::Workbook;
use libtest_mimic::{Arguments, Trial};
use serde_json::Value;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::parent_id;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: ProfilingAllocator = ProfilingAllocator::system();

/// A hash table has room for so many entries before it takes 2^21 buckets.
const ROOM: u64 = 7 << 17;

/// Entries that come each millisecond.
const PACE: u64 = 2;

/// Tells this program to be a service, and what it keeps.
const TOLD_BY: &str = "DOUBLING_KEEPS";

/// What a service keeps; each has a leak and a twin that is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// A table that has room for what comes in the look.
    Table,
    /// A table that doubles once in the look.
    DoublingTable,
    /// A table at its bound, where each entry takes another one's place.
    FullTable,
    /// A vector that doubles once in the look.
    Vector,
    FullVector,
}

impl Kept {
    const ALL: [(&str, Kept); 5] = [
        ("table", Kept::Table),
        ("doubling-table", Kept::DoublingTable),
        ("full-table", Kept::FullTable),
        ("vector", Kept::Vector),
        ("full-vector", Kept::FullVector),
    ];
}

fn main() {
    let asked = std::env::var(TOLD_BY).ok();
    let kept = Kept::ALL
        .iter()
        .find(|(name, _)| asked.as_deref() == Some(name));
    if let Some((_, kept)) = kept {
        serve(*kept);
        return;
    }
    let mut arguments = Arguments::from_args();
    if !arguments.list {
        // A service doubles some time after it began, so the command that looks at it is built before.
        workbook().leaks(["--version"]).exits(0);
    }
    let tests: [(&str, fn()); 6] = [
        ("a_table_that_fills_is_a_leak", a_table_that_fills_is_a_leak),
        (
            "a_table_that_doubles_is_a_leak",
            a_table_that_doubles_is_a_leak,
        ),
        ("a_full_table_is_not_accused", a_full_table_is_not_accused),
        (
            "a_vector_that_doubled_once_is_open",
            a_vector_that_doubled_once_is_open,
        ),
        ("a_full_vector_is_not_accused", a_full_vector_is_not_accused),
        (
            "from_outside_one_doubling_is_open",
            from_outside_one_doubling_is_open,
        ),
    ];
    let trial = |(name, test): (&str, fn())| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    };
    let trials = tests.into_iter().map(trial).collect();
    // Each does little but wait.
    arguments.test_threads = arguments.test_threads.or(Some(tests.len()));
    libtest_mimic::run(&arguments, trials).exit();
}

/// The service: it keeps, tells its debug port's address, and goes on for as long as its parent.
fn serve(kept: Kept) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async move {
        let debug = Listener::bind("127.0.0.1:0", None).await.expect("loopback");
        let address = debug.address();
        thread::spawn(move || {
            keep(kept, || {
                println!("http://{address}");
                std::io::stdout().flush().expect("a pipe");
            });
        });
        debug.serve().await;
    });
}

/// Keeps what is there at the start, says that it has, and then what comes.
fn keep(kept: Kept, ready: impl FnOnce()) {
    let parent = parent_id();
    let begin = match kept {
        Kept::Table | Kept::FullTable => ROOM * 3 / 4,
        // Some seconds before it doubles.
        _ => ROOM - 20_000 * PACE,
    };
    let mut table = HashMap::new();
    let mut vector = Vec::new();
    match kept {
        Kept::Vector | Kept::FullVector => {
            vector = Vec::with_capacity(usize::try_from(ROOM).expect("small"));
            vector.extend(0..begin);
        }
        _ => table.extend((0..begin).map(|number| (number, number))),
    }
    ready();
    for number in (begin..).step_by(usize::try_from(PACE * 10).expect("small")) {
        if parent_id() != parent {
            std::process::exit(0);
        }
        for number in number..number + PACE * 10 {
            match kept {
                Kept::Table | Kept::DoublingTable => _ = table.insert(number, number),
                Kept::FullTable => {
                    table.remove(&(number - begin));
                    table.insert(number, number);
                }
                Kept::Vector => vector.push(number),
                Kept::FullVector => {
                    let place = usize::try_from(number % begin).expect("small");
                    vector[place] = number;
                }
            }
        }
        thread::sleep(Duration::from_millis(10));
    }
}

struct Service {
    process: Child,
    url: String,
}

impl Service {
    fn start(kept: Kept) -> Self {
        workbook(); // built now if need be
        let (name, _) = Kept::ALL
            .iter()
            .find(|(_, of)| *of == kept)
            .expect("it is there");
        let program = std::env::current_exe().expect("this program");
        let mut process = Command::new(program)
            .env(TOLD_BY, name)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it");
        let mut url = String::new();
        let out = process.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut url).expect("text");
        Service {
            process,
            url: url.trim().to_owned(),
        }
    }

    fn asked(&self, time: &str) -> Value {
        look(&["--url", &self.url], time)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn look(subject: &[&str], time: &str) -> Value {
    let look = ["triage", "--format", "json", "--for", time];
    let ran = workbook().leaks([&look, subject].concat());
    ran.exits(0).json()
}

fn workbook() -> &'static Workbook {
    static COPY: OnceLock<Workbook> = OnceLock::new();
    COPY.get_or_init(|| Workbook::copy("doubling"))
}

#[track_caller]
fn is_a_leak_of_the_table(answer: &Value) {
    assert_eq!(answer["verdict"], "leak", "{}", answer["because"]);
    let because = answer["because"].as_str().unwrap_or_default();
    let site = answer["findings"][0]["site"].as_str().unwrap_or_default();
    assert!(site.contains("doubling::keep"), "{site}: {because}");
}

fn a_table_that_fills_is_a_leak() {
    let answer = Service::start(Kept::Table).asked("30s");
    is_a_leak_of_the_table(&answer);
    let because = answer["because"].as_str().unwrap_or_default();
    assert!(because.contains("what hash tables hold rose"), "{because}");
}

fn a_table_that_doubles_is_a_leak() {
    let answer = Service::start(Kept::DoublingTable).asked("40s");
    is_a_leak_of_the_table(&answer);
}

/// The port's own answers take pages into RAM for a while, on a busy machine for longer than a test waits: that may leave it open, and
/// nothing else.
#[track_caller]
fn is_not_accused(answer: &Value) {
    let verdict = answer["verdict"].as_str().unwrap_or_default();
    let because = answer["because"].as_str().unwrap_or_default();
    let is_calm = matches!(verdict, "steady" | "warming-up");
    let is_the_ports = verdict == "inconclusive" && because.starts_with("anonymous memory");
    assert!(is_calm || is_the_ports, "{verdict}: {because}");
}

fn a_full_table_is_not_accused() {
    is_not_accused(&Service::start(Kept::FullTable).asked("60s"));
}

fn a_vector_that_doubled_once_is_open() {
    let answer = Service::start(Kept::Vector).asked("60s");
    let verdict = answer["verdict"].as_str().unwrap_or_default();
    assert!(
        !matches!(verdict, "steady" | "warming-up" | "retention"),
        "{}",
        answer["because"]
    );
}

fn a_full_vector_is_not_accused() {
    is_not_accused(&Service::start(Kept::FullVector).asked("60s"));
}

fn from_outside_one_doubling_is_open() {
    let service = Service::start(Kept::DoublingTable);
    let id = service.process.id().to_string();
    let answer = look(&["--pid", &id], "60s");
    assert_eq!(answer["verdict"], "inconclusive", "{}", answer["because"]);
}
