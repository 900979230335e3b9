//! Users of `detectors` outside of this workspace: a folder for each set of its features, with none of our lints, versions and
//! compiler flags.
#![expect(clippy::unwrap_used, reason = "tests")]

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc;
mod settings;

use detectors::{Evidence, Profile, Verdict};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// How many libraries the allocator alone may compile.
const LIBRARIES_MAX: usize = 30;

#[test]
fn its_memory_test_costs_ten_lines() {
    let manifest = fs::read_to_string(here("user").join("Cargo.toml")).unwrap();
    let (_, from) = manifest.split_once("# Its memory test").unwrap();
    let (section, _) = from.split_once("\n# And").unwrap();
    let in_manifest = section
        .lines()
        .skip(1)
        .filter(|line| !line.is_empty())
        .count();
    let in_test = fs::read_to_string(here("user").join("tests/memory.rs"))
        .unwrap()
        .lines()
        .count();
    assert_eq!((in_manifest, in_test), (5, 5));
}

/// Its steady service passes, its leak is caught with the line, and the evidence says what this build lacks. So do the tests of its program,
/// which lie beside what they test.
#[test]
fn it_is_built_without_our_flags_and_sees_what_leaks() {
    let evidence = scratch();
    let output = User::copied("user")
        .cargo(&["test", "--offline", "--config", LINES_OF_LIBRARIES])
        .env("DETECTORS_OUT", evidence.path())
        .output()
        .unwrap();
    for line in [
        "test visits_are_steady ... ok",
        "test the_audit_is_caught ... ok",
        "test tests::a_programs_visits_are_steady ... ok",
        "test tests::a_programs_audit_is_caught ... ok",
    ] {
        said(&output, line);
    }

    let steady = Evidence::read(evidence.path().join("visits_are_steady")).unwrap();
    assert_eq!(steady.verdict, Verdict::Steady);
    let [frames, tasks] = &steady.instrument.lacks[..] else {
        panic!("lacks two things: {:?}", steady.instrument.lacks);
    };
    assert!(frames.contains("frame pointers") && tasks.contains("tokio_unstable"));

    let leak = Evidence::read(evidence.path().join("the_audit_is_caught")).unwrap();
    let site = leak
        .findings
        .iter()
        .find_map(|finding| finding.at.as_ref())
        .unwrap();
    assert!(site.frame.function.contains("greet_with_audit"), "{site}");
    assert!(
        Path::new(&site.frame.file).ends_with("src/lib.rs"),
        "{site}"
    );
}

#[test]
fn the_allocator_alone_is_small_counts_and_samples() {
    let user = User::copied("allocator-alone");
    let libraries = user.libraries();
    for tool in ["clap", "dhat", "libtest-mimic", "tokio"] {
        assert!(
            !libraries.iter().any(|library| library == tool),
            "a service that runs compiles {tool}: {libraries:?}"
        );
    }
    assert!(
        libraries.len() <= LIBRARIES_MAX,
        "{} libraries: {libraries:?}",
        libraries.len()
    );

    let folder = scratch();
    let profile = folder.path().join("heap.pb.gz");
    let run = ["run", "--offline", "--", profile.to_str().unwrap()];
    said(&user.cargo(&run).output().unwrap(), "gives back");
    let top = Profile::read(&profile).unwrap().top(None).unwrap();
    assert!(
        top.to_string().contains("allocator_alone::remember"),
        "{top}"
    );
    starts_on_an_older_glibc("allocator-alone");
}

#[test]
fn an_async_service_watches_itself_without_the_harness() {
    let output = User::copied("tokio-alone")
        .cargo(&["run", "--offline"])
        .output()
        .unwrap();
    for word in ["leak: ", "steady: ", "never wake: 1 by counts"] {
        said(&output, word);
    }
    starts_on_an_older_glibc("tokio-alone");
}

/// No symbols, no frame pointers, no `tokio_unstable`, and functions of many crates in one.
#[test]
#[ignore = "builds all of it once more, for release: .ci/soak"]
fn a_service_as_it_is_shipped_tells_its_tasks() {
    let shipped = ["run", "--offline", "--profile", "shipped"];
    let output = User::copied("tokio-alone")
        .cargo(&shipped)
        .output()
        .unwrap();
    said(&output, "never wake: 1 by counts");
}

#[test]
fn the_harness_runs_without_a_runtime() {
    let user = User::copied("harness-alone");
    assert!(!user.libraries().iter().any(|library| library == "tokio"));
    let output = user.cargo(&["test", "--offline"]).output().unwrap();
    said(&output, "2 passed");
}

/// A vendored package and one by a path are no code of the service's: its own caller is accused.
#[test]
fn packages_that_are_not_the_services_own_are_told_from_it() {
    User::copied("neighbour");
    let output = User::copied("with-others")
        .cargo(&["test", "--offline"])
        .output()
        .unwrap();
    said(&output, "3 passed");
}

#[test]
fn the_debug_port_answers_without_the_harness() {
    let user = User::copied("debug-alone");
    assert!(!user.libraries().iter().any(|library| library == "clap"));
    let output = user
        .cargo(&["run", "--offline"])
        .env("CARGO_ENCODED_RUSTFLAGS", UNSTABLE)
        .output()
        .unwrap();
    said(&output, "/metrics: ");
    starts_on_an_older_glibc("debug-alone");
}

#[test]
#[cfg(target_os = "linux")]
fn a_look_at_a_process_needs_nothing_else() {
    let user = User::copied("triage-alone");
    let libraries = user.libraries();
    assert!(
        libraries.len() <= LIBRARIES_MAX,
        "{} libraries: {libraries:?}",
        libraries.len()
    );
    let output = user.cargo(&["run", "--offline"]).output().unwrap();
    for word in ["steady", "no process kept a profile"] {
        said(&output, word);
    }
    starts_on_an_older_glibc("triage-alone");
}

