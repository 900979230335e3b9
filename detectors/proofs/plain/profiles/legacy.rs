//! Profiles in the forms that came before pprof's: what Go's tool says of them is what we say.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use detectors::heap::Detail;
use detectors::profile::ProfileError;
use detectors::{Profile, Scope};

use super::support::go_pprof;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("data/legacy")
        .join(name)
}

/// What is said of each of the profile's values.
fn tops(profile: &Profile) -> String {
    let types = profile.sample_types();
    types.iter().fold(String::new(), |mut text, ty| {
        writeln!(text, "{}", profile.top(Some(&ty.name)).unwrap()).unwrap();
        text
    })
}

/// The same, by Go's tool.
fn gos_tops(profile: &Profile, path: &Path) -> Option<String> {
    let types = profile.sample_types();
    let tops = types.iter().map(|ty| {
        let index = format!("-sample_index={}", ty.name);
        Some(go_pprof(&["-top", &index, path.to_str().unwrap()])? + "\n")
    });
    tops.collect()
}

#[test]
fn each_form_is_read_as_go_reads_it() {
    for form in [
        "gperftools.heap",
        "tcmalloc.heap",
        "growth.heap",
        "contention.txt",
        "threads.txt",
        "java.heap",
        "java.contention",
    ] {
        let profile = Profile::read(data(form)).unwrap();
        let ours = tops(&profile);
        insta::assert_snapshot!(form, ours);
        if let Some(go) = gos_tops(&profile, &data(form)) {
            assert_eq!(ours, go, "{form}");
        }
    }
}

/// Go's tool knows no names there without the program, and the text has them.
#[test]
fn gos_text_has_its_totals_and_tells_names_besides() {
    let profile = Profile::read(data("go.heap")).unwrap();
    insta::assert_snapshot!(profile.top(None).unwrap());
    let Some(go) = gos_tops(&profile, &data("go.heap")) else {
        return;
    };
    for ty in ["alloc_objects", "inuse_objects"] {
        let total = format!(" of {} total", profile.total(ty).unwrap());
        assert!(go.contains(&total), "{total}: {go}");
    }
}

/// Go's tool doesn't read jemalloc's form, so it gets the same values in the form that it reads.
#[test]
fn jemallocs_values_are_scaled_as_go_scales_them() {
    for file in ["jemalloc.heap", "jemalloc-5.3.heap"] {
        let text = fs::read_to_string(data(file)).unwrap();
        let mut same = String::new();
        let mut stack = "";
        for line in text.lines() {
            match line.trim().strip_prefix("t*:") {
                Some(sums) if stack.is_empty() => {
                    let rate = text.lines().next().unwrap();
                    writeln!(same, "heap profile: {sums} @ {rate}").unwrap();
                }
                Some(sums) => writeln!(same, "{sums} {stack}").unwrap(),
                None if line.starts_with('@') => stack = line,
                None if line.contains('-') || line.contains("MAPPED") => {
                    writeln!(same, "{line}").unwrap();
                }
                None => {}
            }
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, &same).unwrap();
        let profile = Profile::from_bytes("jemalloc's", text.as_bytes()).unwrap();
        let ours = tops(&profile);
        assert_eq!(ours, tops(&Profile::read(&file).unwrap()));
        if let Some(go) = gos_tops(&profile, file.path()) {
            assert_eq!(ours, go, "{same}");
        }
    }
}

/// A CPU profile of these stacks, by words of such a size and order.
fn cpu<const SIZE: usize>(
    java: u64,
    stacks: &[(u64, &[u64])],
    word: fn(u64) -> [u8; SIZE],
) -> Vec<u8> {
    let mut words = vec![0, 3, java, 10_000, 0];
    for (count, stack) in stacks {
        words.extend([*count, stack.len() as u64]);
        words.extend(*stack);
    }
    words.extend([0, 1, 0]);
    words.into_iter().flat_map(word).collect()
}

fn short(word: u64) -> u32 {
    u32::try_from(word).unwrap()
}

#[test]
fn cpu_profiles_of_either_size_and_order_are_read_as_go_reads_them() {
    let stacks: [(u64, &[u64]); 3] = [
        // The signal's handler is the second frame of all.
        (5, &[0x1d20, 0x9001, 0x3c11, 0x4a08]),
        (3, &[0x1d40, 0x9001, 0x3c11, 0x4a08]),
        (1, &[0xc010, 0x9001, 0xc010, 0x3c11]),
    ];
    let files = [
        cpu(0, &stacks, u64::to_le_bytes),
        cpu(0, &stacks, u64::to_be_bytes),
        cpu(0, &stacks, |word| short(word).to_le_bytes()),
        cpu(0, &stacks, |word| short(word).to_be_bytes()),
    ];
    for mut bytes in files {
        bytes.extend(
            b"00001000-00008000 r-xp 00000000 08:01 1 /opt/shop/bin/shop\n\
            00008000-0000a000 r-xp 00000000 08:01 1 /opt/shop/bin/handler\n\
            0000c000-0000d000 r-xp 00000000 08:01 1 /opt/shop/lib/libcart.so\n",
        );
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, &bytes).unwrap();
        let profile = Profile::read(&file).unwrap();
        assert_eq!(profile.total("samples"), Ok(9));
        assert_eq!(profile.total("cpu"), Ok(90_000_000));
        let depths: Vec<usize> = profile.stacks().map(|stack| stack.frames.len()).collect();
        assert_eq!(depths, [3, 3, 2], "neither a handler nor a leaf twice");
        if let Some(go) = gos_tops(&profile, file.path()) {
            assert_eq!(tops(&profile), go);
        }
    }
    let mut java = cpu(1, &[(5, &[3, 4]), (2, &[4])], u64::to_le_bytes);
    java.extend(b"0x00000003 com.example.Cart.add (Cart.java:77)\n0x00000004 com.example.Main.main (Main.java:8)\n");
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, &java).unwrap();
    let profile = Profile::read(&file).unwrap();
    assert_eq!(
        profile.top(None).unwrap().rows[0].function,
        "com.example.Cart.add"
    );
    if let Some(go) = gos_tops(&profile, file.path()) {
        assert_eq!(tops(&profile), go);
    }
}

