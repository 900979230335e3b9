//! Go's own pprof says of a profile of this process what we say.

use std::process::{Command, Stdio};

use detectors::profile::{Profile, SourcePaths};

/// What Go's pprof says of the profile is what we say.
///
/// `functions` matches some of its functions, one of which has a line that ends with `// THE LINE OF THE BODY`.
pub(crate) fn agrees(profile: &Profile, functions: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("heap.pb.gz");
    profile.write(&path).unwrap();
    let pprof = |arguments: &[&str]| {
        Command::new("go")
            .args(["tool", "pprof"])
            .args(arguments)
            .arg(&path)
            .stdin(Stdio::null())
            .current_dir(folder.path())
            .output()
    };
    for ty in profile.sample_types() {
        let index = format!("-sample_index={}", ty.name);
        let Ok(top) = pprof(&["-top", &index]) else {
            eprintln!("go is not installed: not compared with its pprof");
            return;
        };
        assert_eq!(
            String::from_utf8_lossy(&top.stdout),
            profile.top(Some(&ty.name)).unwrap().to_string()
        );
    }
    let list = pprof(&[&format!("-list={functions}"), "-sample_index=alloc_space"]).unwrap();
    let ours = profile
        .list(Some("alloc_space"), functions, &SourcePaths::default())
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&list.stdout), ours.to_string());
    assert!(
        ours.to_string().contains("// THE LINE OF THE BODY"),
        "{ours}"
    );

    let raw = String::from_utf8(pprof(&["-raw"]).unwrap().stdout).unwrap();
    let mut sums = [0_i64; 4];
    for line in raw.lines().skip_while(|line| *line != "Samples:").skip(2) {
        let Some((values, _)) = line.split_once(": ") else {
            break;
        };
        for (sum, value) in sums.iter_mut().zip(values.split_whitespace()) {
            *sum += value.parse::<i64>().unwrap();
        }
    }
    let totals: Vec<i64> = profile
        .sample_types()
        .iter()
        .map(|ty| profile.total(&ty.name).unwrap())
        .collect();
    assert_eq!(sums[..], totals, "{raw}");

    // Without graphviz Go's tool can't draw.
    if Command::new("dot").arg("-V").output().is_ok() {
        let png = pprof(&["-png", "-output=graph.png"]).unwrap();
        assert!(
            png.status.success(),
            "{}",
            String::from_utf8_lossy(&png.stderr)
        );
        assert!(
            std::fs::read(folder.path().join("graph.png"))
                .unwrap()
                .starts_with(b"\x89PNG")
        );
    } else {
        eprintln!("graphviz is not installed: no picture asked of Go's pprof");
    }
}
