//! Whether a file is evidence of this very drill.
//!
//! | evidence | is taken when |
//! |---|---|
//! | a heap profile | its stacks' addresses are those of the service's process, which has its own from run to run; and the site is in it, or is a place of the service's source, which needn't allocate to keep |
//! | another profile of the debug port | it was written since the drill began, and names this service's code, its cluster or its files |
//! | a report of `leaks triage --format json` | it was written since, is about this process or its debug port, and has a verdict that the answer can be |
//! | a profile that a killed service left | it is one of those that this one left |

use super::score::{Answer, Site};
use super::source;
use crate::started::{FOLDER, Running};
use detectors::{Profile, Verdict};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;
use workbook::problem::{Problem, Result};
use workbook::say;

/// A share of the addresses; the rest may be of code that was made while it ran.
const OF_THE_PROCESS: f64 = 0.9;

/// What the service's own functions begin with.
const OWN: &str = "domain_service::features::";

/// What a file is, in words. Fails where it is no evidence of this drill.
pub(super) fn checked(
    file: &Path,
    running: &Running,
    answer: &Answer,
    root: &Path,
) -> Result<String> {
    let content =
        fs::read(file).map_err(|error| Problem::file("read the evidence in", file, &error))?;
    let name = say::path(file);
    let none = |why: String| {
        Problem::new(format!("{name} is no evidence of this drill"))
            .because(why)
            .next(format!(
                "It doesn't count as an answer. Take a profile: {}",
                take(running)
            ))
    };
    if let Ok(report) = serde_json::from_slice::<Value>(&content) {
        is_fresh(file, running).map_err(none)?;
        of_report(&report, running, answer).map_err(none)?;
        return Ok(format!("{name}: a triage of this service"));
    }
    let profile = Profile::from_bytes(&name, &content).map_err(|error| none(error.to_string()))?;
    if let Answer::NoLeak(_) = answer {
        return Err(none("that nothing leaks is shown by a whole look, and no profile is one: give the report of a triage as JSON".to_owned()));
    }
    if let Some(left) = &running.left {
        is_left(&content, left).map_err(none)?;
    } else if has_addresses(&profile) {
        of_process(&profile, running.process).map_err(none)?;
    } else {
        is_fresh(file, running).map_err(none)?;
        names_service(&profile, running).map_err(none)?;
    }
    if let Answer::Leak { site, .. } = answer
        && has_addresses(&profile)
    {
        has_site(&profile, site, root).map_err(none)?;
    }
    let what: Vec<String> = profile
        .sample_types()
        .iter()
        .map(|of| of.name.clone())
        .collect();
    Ok(format!(
        "{name}: a profile of this service, {}",
        what.join(", ")
    ))
}

/// How a profile is had.
pub(super) fn take(running: &Running) -> String {
    match &running.left {
        Some(left) => format!("ls {}", say::path(left)),
        None => format!(
            "curl -s http://{}/debug/pprof/heap > heap.pb.gz",
            running.debug
        ),
    }
}

fn is_fresh(file: &Path, running: &Running) -> std::result::Result<(), String> {
    let written = fs::metadata(file).and_then(|about| about.modified()).ok();
    let written = written.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    if written.is_some_and(|at| at >= running.began()) {
        Ok(())
    } else {
        Err("it was written before this drill began".to_owned())
    }
}

fn of_report(
    report: &Value,
    running: &Running,
    answer: &Answer,
) -> std::result::Result<(), String> {
    let (name, verdict) = (report["name"].as_str(), report["verdict"].as_str());
    let verdict = verdict.and_then(|verdict| verdict.parse::<Verdict>().ok());
    let windows = report["readings"].as_array();
    let (Some(name), Some(verdict), Some(windows)) = (name, verdict, windows) else {
        return Err("it is JSON, and not what `leaks triage --format json` prints".to_owned());
    };
    let port = running.debug.rsplit(':').next().unwrap_or_default();
    let is_its = name.contains(&format!(":{port}"))
        || name.contains(&format!("process {} ", running.process));
    let says = match answer {
        Answer::Leak { .. } => Verdict::Leak,
        Answer::NoLeak(verdict) => *verdict,
    };
    if is_its && verdict == Verdict::Inconclusive {
        Err("it says inconclusive, and so shows nothing: look for as long as it says".to_owned())
    } else if is_its && windows.is_empty() {
        // Too short a look ends without one, and says inconclusive.
        Err(format!("it says {verdict}, and has no window of a look"))
    } else if is_its && verdict != says {
        Err(format!("it says {verdict}, and the answer says {says}"))
    } else if is_its {
        Ok(())
    } else {
        Err(format!(
            "it is about {name}, and the drill's service is process {}, with its debug port at {}",
            running.process, running.debug
        ))
    }
}

