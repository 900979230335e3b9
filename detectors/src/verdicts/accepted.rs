//! Growth that is known and accepted: by a site and a reason in the test, or by a baseline file that is reviewed as a snapshot is. A
//! service with one old leak can have a green test all the same, and what is new fails it.

use crate::model::finding::Finding;
use crate::model::kind::Kind;
use crate::model::place::{Frame, Origin};
use crate::model::reading::ReadError;
use crate::model::words::{amount, one_of};
use crate::profile::write_whole;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The environment's word on baseline files: `write` has them written.
const VARIABLE: &str = "DETECTORS_BASELINE";

/// Growth of this many times what the baseline has is new growth.
const GROWN_TIMES: f64 = 1.25;

/// Growth that a watch was told to leave out, and saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Accepted {
    /// What grows.
    pub kind: Kind,
    /// How much of it stays for each iteration.
    pub per_iteration: f64,
    /// From where.
    pub site: String,
    /// Why it is accepted, in the words of whoever did.
    pub reason: String,
}

impl std::fmt::Display for Accepted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} an iteration from {} ({})",
            amount(self.per_iteration, one_of(self.kind)),
            crate::model::words::function_of(&self.site),
            self.reason
        )
    }
}

/// What a watch accepts.
#[derive(Debug, Default)]
pub(crate) struct Known {
    sites: Vec<(String, String)>,
    baseline: Option<PathBuf>,
    listed: Vec<Listed>,
}

/// A line of a baseline.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    function: String,
    /// Relative to the folder of the package.
    file: String,
    kind: Kind,
    per_iteration: f64,
    reason: String,
}

impl Known {
    pub(crate) fn add(&mut self, site: String, reason: String) {
        self.sites.push((site, reason));
    }

    pub(crate) fn hold_against(&mut self, baseline: PathBuf) {
        self.baseline = Some(baseline);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sites.is_empty() && self.baseline.is_none()
    }

    /// Reads the baseline; one that isn't there yet lists nothing.
    ///
    /// # Errors
    ///
    /// When it is there, and can't be read.
    pub(crate) fn read(&mut self) -> Result<(), ReadError> {
        let Some(path) = &self.baseline else {
            return Ok(());
        };
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(unread(path, &error)),
        };
        self.listed = serde_json::from_slice(&text).map_err(|error| unread(path, &error))?;
        Ok(())
    }

    /// The growth that is accepted, in the same order, where it is.
    pub(crate) fn accepts(&self, finding: &Finding) -> Option<Accepted> {
        let (at, per_iteration) = (finding.at.as_ref()?, finding.per_iteration?);
        let own = at
            .stack
            .iter()
            .filter(|frame| frame.origin() == Origin::Own)
            .chain([&at.frame]);
        let by_site = self
            .sites
            .iter()
            .find(|(site, _)| own.clone().any(|frame| frame.to_string().contains(site)))
            .map(|(_, reason)| reason);
        let by_baseline = || {
            let listed = self.listed.iter().find(|listed| {
                listed.kind == finding.kind
                    && listed.function == at.frame.function
                    && listed.file == file_of(&at.frame)
            })?;
            (per_iteration <= GROWN_TIMES * listed.per_iteration).then_some(&listed.reason)
        };
        let reason = by_site.or_else(by_baseline)?;
        Some(Accepted {
            kind: finding.kind,
            per_iteration,
            site: finding.site.clone().unwrap_or_default(),
            reason: reason.clone(),
        })
    }

    /// Whether the baseline is to be written from what is found.
    pub(crate) fn is_to_be_written(&self) -> bool {
        self.baseline.is_some() && std::env::var_os(VARIABLE).is_some_and(|word| word == "write")
    }

    /// Lists what grows now. A reason that was given before stays.
    ///
    /// # Errors
    ///
    /// When the file can't be written.
    pub(crate) fn write(&mut self, findings: &[Finding]) -> Result<(), ReadError> {
        let Some(path) = self.baseline.clone() else {
            return Ok(());
        };
        let now: Vec<Listed> = findings
            .iter()
            .filter_map(|finding| {
                let at = finding.at.as_ref()?;
                let (function, file) = (at.frame.function.clone(), file_of(&at.frame));
                let before = self.listed.iter().find(|listed| {
                    listed.function == function
                        && listed.file == file
                        && listed.kind == finding.kind
                });
                Some(Listed {
                    reason: before.map_or_else(
                        || "not reviewed yet".to_owned(),
                        |before| before.reason.clone(),
                    ),
                    function,
                    file,
                    kind: finding.kind,
                    per_iteration: (finding.per_iteration? * 10.0).ceil() / 10.0,
                })
            })
            .collect();
        let mut text = serde_json::to_vec_pretty(&now).map_err(|error| unwritten(&path, &error))?;
        text.push(b'\n');
        write_whole(&path, &text).map_err(|error| unwritten(&path, &error))?;
        eprintln!(
            "detectors: {} lists what grows now; give each a reason, and have the file reviewed",
            path.display()
        );
        self.listed = now;
        Ok(())
    }

    /// What to do where something new grows beside a baseline.
    pub(crate) fn advice(&self) -> Option<String> {
        let path = self.baseline.as_ref()?;
        Some(format!(
            "{VARIABLE}=write lists it in {}, where it isn't to be mended now",
            path.display()
        ))
    }
}

/// The same wherever the package lies: relative to its folder, or to the registry.
fn file_of(frame: &Frame) -> String {
    if let Some((_, in_registry)) = frame.file.split_once("/registry/src/") {
        let (_index, path) = in_registry.split_once('/').unwrap_or_default();
        return path.to_owned();
    }
    let here = std::env::current_dir().unwrap_or_default();
    let (mut up, mut file) = (String::new(), frame.file.as_str());
    for folder in here.ancestors() {
        if let Ok(below) = Path::new(&frame.file).strip_prefix(folder) {
            file = below.to_str().unwrap_or(file);
            break;
        }
        up.push_str("../");
    }
    up + file
}

fn unread(path: &Path, error: &dyn std::fmt::Display) -> ReadError {
    ReadError::new(
        format!("the baseline {} can't be read: {error}", path.display()),
        format!("mend it, or remove it and run with {VARIABLE}=write to have it written anew"),
    )
}

fn unwritten(path: &Path, error: &dyn std::fmt::Display) -> ReadError {
    ReadError::new(
        format!("the baseline {} can't be written: {error}", path.display()),
        "give Watch::baseline a file in a folder that is there and can be written to",
    )
}
