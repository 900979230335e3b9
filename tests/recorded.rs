//! A run's evidence as the book's drawings read it: the report and the profile that the run left, without what differs from machine
//! to machine.

use detectors::profile::Profile;
use detectors::{Class, Evidence, Finding, HeldBy, Kind, Root, Verdict};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Frames of a smaller share of the profile aren't kept: nobody sees them.
const SHARE_MIN: f64 = 0.005;

/// What the run in this folder left. `clean` takes the machine out of a text.
pub(crate) fn run(folder: &Path, clean: &dyn Fn(&str) -> String) -> Value {
    let report = folder.join("report.json");
    let text = std::fs::read_to_string(&report)
        .unwrap_or_else(|error| panic!("{}: {error}", report.display()));
    let evidence: Evidence = serde_json::from_str(&text).expect("a report");
    let findings: Vec<Value> = (evidence.findings.iter())
        .map(|finding| {
            json!({
                "kind": finding.kind,
                "per_iteration": finding.per_iteration,
                "cum_per_iteration": finding.cum_per_iteration,
                "site": finding.site.as_deref().map(clean),
            })
        })
        .collect();
    let not_read: Vec<Value> = (evidence.not_read.iter())
        .map(|not_read| json!({ "kind": not_read.kind, "why": not_read.why }))
        .collect();
    json!({
        "verdict": evidence.verdict,
        "means": evidence.meaning(),
        "because": evidence.because,
        "settle_by": evidence.settle_by,
        "class": evidence.class,
        "class_means": evidence.class.map(Class::definition),
        "findings": findings,
        "holders": evidence.holders.iter().map(|held| holder(held, clean)).collect::<Vec<_>>(),
        "readings": readings(&evidence),
        "peak_bytes": evidence.peak_bytes,
        "resting_bytes": evidence.resting_bytes,
        "retention": evidence.retention.as_ref().map(ToString::to_string),
        "reach": evidence.reach().to_string(),
        "not_read": not_read,
        "flames": flames(&folder.join("heap.pb.gz"), &evidence),
    })
}

/// The windows. Resident memory differs from run to run, and is kept where the verdict is about it.
fn readings(evidence: &Evidence) -> Value {
    let mut readings = json!(evidence.readings);
    let is_resident = |finding: &Finding| finding.kind == Kind::Resident;
    if !evidence.findings.iter().any(is_resident) {
        for reading in readings.as_array_mut().into_iter().flatten() {
            if let Some(reading) = reading.as_object_mut() {
                reading.remove("resident_bytes");
            }
        }
    }
    readings
}

/// Who holds a site's blocks: the roots with how many each has, and the chain of blocks on the way.
fn holder(held: &HeldBy, clean: &dyn Fn(&str) -> String) -> Value {
    let by: Vec<Value> = (held.by.iter())
        .map(|(root, blocks)| {
            let (kind, name) = match root {
                Root::Static(name) => ("static", Some(name)),
                Root::Thread => ("thread", None),
                Root::Task => ("task", None),
                Root::Runtime => ("runtime", None),
                Root::Cycle => ("cycle", None),
                Root::Nothing => ("nothing", None),
                _ => ("elsewhere", None),
            };
            json!({ "root": kind, "name": name, "blocks": blocks })
        })
        .collect();
    let through: Vec<String> = held
        .through
        .iter()
        .map(|frame| clean(&frame.to_string()))
        .collect();
    json!({
        "site": clean(&held.site),
        "blocks": held.blocks,
        "by": by,
        "through": through,
        "queue": held.queue.as_deref().map(clean),
    })
}