/// A function of this program under a name that every tool shows alike.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn proof_fills_the_cart(count: u64) -> u64 {
    std::hint::black_box(count * 3 + 1)
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn proof_serves_a_request(count: u64) -> u64 {
    proof_fills_the_cart(std::hint::black_box(count)) + 1
}

/// The kernel's own list of this program's files, so that the addresses lead to its file on disk.
#[cfg(target_os = "linux")]
#[test]
fn addresses_are_named_from_the_files_that_were_mapped() {
    assert_eq!(proof_serves_a_request(1), 5);
    let leaf = proof_fills_the_cart as *const () as usize + 1;
    let caller = proof_serves_a_request as *const () as usize + 2;
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let text = format!(
        "heap profile: 3: 300 [3: 300] @ heapprofile\n 3: 300 [3: 300] @ {leaf:#x} {caller:#x}\n\
         MAPPED_LIBRARIES:\n{maps}"
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, &text).unwrap();
    let profile = Profile::read(&file).unwrap();
    let stack = profile.stacks().next().unwrap();
    let names: Vec<&str> = stack.frames.iter().map(|frame| frame.function).collect();
    assert_eq!(names, ["proof_fills_the_cart", "proof_serves_a_request"]);
    assert!(stack.frames[0].file.ends_with("legacy.rs") && stack.frames[0].line > 0);

    // Where the file says that it is another build, nothing is said of it.
    let program = std::env::current_exe().unwrap();
    let short = format!(
        "heap profile: 3: 300 [3: 300] @ heapprofile\n 3: 300 [3: 300] @ 0x401000\n\
         --- Memory map: ---\n400000-500000: {} (@1000) 0bad\n",
        program.display()
    );
    let profile = Profile::from_bytes("another build", short.as_bytes()).unwrap();
    let frame = profile.stacks().next().unwrap().frames[0];
    let has_build_id = fs::read(&program)
        .unwrap()
        .windows(18)
        .any(|at| at == b".note.gnu.build-id");
    assert_eq!(frame.function.is_empty(), has_build_id, "{frame:?}");
}

fn refused(text: &[u8]) -> String {
    Profile::from_bytes("input", text).unwrap_err().to_string()
}

#[test]
fn a_line_that_is_none_of_the_forms_is_named() {
    let mut cut = cpu(0, &[(5, &[0x1d20, 0x9001])], u64::to_le_bytes);
    cut.truncate(cut.len() - 30);
    let long: Vec<u8> = [0, 3, 0, 10_000, 0, 1, u64::MAX]
        .into_iter()
        .flat_map(u64::to_le_bytes)
        .collect();
    let refusals = [
        refused(b"heap profile: 1: 2 [3: 4] @ heap_v9/12\n"),
        refused(b"heap profile: 1: 2 [3: 4] @ heap/1048576\nand now?\n"),
        refused(b"heap profile: 1: 2 [3: 4] @ heap/1048576\n0: 2 [3: 4] @ 0x1\n"),
        refused(b"heap profile: 1: 2 [3: 4] @ heap/1048576\n1: 2 [3: 4] @ 0x11111111111111111\n"),
        refused(b"heap_v2/524288\n  t0: 1: 2 [0: 0]\n"),
        refused(b"heap_v2/524288\n  t*: 1: 2 [0: 0]\n  t*: 1: 2 [0: 0]\n"),
        refused(b"goroutine profile: total 4\nfour @ 0x1\n"),
        refused(b"--- mutex:\ncycles/second=fast\n"),
        refused(b"--- contentionz 1 ---\n12 @ 0x1\n"),
        refused(b"--- threadz 1 ---\n--- something else\n"),
        refused(b"--- heapz 1 ---\nformat = java\nresolution = bytes\n many @ 0x1\n"),
        refused(&cut),
        refused(&long),
    ];
    insta::assert_snapshot!(refusals.join("\n"));
}

#[test]
fn what_would_take_more_than_reading_may_is_refused() {
    let samples = "1:1[1:1]@\n".repeat((4 << 20) + 1);
    let text = format!("heap profile: 1: 1 [1: 1] @ heapprofile\n{samples}");
    let refused = Profile::from_bytes("input", text.as_bytes()).map(|profile| profile.is_empty());
    assert!(
        matches!(refused, Err(ProfileError::TooLarge { .. })),
        "{refused:?}"
    );
}

/// What a sample is said to take is at least what it takes.
#[test]
fn a_text_takes_no_more_than_was_counted() {
    const SAMPLES: usize = 100_000;
    let mut text = "heap profile: 1: 1 [9: 9] @ heapprofile\n".to_owned();
    for number in 0..SAMPLES {
        writeln!(text, "1: 1 [9: 9] @ {:#x} 0x2", number + 3).unwrap();
    }
    let scope = Scope::new(Detail::Counts).unwrap();
    let profile = Profile::from_bytes("input", text.as_bytes()).unwrap();
    let peak = scope.read().peak_bytes;
    let counted = (SAMPLES * (256 + 2 * 24 + 200)) as u64;
    assert!(peak < counted, "{peak} bytes, of {counted} counted");
    assert_eq!(profile.stacks().count(), SAMPLES);
}
