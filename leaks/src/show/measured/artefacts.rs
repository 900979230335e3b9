//! The files that a measurement leaves: profile, flame graph, timeline and report.

use super::timeline::{self, Series};
use detectors::profile::FlamegraphOptions;
use detectors::{Evidence, Verdict};
use serde::Serialize;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use workbook::problem::{Problem, Result};
use workbook::workspace::Chapter;
use workbook::{files, say};

/// Where a measurement's files are; one that this measurement could not give is absent.
#[derive(Debug, Serialize)]
pub(crate) struct Artefacts {
    /// The evidence as JSON.
    pub(crate) report: PathBuf,
    /// Live memory over the iterations.
    pub(crate) timeline: PathBuf,
    /// Leaky and fixed in one plot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) both: Option<PathBuf>,
    /// The heap profile in pprof's format.
    pub(crate) heap: Option<PathBuf>,
    /// The profile's flame graph.
    pub(crate) flamegraph: Option<PathBuf>,
    /// What the flame graph shows.
    #[serde(skip)]
    pub(crate) flames: &'static str,
}

/// Writes a measurement's files into `folder`, each whole or not at all.
///
/// `series` names the line in the timeline. Files of an earlier measurement that this one doesn't give are
/// removed: all files of a folder belong to one run.
pub(crate) fn write(
    chapter: &Chapter,
    series: &str,
    evidence: &Evidence,
    folder: &Path,
) -> Result<Artefacts> {
    write_all(chapter, series, evidence, folder).map_err(|problem| match problem {
        Problem::Told { next: None, .. } => problem.next(
            "The verdict above stands. Choose another folder with --out DIR, or free some space.",
        ),
        other => other,
    })
}

fn write_all(
    chapter: &Chapter,
    series: &str,
    evidence: &Evidence,
    folder: &Path,
) -> Result<Artefacts> {
    files::make_folder(folder)?;
    let report = folder.join("report.json");
    let mut text = serde_json::to_vec(evidence)
        .map_err(|error| Problem::new("can't put the report into JSON").because(error))?;
    text.push(b'\n');
    files::write(&report, &text)?;

    let line = Series {
        name: series,
        evidence,
    };
    let timeline = folder.join("timeline.svg");
    files::write(
        &timeline,
        timeline::draw(&chapter.title, &[line]).as_bytes(),
    )?;

    let heap = folder.join("heap.pb.gz");
    let flamegraph = folder.join("flamegraph.svg");
    let profiled = if let Some(profile) = &evidence.profile {
        files::write(&heap, &profile.to_bytes())?;
        let mut options =
            FlamegraphOptions::default().title(format!("{} ({series})", chapter.title));
        if evidence.verdict == Verdict::Pressure {
            // What is needed for a moment is not in use at the end.
            options = options.sample_type("alloc_space");
        }
        let drawn = profile
            .flamegraph(&options)
            .map_err(|error| Problem::new(error.to_string()))?;
        files::write(&flamegraph, drawn.as_bytes())?;
        true
    } else {
        remove(&heap)?;
        remove(&flamegraph)?;
        false
    };
    Ok(Artefacts {
        report,
        timeline,
        both: None,
        heap: profiled.then_some(heap),
        flamegraph: profiled.then_some(flamegraph),
        flames: match evidence.verdict {
            Verdict::Pressure => "what was allocated, by stack",
            _ => "what is live, by stack",
        },
    })
}

/// Draws a fixed run and the leaky one, whose report lies in the folder above, as one plot; `None` without one.
///
/// `leaky` is what the evidence of the leaky run is called: what lies there may be another chapter's.
pub(crate) fn write_both(
    chapter: &Chapter,
    leaky: &str,
    fixed: &Evidence,
    folder: &Path,
) -> Result<Option<PathBuf>> {
    let Some(above) = folder.parent() else {
        return Ok(None);
    };
    let Some(leaky) = fs::read(above.join("report.json"))
        .ok()
        .and_then(|report| serde_json::from_slice::<Evidence>(&report).ok())
        .filter(|found| found.name == leaky)
    else {
        return Ok(None);
    };
    let lines = [
        Series {
            name: "leaky",
            evidence: &leaky,
        },
        Series {
            name: "fixed",
            evidence: fixed,
        },
    ];
    let both = folder.join("both.svg");
    files::write(&both, timeline::draw(&chapter.title, &lines).as_bytes())?;
    Ok(Some(both))
}

fn remove(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Problem::file("remove the older", file, &error))
        }
        _ => Ok(()),
    }
}

impl Artefacts {
    /// Each file with what it shows, as text.
    pub(crate) fn lines(&self) -> Vec<String> {
        let flame = self.flamegraph.as_deref();
        let named = [
            (Some(self.timeline.as_path()), "what grew, over time"),
            (self.both.as_deref(), "leaky and fixed"),
            (flame, self.flames),
            (self.heap.as_deref(), "heap profile (pprof)"),
            (Some(self.report.as_path()), "evidence as JSON"),
        ];
        let named = named
            .into_iter()
            .filter_map(|(path, what)| Some((say::path(path?), what)));
        let named: Vec<_> = named.collect();
        let width = named.iter().map(|(path, _)| path.len()).max().unwrap_or(0);
        named
            .iter()
            .map(|(path, what)| format!("{path:width$}  {what}"))
            .collect()
    }
}