/// The profile as a tree, each frame before what it calls: depth, function, bytes, and how many of the bytes were made at a
/// site that grows. `Null` where the evidence accuses no site.
fn flames(profile: &Path, evidence: &Evidence) -> Value {
    if evidence.findings.is_empty() {
        return Value::Null;
    }
    let Ok(profile) = Profile::read(profile) else {
        return Value::Null; // a run that made none
    };
    // What is needed for a moment is not in use at the end, and doesn't grow.
    let is_pressure = evidence.verdict == Verdict::Pressure;
    let values = if is_pressure {
        "alloc_space"
    } else {
        "inuse_space"
    };
    let types = profile.sample_types();
    let Some(index) = types.iter().position(|kind| kind.name == values) else {
        return Value::Null;
    };
    // The line of a site is on each stack of the site.
    let growing: Vec<(&str, u32)> = (evidence.findings.iter())
        .filter(|_| !is_pressure)
        .filter_map(|finding| finding.at.as_ref())
        .map(|site| (site.frame.function.as_str(), site.frame.line))
        .collect();
    let mut root = Node::default();
    for stack in profile.stacks() {
        let mut frames = stack.frames.iter();
        let grows = frames.any(|frame| growing.contains(&(frame.function, frame.line)));
        let names: Vec<&str> = stack.frames.iter().map(|frame| frame.function).collect();
        root.add(names.iter().rev(), stack.values[index], grows);
    }
    if root.bytes <= 0 {
        return Value::Null;
    }
    let mut frames = Vec::new();
    root.tell(0, "all", root.bytes as f64 * SHARE_MIN, &mut frames);
    json!({ "values": values, "frames": frames })
}

#[derive(Default)]
struct Node {
    bytes: i64,
    growing: i64,
    calls: BTreeMap<String, Node>,
}

impl Node {
    fn add<'a>(&mut self, mut names: impl Iterator<Item = &'a &'a str>, bytes: i64, grows: bool) {
        self.bytes += bytes;
        if grows {
            self.growing += bytes;
        }
        if let Some(name) = names.next() {
            let call = self.calls.entry((*name).to_owned()).or_default();
            call.add(names, bytes, grows);
        }
    }

    fn tell(&self, depth: usize, name: &str, bytes_min: f64, frames: &mut Vec<Value>) {
        if (self.bytes as f64) < bytes_min {
            return;
        }
        // A library's calls of itself are one frame, as long as all of it goes that way.
        let (mut last, mut more) = (self, 0);
        while let Some((inner, call)) = last.only_call()
            && krate(inner) == krate(name)
            && !OWN.iter().any(|part| inner.contains(part))
        {
            (last, more) = (call, more + 1);
        }
        let told = match more {
            0 => name.to_owned(),
            1 => format!("{name}, and a call within {}", krate(name)),
            _ => format!("{name}, and {more} calls within {}", krate(name)),
        };
        frames.push(json!([depth, told, self.bytes, self.growing]));
        let mut calls: Vec<_> = last.calls.iter().collect();
        calls.sort_by_key(|(_, call)| -call.bytes);
        for (name, call) in calls {
            call.tell(depth + 1, name, bytes_min, frames);
        }
    }

    /// The one call that all of its bytes come from.
    fn only_call(&self) -> Option<(&str, &Node)> {
        let (name, call) = self.calls.iter().next()?;
        (call.bytes == self.bytes && self.calls.len() == 1).then_some((name, call))
    }
}

/// Parts of the names of a chapter's own functions, each of which a reader wants to see.
const OWN: [&str; 5] = [
    "::leaky::",
    "::fixed::",
    "::backend::",
    "exercise::",
    "checker::",
];

/// The crate that a function is of; the standard library's are one.
fn krate(function: &str) -> &str {
    let name = function
        .trim_start_matches(['<', '&'])
        .trim_start_matches("mut ");
    match name.split("::").next().unwrap_or(name) {
        "core" | "alloc" | "std" | "hashbrown" => "std",
        other => other,
    }
}

/// What is compared of a recorded run: not who holds what, of which any of several may be found, nor the reach, which the text beside
/// has; and of the flame graph the way down its widest frames.
pub(crate) fn comparable(recorded: &str) -> String {
    let Ok(mut recorded) = serde_json::from_str::<Value>(recorded) else {
        return recorded.to_owned();
    };
    for run in recorded
        .as_object_mut()
        .into_iter()
        .flat_map(|runs| runs.values_mut())
    {
        run["holders"] = Value::Null;
        run["reach"] = Value::Null;
        let mut widest: Vec<String> = Vec::new();
        let mut bytes = 0;
        for frame in run["flames"]["frames"].as_array().into_iter().flatten() {
            let is_next = frame[0].as_u64() == Some(widest.len() as u64);
            let value = frame[2].as_i64().unwrap_or(0);
            if is_next && value * 10 > bytes * 6 {
                bytes = value;
                widest.extend(frame[1].as_str().map(str::to_owned));
            }
        }
        run["flames"] = json!(widest);
    }
    let mut text = serde_json::to_string_pretty(&recorded).expect("JSON");
    text.push('\n');
    text
}
