//! A service that is killed leaves its heap profiles, and `leaks autopsy` tells what grew.
//!
//! `DETECTORS_REPETITIONS=10 cargo test -p tests --test end_to_end autopsy` kills ten times as often.

use crate::driver::Workbook;
use crate::served::{Answer, Served};
use detectors::triage::{Autopsy, KeptBecause};
use detectors::{Profile, Verdict};
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How often a service is killed, times `DETECTORS_REPETITIONS`.
const KILLS: u64 = 24;

const REQUEST: &str = "GET /apex/customer-0042.example";

fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a writable target")
}

/// A service that keeps its profiles there, and what else it is told.
fn keeping(name: &str, folder: &Path, more: &[&str], stderr: Stdio) -> Served {
    let folder = folder.to_str().expect("a path of letters");
    let keeps = ["--debug-port", "0", "--keep-profiles", folder];
    Served::start_with(name, &[&keeps, more].concat(), stderr)
}

/// The profiles of this process, as far as their names tell.
fn kept_by(id: u32, folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let paths = entries.map(|entry| entry.expect("readable").path());
    let is_its = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("heap-") && name.contains(&format!("-{id}-"))
    };
    paths.filter(is_its).collect()
}

/// The names of files that are being written, or were when their process ended.
fn unfinished(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("readable");
    let names = entries.map(|entry| entry.expect("readable").file_name());
    let names = names.map(|name| name.into_string().expect("letters"));
    names.filter(|name| name.starts_with('.')).collect()
}

/// Asks a service that may end meanwhile.
fn ask(service: &str) -> io::Result<()> {
    let mut stream = TcpStream::connect(service)?;
    let request = format!("{REQUEST} HTTP/1.1\r\nHost: it\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    stream.read_to_end(&mut Vec::new()).map(drop)
}

/// Waits until it is so, for two minutes at most.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(2);
    while !is_so() {
        assert!(Instant::now() < deadline, "not within two minutes: {what}");
        thread::sleep(Duration::from_millis(1)); // between two looks
    }
}

/// The bug: a file that is there in part, or a folder that is empty again, when the process is killed while it writes.
#[test]
fn a_kill_at_any_moment_leaves_whole_profiles() {
    let repetitions = std::env::var("DETECTORS_REPETITIONS").ok();
    let repetitions: u64 = repetitions.and_then(|text| text.parse().ok()).unwrap_or(1);
    let folder = folder();
    let folder = folder.path();
    // So often that old files go all the time.
    let often = ["--leak", "global-caches", "--keep-every", "1ms"];
    let mut met = 0;
    for seed in 0..KILLS * repetitions {
        let mut served = keeping("killed", folder, &often, Stdio::null());
        let id = served.child.id();
        let is_over = AtomicBool::new(false);
        let seen = thread::scope(|scope| {
            let (service, is_over) = (&served.service, &is_over);
            scope.spawn(move || {
                // It fails when the service ends in the middle.
                while !is_over.load(Relaxed) {
                    let _ = ask(service);
                }
            });
            // Up to half a second: among the first files, and when old ones go.
            let moment = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 500_000;
            thread::sleep(Duration::from_micros(moment));
            let seen = !kept_by(id, folder).is_empty();
            // Every other time, when it writes: few moments of chance are such.
            let deadline = Instant::now() + Duration::from_secs(10);
            while seed % 2 == 1 && unfinished(folder).is_empty() && Instant::now() < deadline {}
            served.child.kill().expect("our child");
            served.child.wait().expect("our child");
            is_over.store(true, Relaxed);
            seen
        });
        let kept = kept_by(id, folder);
        assert!(
            !seen || !kept.is_empty(),
            "seed {seed}: there was a profile, and there is none"
        );
        for path in kept {
            Profile::read(&path).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        }
        // What the one before left unfinished has gone when this one started.
        let unfinished = unfinished(folder);
        let is_its = |name: &String| name.contains(&format!("-{id}-"));
        assert!(unfinished.iter().all(is_its), "seed {seed}: {unfinished:?}");
        met += unfinished.len();
    }
    eprintln!(
        "{met} of {} kills met a file that was being written",
        KILLS * repetitions
    );
    let autopsy = Autopsy::of(folder, None).expect("profiles were kept");
    let skipped = autopsy.skipped.iter();
    let torn: Vec<_> = skipped
        .filter(|file| !file.why.contains("ended while it was written"))
        .collect();
    assert!(torn.is_empty(), "{torn:?}");
}

