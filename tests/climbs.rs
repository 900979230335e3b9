//! A service climbs, and is looked at in each way that there is: what the page `a-service-climbs` shows, and how long each answer took.
//!
//! The container is a control group of version 1 that the test makes. Only root makes one: elsewhere its look is left out, and the page
//! keeps what it has.

use super::driver::Workbook;
use super::served::{Answer, Served};
use super::{leaks, shown_within, without_machine};
use chapters::Figures;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Between two requests.
const PAUSE: Duration = Duration::from_millis(20);

const LIMIT: u64 = 256 << 20;

/// A look, as the page's table has it.
struct Way {
    /// What the reader has.
    has: &'static str,
    /// What the reader types, as the page does.
    types: &'static str,
    arguments: Vec<String>,
    /// The file that shows it.
    file: &'static str,
    /// The part of the answer that the page shows: from where, and up to where.
    shows: [&'static str; 2],
    /// What the answer must say.
    says: &'static str,
}

pub(crate) fn a_service_climbs() {
    let workbook = Workbook::copy("shown-climbs");
    // Eight times as much for each request, so that half a minute sees it beside whatever else the machine does.
    let leaky = ["--leak", "global-caches"].repeat(8);
    let keeps = ["--keep-profiles", "target/kept", "--keep-every", "5s"];
    let options = [&["--debug-port", "0"], &leaky[..], &keeps].concat();
    // Declared first, so that it goes last: a group with a process in it stays.
    let container;
    let mut served = Served::started(&workbook, &options, Stdio::null());
    container = Group::around(served.child.id());
    let (mut took, is_done) = (Took::default(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                Answer::to(&served.service, "GET /apex/customer-0042.example", &[]);
                thread::sleep(PAUSE);
            }
        });
        let _ends = Ends(&is_done);
        for way in ways(&served, container.is_some()) {
            let arguments: Vec<&str> = way.arguments.iter().map(String::as_str).collect();
            let look = took.by(&way, || leaks(&workbook, &arguments));
            let text = without_machine(&look.exits(0).stdout(), &workbook.path(""));
            assert!(text.contains(way.says), "no {}:\n{text}", way.says);
            let text = without_numbers(&text, &served, container.as_ref());
            let part = between(&text, way.shows);
            shown_within("chapters", way.file, part, Figures::Verdict);
        }
    });
    served.child.kill().expect("our child");
    served.child.wait().expect("our child");
    let killed = Way {
        has: "what a killed service left",
        types: "autopsy DIR",
        arguments: Vec::new(),
        file: "autopsy.txt", // what another test makes
        shows: ["", ""],
        says: "leak",
    };
    let autopsy = took.by(&killed, || leaks(&workbook, &["autopsy", "target/kept"]));
    autopsy.exits(0).stdout_has(killed.says);
    if container.is_some() {
        shown_within(
            "chapters",
            "climbs-took.txt",
            &took.table(),
            Figures::Roughly,
        );
    }
}

fn ways(served: &Served, has_container: bool) -> Vec<Way> {
    let process = served.child.id().to_string();
    let url = format!("http://{}", served.debug);
    let arguments = |arguments: &[&str]| {
        let triage = ["triage"].iter().chain(arguments);
        triage.map(|argument| (*argument).to_owned()).collect()
    };
    let mut ways = vec![
        Way {
            has: "a debug port, and half a minute more",
            types: "triage --url URL --who-holds",
            arguments: arguments(&["--url", &url, "--who-holds"]),
            file: "climbs-who-holds.txt",
            shows: ["Who holds it", "The slowest growth"],
            says: "Its page: chapters/global-caches/",
        },
        Way {
            has: "a debug port",
            types: "triage --url URL",
            arguments: arguments(&["--url", &url]),
            file: "climbs-by-url.txt",
            shows: ["Verdict:", "Then a test that fails"],
            says: "global_caches::",
        },
        Way {
            has: "a process of this machine",
            types: "triage --pid N",
            arguments: arguments(&["--pid", &process]),
            file: "climbs-by-pid.txt",
            shows: ["Verdict:", "Not read:"],
            says: "anonymous memory rose",
        },
    ];
    if has_container {
        ways.push(Way {
            has: "a container",
            types: "triage --container-of N",
            arguments: arguments(&["--container-of", &process]),
            file: "climbs-container.txt",
            shows: ["Verdict:", "The slowest growth"],
            says: "256 MiB",
        });
    }
    ways
}

fn between<'t>(text: &'t str, [start, end]: [&str; 2]) -> &'t str {
    let part = text.find(start).zip(text.find(end));
    let (start, end) = part.unwrap_or_else(|| panic!("no {start:?} and {end:?}:\n{text}"));
    &text[start..end]
}

/// The text without numbers that the system chose: the process', and the group's name.
fn without_numbers(text: &str, served: &Served, container: Option<&Group>) -> String {
    let number = served.child.id();
    let mut text = text
        .replace(&format!("process {number} "), "process N ")
        .replace(&format!("-of {number}"), "-of N")
        .replace(&format!("--pid {number}"), "--pid N");
    if let Some(group) = container {
        text = text.replace(
            group.0.to_str().expect("letters"),
            "/sys/fs/cgroup/memory/shop",
        );
    }
    text
}

/// The rows of the page's table, in Markdown, in the order of the looks.
#[derive(Default)]
struct Took(Vec<String>);

impl Took {
    fn by<T>(&mut self, way: &Way, look: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let ran = look();
        let minutes = began.elapsed().as_secs_f64() / 60.0;
        let minutes = match minutes {
            ..0.05 => "0".to_owned(),
            _ => format!("{minutes:.1}"),
        };
        self.0
            .push(format!("| {} | `{}` | {minutes} |", way.has, way.types));
        ran
    }

    fn table(mut self) -> String {
        self.0.swap(0, 1);
        let head = "| you have | type `leaks ..` | minutes |\n|---|---|---|";
        format!("{head}\n{}\n", self.0.join("\n"))
    }
}

/// The load ends with this, whatever happens.
struct Ends<'l>(&'l AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A control group with a limit, which goes with the test.
struct Group(PathBuf);

impl Group {
    /// `None` where none can be made.
    fn around(process: u32) -> Option<Self> {
        let folder =
            Path::new("/sys/fs/cgroup/memory").join(format!("leaks-climbs-{}", std::process::id()));
        if let Err(error) = fs::create_dir(&folder) {
            let must = std::env::var_os("DETECTORS_CGROUPS").is_some();
            assert!(!must, "{}: {error}", folder.display());
            println!("no container: {} can't be made: {error}", folder.display());
            return None;
        }
        let group = Group(folder);
        let write = |file: &str, value: u64| {
            fs::write(group.0.join(file), value.to_string()).expect("root limits and fills it");
        };
        write("memory.limit_in_bytes", LIMIT);
        write("cgroup.procs", process.into());
        Some(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // What has ended leaves its group a moment later.
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        println!("{} is still there", self.0.display());
    }
}