fn is_left(content: &[u8], left: &Path) -> std::result::Result<(), String> {
    let entries = fs::read_dir(left).into_iter().flatten().flatten();
    let is_same = entries
        .map(|entry| entry.path())
        .any(|path| fs::read(path).is_ok_and(|other| other == content));
    if is_same {
        Ok(())
    } else {
        Err(format!("it is none of the files in {}", say::path(left)))
    }
}

/// What counts tasks or descriptors has groups, and no addresses of its own.
fn has_addresses(profile: &Profile) -> bool {
    let types = profile.sample_types();
    types.iter().any(|of| of.name == "inuse_space")
}

/// Where a program lies in memory differs from run to run.
fn of_process(profile: &Profile, process: u32) -> std::result::Result<(), String> {
    let maps = fs::read_to_string(format!("/proc/{process}/maps"));
    let maps =
        maps.map_err(|error| format!("the drill's service can't be read any more ({error})"))?;
    let code: Vec<(u64, u64)> = maps.lines().filter_map(executable).collect();
    let addresses = profile.stacks().flat_map(|stack| {
        let known = stack
            .frames
            .iter()
            .map(|frame| frame.address)
            .filter(|address| *address != 0);
        known.collect::<Vec<u64>>()
    });
    let (mut of_it, mut all) = (0_u32, 0_u32);
    for address in addresses {
        all += 1;
        of_it += u32::from(
            code.iter()
                .any(|(from, to)| (*from..=*to).contains(&address)),
        );
    }
    if f64::from(of_it) >= OF_THE_PROCESS * f64::from(all) {
        Ok(())
    } else {
        Err(format!(
            "{of_it} of its {all} addresses are those of process {process}: it is another run's"
        ))
    }
}

/// A line of `/proc/PID/maps` that has code.
fn executable(line: &str) -> Option<(u64, u64)> {
    let (range, rest) = line.split_once(' ')?;
    let (from, to) = range.split_once('-')?;
    let is_code = rest.as_bytes().get(2) == Some(&b'x');
    is_code.then_some((
        u64::from_str_radix(from, 16).ok()?,
        u64::from_str_radix(to, 16).ok()?,
    ))
}

fn names_service(profile: &Profile, running: &Running) -> std::result::Result<(), String> {
    let port = |address: &str| format!(":{}", address.rsplit(':').next().unwrap_or_default());
    let ports = [&running.cluster, &running.service, &running.debug].map(|address| port(address));
    let is_its = |text: &str| {
        text.contains(OWN)
            || text.contains(FOLDER)
            || ports.iter().any(|port| text.contains(port.as_str()))
    };
    let names = profile.stacks().any(|stack| {
        stack
            .frames
            .iter()
            .any(|frame| is_its(frame.function) || is_its(frame.file))
    });
    if names {
        Ok(())
    } else {
        Err("it names neither this service's code, nor its cluster, nor its files".to_owned())
    }
}

/// Whether a site is on a stack, or is a place of the service's source: who keeps what another made needn't be on any.
fn has_site(profile: &Profile, site: &Site, root: &Path) -> std::result::Result<(), String> {
    if source::has(root, site) || is_on_a_stack(profile, site) {
        Ok(())
    } else {
        Err(format!(
            "{site} is on no stack in it, and no place of the service's source"
        ))
    }
}

/// A library's function may be. A line is looked up in the source alone.
fn is_on_a_stack(profile: &Profile, site: &Site) -> bool {
    let Site::Function(typed) = site else {
        return false;
    };
    let name = source::last_name(typed);
    profile.stacks().any(|stack| {
        let mut frames = stack.frames.iter();
        frames.any(|frame| source::is_function(frame.function, name))
    })
}