#[test]
fn an_autopsy_names_the_line_that_leaked() {
    let folder = folder();
    let kept = folder.path();
    // One turn of the leak for each time that it is named.
    let leaky = [
        &["--keep-every", "250ms"][..],
        &["--leak", "global-caches"].repeat(4),
    ];
    let mut served = keeping("autopsy", kept, &leaky.concat(), Stdio::null());
    let id = served.child.id();
    until("the profiles show a leak", || {
        for _ in 0..200 {
            Answer::to(&served.service, REQUEST, &[]);
        }
        Autopsy::of(kept, None).is_ok_and(|autopsy| {
            let first = autopsy.findings.first();
            let site = first.and_then(|growth| growth.site.as_deref());
            let is_its = site.is_some_and(|site| site.contains("global_caches::"));
            is_its && autopsy.verdict == Verdict::Leak
        })
    });
    served.child.kill().expect("our child");
    served.child.wait().expect("our child");

    // A foreign file, and one that a copy over a network cut short.
    let last = kept_by(id, kept).into_iter().max().expect("profiles");
    let bytes = fs::read(&last).expect("readable");
    fs::write(kept.join("notes.txt"), "call Ann").expect("writable");
    fs::write(kept.join("heap-1-1-due.pb.gz"), &bytes[..bytes.len() / 2]).expect("writable");

    let workbook = Workbook::copy("autopsy");
    let kept = kept.to_str().expect("a path of letters");
    let told = workbook.leaks(["autopsy", kept]);
    told.exits(0)
        .stdout_has(&format!("Process {id}"))
        .stdout_has("Verdict: leak")
        .stdout_has("first ")
        .stdout_has("global_caches::")
        .stdout_has("bytes a second")
        .stdout_has("leaks diff ")
        .stderr_has("notes.txt")
        .stderr_has("heap-1-1-due.pb.gz");

    let answer = workbook.leaks([
        "autopsy",
        kept,
        "--process",
        &id.to_string(),
        "--format",
        "json",
    ]);
    let answer = answer.exits(0).json();
    assert_eq!(answer["verdict"], "leak");
    assert!(answer["class"].is_null());
    assert_eq!(answer["findings"][0]["kind"], "bytes");
    assert!(
        answer["readings"]
            .as_array()
            .is_some_and(|all| all.len() > 3)
    );
    assert_eq!(answer["readings"][0]["why"], "first");

    // The next step, as it is pasted.
    let stdout = told.stdout();
    let step = stdout
        .lines()
        .find_map(|line| line.split_once("leaks diff "));
    let arguments = step.expect("a next step").1.split(' ');
    let step: Vec<&str> = ["diff"].into_iter().chain(arguments).collect();
    workbook.leaks(step).exits(0).stdout_has("global_caches::");

    workbook
        .leaks(["autopsy", kept, "--process", "1"])
        .exits(2)
        .stderr_has(&id.to_string())
        .stderr_has("--process N");
}

#[test]
fn a_folder_without_profiles_is_refused_in_words() {
    let folder = folder();
    let workbook = Workbook::copy("autopsy-empty");
    let path = folder.path().to_str().expect("a path of letters");
    workbook
        .leaks(["autopsy", path])
        .exits(2)
        .stderr_has("no process kept a profile in")
        .stderr_has("--keep-profiles DIR");
    workbook
        .leaks(["autopsy", &format!("{path}/gone")])
        .exits(2)
        .stderr_has("can't read");
}

#[test]
fn a_folder_that_takes_no_files_is_told_once_and_tried_again() {
    let folder = folder();
    // A file in the folder's place refuses even the administrator, whom permissions don't stop.
    let taken = folder.path().join("kept");
    fs::write(&taken, "in the way").expect("writable");
    let often = ["--keep-every", "5ms"];
    let mut served = keeping("refused", &taken, &often, Stdio::piped());
    let stderr = served.child.stderr.take().expect("it is piped");
    let mut lines = BufReader::new(stderr)
        .lines()
        .map(|line| line.expect("text"));
    let told = lines.next().expect("it is told");
    assert!(told.contains("can't be kept in"), "{told}");
    assert!(told.contains("told once"), "{told}");
    for _ in 0..100 {
        assert_eq!(Answer::to(&served.service, REQUEST, &[]).status, 200);
    }
    // Its peak is known nevertheless.
    let peak = served.debug("GET /debug/pprof/heap?at=peak");
    assert_eq!(peak.status, 200, "{}", peak.text());

    fs::remove_file(&taken).expect("ours");
    let id = served.child.id();
    until("it is tried again", || !kept_by(id, &taken).is_empty());
    served.child.kill().expect("our child");
    let more: Vec<String> = lines.collect();
    assert!(more.is_empty(), "told once: {more:?}");
}

#[cfg(unix)]
#[test]
fn a_folder_that_others_can_write_to_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("ours");
    let path = folder.path().to_str().expect("a path of letters");
    Workbook::copy("autopsy-shared")
        .leaks([
            "serve",
            "--port",
            "0",
            "--debug-port",
            "0",
            "--keep-profiles",
            path,
        ])
        .exits(2)
        .stderr_has("others can write to")
        .stderr_has("chmod go-w");
}

#[test]
fn the_peak_is_answered_after_it_has_gone() {
    let without = Served::start("no-peak", &["--debug-port", "0"]);
    let refused = without.debug("GET /debug/pprof/heap?at=peak");
    assert_eq!(refused.status, 404, "{}", refused.text());
    assert!(
        refused.text().contains("KeptProfiles"),
        "{}",
        refused.text()
    );

    let folder = folder();
    // So rarely that no other profile takes its place.
    let leaky = ["--leak", "global-caches", "--keep-every", "1h"];
    let served = keeping("peak", folder.path(), &leaky, Stdio::null());
    // A profile is sampled: that of the first peak may have no sample yet.
    until("a peak is kept with a sample", || {
        for _ in 0..100 {
            Answer::to(&served.service, REQUEST, &[]);
        }
        let peak = served.debug("GET /debug/pprof/heap?at=peak");
        if peak.status != 200 {
            return false;
        }
        let peak = Profile::from_bytes("peak", &peak.body).expect("a profile");
        assert_eq!(peak.default_sample_type().name, "inuse_space");
        let is_kept = Autopsy::of(folder.path(), None).is_ok_and(|autopsy| {
            let mut kept = autopsy.readings.iter();
            kept.any(|file| file.moment.why == KeptBecause::Peak)
        });
        is_kept && peak.total("inuse_space").expect("the type") > 0
    });
    let text = served.debug("GET /debug/pprof/heap?debug=1&at=peak").text();
    assert!(text.contains("flat"), "{text}");
    for wrong in ["heap?at=peak&seconds=1", "heap?at=dawn", "allocs?at=peak"] {
        let answer = served.debug(&format!("GET /debug/pprof/{wrong}"));
        assert_eq!(answer.status, 400, "{wrong}: {}", answer.text());
    }
}
