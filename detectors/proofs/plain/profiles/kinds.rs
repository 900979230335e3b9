//! A profile of each kind that a Go program makes, by the Go that is installed: what its own tool says of each is what we say.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use detectors::Profile;

use super::support::go_pprof;

/// The folder with the profiles and the program, `kinds`; `None` where Go isn't installed.
fn made() -> Option<&'static Path> {
    static MADE: OnceLock<Option<PathBuf>> = OnceLock::new();
    MADE.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/kinds/main.go");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kinds-of-profiles");
        std::fs::create_dir_all(&folder).unwrap();
        let program = folder.join("kinds");
        // Without inlined calls, which Go's tool doesn't see where addresses are all that a profile has.
        let build = Command::new("go")
            .args(["build", "-gcflags=all=-l", "-o"])
            .args([&program, &source])
            .output();
        let Ok(build) = build else {
            assert!(std::env::var_os("CI").is_none(), "Go is missing");
            println!("left out: Go isn't installed");
            return None;
        };
        let succeeds = |output: Output| {
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{told}");
        };
        succeeds(build);
        succeeds(Command::new(&program).arg(&folder).output().unwrap());
        Some(folder)
    })
    .as_deref()
}

const KINDS: [&str; 7] = [
    "cpu",
    "heap",
    "allocs",
    "goroutine",
    "mutex",
    "block",
    "threadcreate",
];

#[test]
fn each_kind_is_what_go_says_of_it() {
    let Some(folder) = made() else { return };
    for kind in KINDS {
        let path = folder.join(kind).with_extension("pb.gz");
        let profile = Profile::read(&path).unwrap();
        for ty in profile.sample_types() {
            let index = format!("-sample_index={}", ty.name);
            let go = go_pprof(&["-top", &index, path.to_str().unwrap()]).unwrap();
            let ours = profile.top(Some(&ty.name)).unwrap().to_string();
            assert_eq!(ours, go, "{kind} {}", ty.name);
        }
    }
}

/// Go's tool needs the program for the names, which the text tells. The text doesn't tell the program.
#[test]
fn each_kind_as_text_is_what_go_says_of_it_with_the_program() {
    let Some(folder) = made() else { return };
    let program = folder.join("kinds");
    for kind in ["heap", "allocs", "mutex", "block"] {
        let path = folder.join(kind).with_extension("txt");
        let profile = Profile::read(&path).unwrap();
        for ty in profile.sample_types() {
            let index = format!("-sample_index={}", ty.name);
            let (program, path) = (program.to_str().unwrap(), path.to_str().unwrap());
            let go = go_pprof(&["-top", &index, program, path]).unwrap();
            let go = go.strip_prefix("File: kinds\n").unwrap();
            let ours = profile.top(Some(&ty.name)).unwrap().to_string();
            assert_eq!(ours, go, "{kind} {}", ty.name);
        }
    }
}

/// Go's text leaves out the runtime's own functions at the leaf; all others are as many as the tool says.
#[test]
fn goroutines_as_text_are_counted_as_go_counts_them() {
    let Some(folder) = made() else { return };
    let path = folder.join("goroutine.txt");
    let top = Profile::read(&path).unwrap().top(None).unwrap();
    let (program, path) = (folder.join("kinds"), path.to_str().unwrap());
    let go = go_pprof(&["-top", program.to_str().unwrap(), path]).unwrap();
    assert!(go.contains(&format!(" of {} total", top.total)), "{go}");
    let mut compared = 0;
    for row in go
        .lines()
        .skip_while(|line| !line.contains("flat%"))
        .skip(1)
    {
        let cells: Vec<&str> = row.split_whitespace().collect();
        let [_, _, _, cum, _, function] = cells[..] else {
            panic!("{row}");
        };
        if let Some(ours) = top.rows.iter().find(|row| row.function == function) {
            assert_eq!(ours.cum.to_string(), cum, "{top}");
            compared += 1;
        } else {
            assert!(
                function.starts_with("runtime."),
                "{function} is missing in {top}"
            );
        }
    }
    assert!(compared >= 5, "{top}");
    // Threads that Go's scheduler started have no stack, which Go's tool refuses.
    let threads = Profile::read(folder.join("threadcreate.txt")).unwrap();
    assert!(threads.total("threadcreate").unwrap() > 0);
}
