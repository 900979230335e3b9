//! What it costs to make, read and show profiles; ratios of one run, medians of interleaved turns.
//!
//! The large profile holds 10 MB before gzip and is made the same way every time. Reading it is
//! timed as whole processes, ours and Go's `pprof -top`, on the same gzipped file.
#![expect(clippy::unwrap_used, reason = "a benchmark")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use detectors::profile::{DhatOptions, FlamegraphOptions, Profile, Symbols};
use protos::Message;

#[path = "../src/profile/protos.rs"]
mod protos; // the format's messages

const TURNS: usize = 5;
const PLAIN_BYTES: usize = 10_000_000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    // The process that is timed against Go's tool.
    if let [_, mode, path] = arguments.as_slice()
        && mode == "--top-of"
    {
        print!(
            "{}",
            Profile::read(Path::new(path)).unwrap().top(None).unwrap()
        );
        return;
    }
    // `cargo test --benches` only asks whether it runs.
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("run it with `cargo bench -p detectors --bench profiles`");
        return;
    }
    conversion();
    reading();
}

/// dhat's JSON to a profile, and for scale the time that its JSON alone takes to parse.
fn conversion() {
    let json = dhat_json(4_000, 30);
    let megabytes = json.len() as f64 / 1e6;
    let options = DhatOptions::default().symbols(Symbols::Recorded);
    let [convert, parse] = interleaved([
        &mut || drop(black_box(Profile::from_dhat(&json, &options).unwrap())),
        &mut || {
            black_box(serde_json::from_str::<serde_json::Value>(&json).unwrap());
        },
    ]);
    println!(
        "conversion of dhat's JSON: {:.1} ms per MB ({megabytes:.1} MB), {:.2} of parsing it to a serde_json::Value",
        convert.as_secs_f64() * 1e3 / megabytes,
        ratio(convert, parse)
    );
}

fn reading() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.pb.gz");
    let plain = large_profile();
    let profile = Profile::from_bytes("large", &plain).unwrap();
    profile.write(&path).unwrap();
    let packed = std::fs::metadata(&path).unwrap().len();
    println!(
        "the large profile: {} bytes plain, {packed} gzipped, {} samples",
        plain.len(),
        profile.stacks().count()
    );

    let bytes = std::fs::read(&path).unwrap();
    let [read, top, draw] = interleaved([
        &mut || drop(black_box(Profile::from_bytes("large", &bytes).unwrap())),
        &mut || drop(black_box(profile.top(None).unwrap())),
        &mut || {
            black_box(profile.flamegraph(&FlamegraphOptions::default()).unwrap());
        },
    ]);
    println!("in this process: read {read:.1?}, top {top:.1?}, flame graph {draw:.1?}");

    if Command::new("go").arg("version").output().is_err() {
        eprintln!("go is not installed: not compared with its pprof");
        return;
    }
    let ours = || {
        run(Command::new(std::env::current_exe().unwrap())
            .arg("--top-of")
            .arg(&path))
    };
    // The tool's own program: `go tool` in front of it would only add to its time.
    let tool = run(Command::new("go").args(["tool", "-n", "pprof"]));
    let theirs = || run(Command::new(tool.trim()).arg("-top").arg(&path));
    let without_time = |text: String| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.starts_with("Time: "));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(
        without_time(ours()),
        without_time(theirs()),
        "both must say the same"
    );
    let [ours, theirs] = interleaved([&mut || drop(ours()), &mut || drop(theirs())]);
    println!(
        "reading and top as whole processes: ours {ours:.1?}, Go's pprof {theirs:.1?}, ratio {:.2} (goal: at most 1)",
        ratio(ours, theirs)
    );
}

fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The median time of each, all taking turns so that the machine's moods hit them alike.
fn interleaved<const N: usize>(mut work: [&mut dyn FnMut(); N]) -> [Duration; N] {
    let mut times = [const { Vec::new() }; N];
    for turn in 0..=TURNS {
        for (times, work) in times.iter_mut().zip(&mut work) {
            let start = Instant::now();
            work();
            // The first turn warms caches up.
            if turn > 0 {
                times.push(start.elapsed());
            }
        }
    }
    times.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    })
}

