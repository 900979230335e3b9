//! Both profiles, as any reader of pprof's format shows them.

use super::locks;
use detectors::contention::{block_profile, mutex_profile};
use std::process::{Command, Stdio};

pub(crate) fn go_agrees() {
    let folder = tempfile::tempdir().expect("a folder for the profiles");
    // Nothing has waited yet: that is a profile as well.
    let empty = [("no-block", block_profile()), ("no-mutex", mutex_profile())];
    locks::contend();
    let full = [("block", block_profile()), ("mutex", mutex_profile())];
    for (name, profile) in empty.into_iter().chain(full) {
        let path = folder.path().join(format!("{name}.pb.gz"));
        profile.write(&path).expect("the folder has room");
        for ty in ["contentions", "delay"] {
            let go = Command::new("go")
                .args(["tool", "pprof", "-top", &format!("-sample_index={ty}")])
                .arg(&path)
                .stdin(Stdio::null())
                .output();
            let Ok(go) = go else {
                eprintln!("go is not installed: not compared with its pprof");
                return;
            };
            let ours = profile
                .top(Some(ty))
                .expect("a type that it has")
                .to_string();
            assert_eq!(String::from_utf8_lossy(&go.stdout), ours, "{name}");
            assert_eq!(
                ours.contains("::contend"),
                !name.starts_with("no"),
                "{ours}"
            );
        }
    }
}
