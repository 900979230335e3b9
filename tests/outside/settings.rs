//! One leaking program, in `builds`, in each setting of a build that changes what can be told of its lines. What each gives stands in the
//! library's documentation, under *Which line a build tells*.

use super::{User, scratch, target, text};
use detectors::{Evidence, Frame, Origin, Profile, Verdict};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

/// What a build tells of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tells {
    /// The line.
    Lines,
    /// The function, and why no line.
    Functions,
    /// A place in the program's file, and why no function.
    Places,
}

use Tells::{Functions, Lines, Places};

/// A setting: its name, what it tells, and how cargo is asked for it. What starts with a hyphen is asked of the compiler, for the program
/// alone.
type Setting = (&'static str, Tells, &'static [&'static str]);

/// Those that people choose most while they test. A program is stripped when it is linked: the three share all libraries.
const OFTEN: [Setting; 3] = [
    ("lines", Lines, &["profile.dev.debug='line-tables-only'"]),
    (
        "stripped",
        Places,
        &["profile.dev.debug='line-tables-only'", "-Cstrip=symbols"],
    ),
    (
        "strip = debuginfo",
        Functions,
        &["profile.dev.debug='line-tables-only'", "-Cstrip=debuginfo"],
    ),
];

/// No library is shared with the others.
const NONE: Setting = ("none", Functions, &["profile.dev.debug=0"]);

const SELDOM: [Setting; 18] = [
    ("full", Lines, &[]),
    ("limited", Lines, &["profile.dev.debug='limited'"]),
    NONE,
    (
        "none, and not stripped of others' lines",
        Functions,
        &["profile.dev.debug=0", "profile.dev.strip=false"],
    ),
    ("strip = symbols", Places, &["profile.dev.strip='symbols'"]),
    (
        "stripped lines",
        Places,
        &[
            "profile.dev.debug='line-tables-only'",
            "profile.dev.strip=true",
        ],
    ),
    (
        "lines, strip = debuginfo",
        Functions,
        &[
            "profile.dev.debug='line-tables-only'",
            "profile.dev.strip='debuginfo'",
        ],
    ),
    ("packed", Lines, &["profile.dev.split-debuginfo='packed'"]),
    (
        "unpacked",
        Lines,
        &["profile.dev.split-debuginfo='unpacked'"],
    ),
    (
        "packed lines",
        Lines,
        &[
            "profile.dev.debug='line-tables-only'",
            "profile.dev.split-debuginfo='packed'",
        ],
    ),
    ("release", Functions, &["profile.release.debug=0"]),
    (
        "release, limited, thin LTO",
        Lines,
        &[
            "profile.release.debug='limited'",
            "profile.release.lto='thin'",
        ],
    ),
    (
        "release, lines, thin LTO",
        Lines,
        &[
            "profile.release.debug='line-tables-only'",
            "profile.release.lto='thin'",
        ],
    ),
    (
        "release, lines, fat LTO",
        Lines,
        &[
            "profile.release.debug='line-tables-only'",
            "profile.release.lto='fat'",
        ],
    ),
    (
        "release, lines, frame pointers",
        Lines,
        &["profile.release.debug='line-tables-only'", FRAME_POINTERS],
    ),
    (
        "release, lines, fat LTO, frame pointers",
        Lines,
        &[
            "profile.release.debug='line-tables-only'",
            "profile.release.lto='fat'",
            FRAME_POINTERS,
        ],
    ),
    (
        "lines, other names",
        Lines,
        &[
            "profile.dev.debug='line-tables-only'",
            "build.rustflags=['-Csymbol-mangling-version=v0']",
        ],
    ),
    (
        "lines, compressed",
        Lines,
        &[
            "profile.dev.debug='line-tables-only'",
            "build.rustflags=['-Clink-arg=-Wl,--compress-debug-sections=zlib']",
        ],
    ),
];

const FRAME_POINTERS: &str = "build.rustflags=['-Cforce-frame-pointers=yes']";

/// What leaks, and the function that is at fault.
const CASES: [(&str, &str); 4] = [
    ("own", "visit"),
    ("registry", "asks_a_registry"),
    ("vendored", "asks_the_vendored"),
    ("path", "asks_the_neighbour"),
];

#[test]
fn a_leak_has_its_line_in_the_builds_that_people_choose_most() {
    each_tells_what_it_can(&OFTEN);
}

#[test]
#[ignore = "builds the program eighteen times: .ci/soak"]
fn a_leak_has_its_line_in_every_build() {
    each_tells_what_it_can(&SELDOM);
}

/// The independent witness, whose names come by another way.
#[test]
#[ignore = "builds the program three times: .ci/soak"]
fn so_it_has_by_dhat() {
    let (edition, user) = (2024, program(2024));
    for setting in [&OFTEN[0], &OFTEN[2], &NONE] {
        check(&user, edition, setting, &["--features", "dhat"]);
    }
}

/// What a running service's debug port tells of the processor's time.
#[test]
#[ignore = "builds the program three times: .ci/soak"]
fn so_it_has_by_the_debug_port() {
    let (edition, user) = (2024, program(2024));
    for setting in &OFTEN[..3] {
        check(&user, edition, setting, &["--features", "debug"]);
    }
}

fn each_tells_what_it_can(settings: &[Setting]) {
    let user = program(2024);
    for setting in settings {
        check(&user, 2024, setting, &[]);
    }
    let older = program(2021);
    check(&older, 2021, &settings[0], &[]);
}

/// The program, in an edition.
fn program(edition: u32) -> User {
    User::copied("neighbour");
    let user = User::copied("builds");
    let manifest = user.folder.join("Cargo.toml");
    let written = fs::read_to_string(&manifest).unwrap();
    fs::write(
        manifest,
        written.replace("edition = \"2024\"", &format!("edition = \"{edition}\"")),
    )
    .unwrap();
    user
}

/// All builds lie in one folder: while a program runs, its debug information there isn't to be another build's.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn check(user: &User, edition: u32, (name, tells, settings): &Setting, more: &[&str]) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = scratch();
    let output = runs(user, name, settings, more, folder.path());
    let failures = text(&output.stderr);
    assert!(output.status.success(), "{name}: {failures}");

    let mut places = BTreeSet::new();
    for (case, function) in CASES {
        let what = format!("{name}, edition {edition} {more:?}, {case}");
        let evidence = Evidence::read(folder.path().join(case)).unwrap();
        assert_eq!(
            evidence.verdict,
            Verdict::Leak,
            "{what}: {}",
            evidence.because
        );
        let site = evidence
            .first_site()
            .unwrap_or_else(|| panic!("{what}: no site: {failures}"));
        for frame in &site.stack {
            assert!(
                is_the_programs(frame),
                "{what}: {frame} in {:#?}",
                site.stack
            );
        }
        let frame = &site.frame;
        let lacks = evidence.instrument.lacks.join("\n");
        match tells {
            Lines => {
                assert_eq!(site.origin, Origin::Own, "{what}: {site}");
                assert!(
                    frame.file.ends_with("/builds/src/shop.rs"),
                    "{what}: {site}"
                );
                assert_eq!(frame.line, line_of(case), "{what}: {site}");
                assert!(
                    frame.function.contains("visits::shop::") && frame.function.contains(function),
                    "{what}: {site}"
                );
                assert!(!lacks.contains("line-tables-only"), "{what}: {lacks}");
            }
            Functions => {
                assert!(
                    frame.function.starts_with("visits::shop::")
                        && frame.function.ends_with(function),
                    "{what}: {site}"
                );
                assert_eq!((frame.file.as_str(), frame.line), ("", 0), "{what}");
            }
            Places => {
                assert!(frame.function.starts_with("visits+0x"), "{what}: {site}");
                assert!(
                    lacks.contains("stripped") && lacks.contains("strip = \"none\""),
                    "{what}: {lacks}"
                );
                // The innermost frame may be one that libraries share: an instance of what is generic.
                let stack = site.stack.iter().map(|frame| frame.function.clone());
                places.insert(stack.collect::<Vec<_>>());
            }
        }
        if *tells != Lines {
            assert!(
                failures.contains("whose line this build can't tell"),
                "{what}: {failures}"
            );
        }
    }
    if *tells == Places && more.is_empty() {
        assert_eq!(
            places.len(),
            CASES.len(),
            "{name}: what leaks at one place isn't told from what leaks at another"
        );
    }
    let mut profiles = vec![("block", "waits")];
    if more.is_empty() {
        profiles.push(("heap", "visit"));
    }
    if more.contains(&"debug") {
        profiles.extend([("heap", "visit"), ("cpu", "works")]);
    }
    for (kind, function) in profiles {
        let file = folder.path().join(format!("{kind}.pb.gz"));
        let what = format!("{name}, {kind}");
        service(&what, *tells, &Profile::read(file).unwrap(), function);
    }
}

/// Builds the program in a setting, and runs it.
fn runs(user: &User, name: &str, settings: &[&str], more: &[&str], into: &Path) -> Output {
    let (flags, settings): (Vec<&str>, Vec<&str>) = settings
        .iter()
        .partition(|setting| setting.starts_with('-'));
    let mut cargo = user.cargo(&["rustc", "--offline"]);
    cargo
        .env("CARGO_INCREMENTAL", "0") // else the units have no crate's name
        .args(more)
        .args(settings.iter().flat_map(|setting| ["--config", setting]));
    let is_release = settings
        .iter()
        .any(|setting| setting.starts_with("profile.release"));
    if is_release {
        cargo.arg("--release");
    }
    if settings.iter().any(|setting| setting.starts_with("build.")) {
        cargo.env_remove("CARGO_ENCODED_RUSTFLAGS");
    }
    let built = cargo.arg("--").args(flags).output().unwrap();
    assert!(built.status.success(), "{name}: {}", text(&built.stderr));
    let profile = if is_release { "release" } else { "debug" };
    let mut program = Command::new(target().join(profile).join("visits"));
    program
        .current_dir(&user.folder)
        .env_remove("RUST_BACKTRACE")
        // As `cargo run` has it.
        .env("CARGO_MANIFEST_DIR", &user.folder)
        .env_remove("CARGO_PKG_NAME");
    // The crate of a function that has no more than a line stands in the units. Where these lie in other files, they aren't read for it.
    let are_elsewhere = settings
        .iter()
        .any(|setting| setting.contains("split-debuginfo"));
    if are_elsewhere {
        program.env("CARGO_PKG_NAME", "visits");
    }
    program.arg(into).output().unwrap()
}

/// A profile that a running service gives, with a function that is in it.
fn service(name: &str, tells: Tells, profile: &Profile, function: &str) {
    let top = profile.top(None).unwrap().to_string();
    let frames: Vec<Frame> = profile
        .stacks()
        .flat_map(|stack| stack.frames)
        .map(|frame| Frame::new(frame.function, frame.file, frame.line))
        .collect();
    // The processor's time is also what takes the samples, and what starts a thread.
    if function != "works" {
        for frame in &frames {
            assert!(is_the_programs(frame), "{name}: {frame} in {top}");
        }
    }
    let says_why = top.contains(" stacks are without lines: ");
    assert_eq!(says_why, tells != Lines, "{name}: {top}");
    let mut leaves = profile.stacks().map(|stack| stack.frames[0].function);
    let is_there = |of: &str| of.ends_with(function);
    assert!(
        tells == Places
            || leaves.any(is_there)
            || function == "works" && frames.iter().any(|frame| is_there(&frame.function)),
        "{name}: {top}"
    );
}

/// None of the allocator's, of what it calls, and of what nothing was known of.
fn is_the_programs(frame: &Frame) -> bool {
    let is_others = [
        "__rust",
        "__rustc",
        "alloc_slowly",
        "trace_unsynchronized",
        "detectors::allocator",
        "dhat::",
        "0x",
    ];
    !is_others
        .iter()
        .any(|start| frame.function.starts_with(start))
        && !frame.file.contains("/detectors/src/allocator/")
}

/// The line that the program's source marks.
fn line_of(case: &str) -> u32 {
    let source = fs::read_to_string(super::here("builds").join("src/shop.rs")).unwrap();
    let mark = format!("// leaks: {case}");
    let line = source
        .lines()
        .position(|line| line.ends_with(&mark))
        .unwrap();
    u32::try_from(line).unwrap() + 1
}