fn ratio(ours: Duration, theirs: Duration) -> f64 {
    ours.as_secs_f64() / theirs.as_secs_f64()
}

/// A reproducible stand-in for chance (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Stacks of 10 to 40 frames among 4,000 locations, until the message is large enough.
fn large_profile() -> Vec<u8> {
    const LOCATIONS: u64 = 4_000;
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut strings = [
        "",
        "alloc_objects",
        "count",
        "alloc_space",
        "bytes",
        "inuse_objects",
        "inuse_space",
    ]
    .map(str::to_owned)
    .to_vec();
    let mut message = protos::Profile {
        sample_type: [(1, 2), (3, 4), (5, 2), (6, 4)]
            .map(|(ty, unit)| protos::ValueType { ty, unit })
            .to_vec(),
        ..protos::Profile::default()
    };
    for id in 1..=LOCATIONS {
        let name = i64::try_from(strings.len()).unwrap();
        strings.push(format!(
            "service::module_{}::Type{}::method_{id}",
            id % 40,
            id % 400
        ));
        strings.push(format!("/home/builder/service/src/module_{}.rs", id % 40));
        message.function.push(protos::Function {
            id,
            name,
            filename: name + 1,
            ..protos::Function::default()
        });
        let mut line = vec![protos::Line {
            function_id: id,
            line: i64::try_from(random.below(900)).unwrap() + 1,
        }];
        if id > 1 && random.below(3) == 0 {
            line.insert(
                0,
                protos::Line {
                    function_id: random.below(id - 1) + 1,
                    line: 7,
                },
            );
        }
        message.location.push(protos::Location {
            id,
            address: 0x40_0000 + id * 16,
            line,
            ..protos::Location::default()
        });
    }
    message.string_table = strings;
    let mut size = message.encoded_len();
    while size < PLAIN_BYTES {
        // Calls go from low numbers to high ones, with long shared beginnings, as in a program.
        let depth = 10 + random.below(31);
        let stack = (0..depth)
            .rev()
            .map(|level| level * 100 + random.below(1 + level * 2) + 1)
            .collect();
        let blocks = i64::try_from(random.below(100)).unwrap() + 1;
        let live = i64::try_from(random.below(2)).unwrap() * blocks;
        let block_bytes = i64::try_from(random.below(4096)).unwrap() + 1;
        let sample = protos::Sample {
            location_id: stack,
            value: vec![blocks, blocks * block_bytes, live, live * block_bytes],
            label: Vec::new(),
        };
        size += sample.encoded_len() + 2;
        message.sample.push(sample);
    }
    message.encode_to_vec()
}

/// dhat's JSON with this many stacks of this depth.
fn dhat_json(stacks: usize, depth: usize) -> String {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let frames = 3_000;
    let mut json = String::from(
        r#"{"dhatFileVersion":2,"mode":"rust-heap","verb":"Allocated","bklt":true,"bkacc":false,"tu":"µs","Mtu":"s","tuth":10,"cmd":"service","pid":1,"tg":1,"te":2,"pps":["#,
    );
    for stack in 0..stacks {
        let comma = if stack == 0 { "" } else { "," };
        let positions: Vec<String> = (0..depth)
            .map(|_| (random.below(frames) + 1).to_string())
            .collect();
        write!(
            json,
            r#"{comma}{{"tb":{},"tbk":{},"tl":1,"mb":1,"mbk":1,"gb":1,"gbk":1,"eb":64,"ebk":1,"fs":[{}]}}"#,
            stack + 64,
            stack % 7 + 1,
            positions.join(",")
        )
        .unwrap();
    }
    json.push_str(r#"],"ftbl":["[root]""#);
    for frame in 1..=frames {
        write!(
            json,
            r#","0x{:x}: service::module_{}::Type::method_{frame} (service/src/module_{}.rs:{}:9)""#,
            0x40_0000 + frame * 16,
            frame % 40,
            frame % 40,
            frame % 900
        )
        .unwrap();
    }
    json.push_str("]}");
    json
}