/// Against a model of ten thousand sequences, and against Valgrind; which CI has, and a reader may not.
#[test]
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
fn what_c_code_asks_for_is_seen() {
    let output = User::copied("foreign")
        .cargo(&["test", "--offline"])
        .output()
        .unwrap();
    said(
        &output,
        "test ten_thousand_sequences_of_c_and_rust    ... ok",
    );
    said(
        &output,
        "test a_scope_counts_what_valgrind_finds_lost ... ok",
    );
}

/// `SQLite` and zlib, each compiled with the program.
#[test]
#[ignore = "fetches two C libraries and compiles them, which takes minutes: .ci/soak"]
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
fn leaks_in_real_c_libraries_have_their_line() {
    let output = User::copied("c-libraries")
        .cargo(&["test"])
        .output()
        .unwrap();
    said(&output, "4 passed");
}

#[test]
fn everything_goes_together() {
    let output = User::copied("everything")
        .cargo(&["test", "--offline"])
        .env("CARGO_ENCODED_RUSTFLAGS", UNSTABLE)
        .output()
        .unwrap();
    said(&output, "3 passed");
}

/// The oldest tokio that the library says it works with. This workspace has a newer one, so its files may have to be fetched.
#[test]
fn a_service_that_is_held_at_an_older_tokio_adds_the_library() {
    let user = User::copied("old-tokio");
    let mut outputs = Vec::new();
    for reach in [&["--offline"][..], &[]] {
        let pin = ["update", "--package", "tokio@1", "--precise", "1.41.1"];
        let pinned = user.cargo(&[&pin[..], reach].concat()).output().unwrap();
        outputs.push(if pinned.status.success() {
            user.cargo(&[&["test"][..], reach].concat())
                .output()
                .unwrap()
        } else {
            pinned
        });
        if outputs.last().unwrap().status.success() {
            break;
        }
    }
    let output = outputs.last().unwrap();
    let is_out_of_reach = !output.status.success() && text(&output.stderr).contains("download");
    if is_out_of_reach && std::env::var_os("CI").is_none() {
        println!("not run: tokio 1.41 isn't here, and no registry can be reached");
        return;
    }
    said(output, "3 passed");
}

/// Lines of libraries, and no more of them, as other users have it in their manifests: so they share what they compile, and the manifest
/// of this one stays as short as it can be.
const LINES_OF_LIBRARIES: &str = "profile.dev.package.'*'.debug='line-tables-only'";

/// Tasks by spawn site, and where they wait.
const UNSTABLE: &str = "--cfg\u{1f}tokio_unstable";

/// Where all of them are built, so that they share what they can.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("outside-user")
}

/// Whoever builds on an old system gets a program that runs there: the library brings in no symbol newer than glibc 2.28.
#[track_caller]
fn starts_on_an_older_glibc(name: &str) {
    static BARE: OnceLock<Vec<String>> = OnceLock::new();
    let newer = |name: &str| glibc::newer(&target().join("debug").join(name));
    let bare = BARE.get_or_init(|| {
        said(
            &User::copied("bare")
                .cargo(&["run", "--offline"])
                .output()
                .unwrap(),
            "Ok",
        );
        newer("bare")
    });
    let of_the_library: Vec<_> = newer(name)
        .into_iter()
        .filter(|symbol| !bare.contains(symbol))
        .collect();
    assert!(
        of_the_library.is_empty(),
        "{name} doesn't start where glibc is older, for want of {of_the_library:?}; look such a function up while the program runs \
         (dlsym), and say what is missing where it isn't there"
    );
}

fn here(user: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("outside")
        .join(user)
}

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// It went well, and printed this; and the compiler had nothing to say of the library.
#[track_caller]
fn said(output: &Output, what: &str) {
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    assert!(stdout.contains(what), "lacks `{what}`:\n{stdout}\n{stderr}");
    // With these features alone.
    assert!(
        !stderr.contains("warning: `detectors`"),
        "the library isn't built without a warning:\n{stderr}"
    );
}

/// A user's package.
struct User {
    folder: PathBuf,
}

impl User {
    /// A copy in the target folder, with this workspace's versions: a build would write its lock file beside the manifest.
    fn copied(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("outside")
            .join(name);
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        copy(&here(name), &folder);
        fs::copy(workspace.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        let library = workspace.join("detectors").display().to_string();
        // A quoted Rust string is a TOML string, too.
        let manifest = manifest.replace("\"../../../detectors\"", &format!("{library:?}"));
        fs::write(folder.join("Cargo.toml"), manifest).unwrap();
        User { folder }
    }

    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .args(arguments)
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", target())
            // Set and empty, it wins over the workspace's configuration, which cargo finds above this folder.
            .env("CARGO_ENCODED_RUSTFLAGS", "")
            .env_remove("RUST_BACKTRACE");
        cargo
    }

    /// The names of the libraries that are compiled for it, besides `detectors`.
    fn libraries(&self) -> Vec<String> {
        let tree = [
            "tree",
            "--offline",
            "--edges",
            "normal,dev",
            "--prefix",
            "none",
        ];
        let output = self.cargo(&tree).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        let own = [
            "detectors",
            self.folder.file_name().unwrap().to_str().unwrap(),
        ];
        let mut names: Vec<String> = text(&output.stdout)
            .lines()
            .filter_map(|line| line.split(' ').next())
            .filter(|name| !own.contains(name))
            .map(str::to_owned)
            .collect();
        names.sort();
        names.dedup();
        names
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}
