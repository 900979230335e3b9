//! What several of these tests need.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use detectors::profile::{DhatOptions, Profile, Symbols};

use super::protos;

/// A file among the Go test data.
pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("data/go")
        .join(name)
}

pub(crate) fn go_profile(name: &str) -> Profile {
    Profile::read(data(name)).unwrap()
}

/// Go's pprof with these arguments, without the lines that tell times; `None` where Go
/// isn't installed.
pub(crate) fn go_pprof(arguments: &[&str]) -> Option<String> {
    let output = Command::new("go")
        .args(["tool", "pprof"])
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    let Ok(output) = output else {
        eprintln!("go is not installed: not compared with its pprof");
        return None;
    };
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "go tool pprof {arguments:?}: {told}"
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(without_time(&text))
}

/// Newer tools also tell a program's build.
pub(crate) fn without_time(text: &str) -> String {
    let is_left_out = |line: &str| {
        let starts = ["Time: ", "Duration: ", "Build ID: "];
        starts.iter().any(|start| line.starts_with(start))
    };
    text.lines()
        .filter(|line| !is_left_out(line))
        .fold(String::new(), |mut text, line| {
            writeln!(text, "{line}").unwrap();
            text
        })
}

/// Adds a function of that name, at a place of its own, and gives the place.
pub(crate) fn frame(message: &mut protos::Profile, name: &str) -> u64 {
    let id = message.function.len() as u64 + 1;
    message.function.push(protos::Function {
        id,
        name: i64::try_from(message.string_table.len()).unwrap(),
        ..protos::Function::default()
    });
    message.string_table.push(name.to_owned());
    let line = vec![protos::Line {
        function_id: id,
        line: 7,
    }];
    message.location.push(protos::Location {
        id,
        line,
        ..protos::Location::default()
    });
    id
}

/// dhat's JSON for stacks of frames, leaf first; frame `n` stands at address `16 n`, so that two
/// equal texts are one frame. Values are total bytes, total blocks, live bytes, live blocks.
pub(crate) fn dhat_json(stacks: &[(&[&str], [u64; 4])]) -> String {
    let mut table = vec!["[root]".to_owned()];
    let mut points = Vec::new();
    for (frames, [tb, tbk, eb, ebk]) in stacks {
        let mut positions = Vec::new();
        for frame in *frames {
            let known = table
                .iter()
                .position(|entry| entry.ends_with(&format!(": {frame}")));
            positions.push(known.unwrap_or_else(|| {
                table.push(format!("{:#x}: {frame}", table.len() * 16));
                table.len() - 1
            }));
        }
        points.push(serde_json::json!({
            "tb": tb, "tbk": tbk, "tl": 0, "mb": 0, "mbk": 0, "gb": 0, "gbk": 0, "eb": eb, "ebk": ebk,
            "fs": positions,
        }));
    }
    serde_json::json!({
        "dhatFileVersion": 2, "mode": "rust-heap", "verb": "Allocated", "bklt": true, "bkacc": false,
        "tu": "µs", "Mtu": "s", "tuth": 10, "cmd": "target/debug/shop --port 1", "pid": 1, "tg": 1, "te": 2,
        "pps": points, "ftbl": table,
    })
    .to_string()
}

/// A profile of these stacks.
pub(crate) fn profile(stacks: &[(&[&str], [u64; 4])]) -> Profile {
    let options = DhatOptions::default().symbols(Symbols::Recorded);
    Profile::from_dhat(&dhat_json(stacks), &options).unwrap()
}

/// The profile as a file that other programs can open.
pub(crate) fn written(profile: &Profile) -> tempfile::TempPath {
    let file = tempfile::Builder::new()
        .suffix(".pb.gz")
        .tempfile()
        .unwrap();
    let path = file.into_temp_path();
    profile.write(&path).unwrap();
    path
}
