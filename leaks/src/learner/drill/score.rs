//! What answers are worth.

use super::sheet::{Cause, Is, Place};
use super::source;
use crate::started::{Asked, Played, Standing};
use detectors::{Class, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

/// Answers that may be wrong before the way is shown.
pub(crate) const WRONG_MAX: u32 = 3;

/// Points of a drill, for each level.
const OF_LEVEL: u32 = 100;

/// What each wrong answer, and each thing that was bought, costs of a hundred.
const COST: u32 = 25;

/// What the reader has done in drills.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Drills {
    /// Those that were answered or shown, in their order.
    pub(crate) done: Vec<Done>,
    /// Seeds whose answer sheet was asked for, with their level: they have no score in this workbook.
    pub(crate) led: BTreeSet<(u64, u8)>,
    /// What was tried and bought in drills that have no score yet: whoever ends one and begins it anew goes on from there.
    pub(crate) begun: Vec<Begun>,
}

/// What was tried and bought in a drill, whatever became of its service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Begun {
    pub(crate) seed: u64,
    pub(crate) level: u8,
    pub(crate) post_mortem: bool,
    pub(crate) wrong: u32,
    pub(crate) bought: Vec<Asked>,
}

impl Begun {
    fn of((seed, level, post_mortem): Played) -> Self {
        Begun {
            seed,
            level,
            post_mortem,
            wrong: 0,
            bought: Vec::new(),
        }
    }

    fn played(&self) -> Played {
        (self.seed, self.level, self.post_mortem)
    }
}

impl Drills {
    /// What was tried and bought in this drill so far.
    pub(crate) fn begun(&mut self, played: Played) -> &mut Begun {
        let at = self.begun.iter().position(|begun| begun.played() == played);
        let at = at.unwrap_or_else(|| {
            self.begun.push(Begun::of(played));
            self.begun.len() - 1
        });
        &mut self.begun[at]
    }

    /// How far whoever begins this drill has come in it. One that was answered or shown begins anew, without a score.
    pub(crate) fn taken_up(&mut self, played: Played) -> Standing {
        if self.is_done(played) {
            self.begun.retain(|begun| begun.played() != played);
        }
        let begun = self.begun.iter().find(|begun| begun.played() == played);
        begun.map_or_else(Standing::default, |begun| Standing {
            wrong: begun.wrong,
            bought: begun.bought.clone(),
            ..Standing::default()
        })
    }

    /// Whether this drill was answered or shown before.
    pub(crate) fn is_done(&self, played: Played) -> bool {
        self.done.iter().any(|done| done.played() == played)
    }

    /// Takes over what was done elsewhere, each drill once. A sheet that was asked for there has been seen, and what was tried or bought there
    /// counts here.
    pub(crate) fn merge(&mut self, other: &Drills) {
        for done in &other.done {
            if !self.done.contains(done) {
                self.done.push(done.clone());
            }
        }
        self.led.extend(&other.led);
        for theirs in &other.begun {
            let ours = self.begun(theirs.played());
            ours.wrong = ours.wrong.max(theirs.wrong);
            if ours.bought.is_empty() {
                ours.bought.clone_from(&theirs.bought);
            }
        }
    }
}

impl Done {
    fn played(&self) -> Played {
        (self.seed, self.level, self.post_mortem)
    }
}

/// A drill that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) seed: u64,
    pub(crate) level: u8,
    /// The class, or the verdict where it was no leak; two where there were two.
    pub(crate) was: Vec<String>,
    pub(crate) points: u32,
    /// Of how many.
    pub(crate) of: u32,
    pub(crate) seconds: u64,
    pub(crate) wrong: u32,
    /// Whether only what a killed service left was there: with the same seed that is another drill.
    #[serde(default)]
    pub(crate) post_mortem: bool,
    /// Whether the way was shown before it was answered.
    #[serde(default)]
    pub(crate) shown: bool,
    /// Why it has no score; absent where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) void: Option<String>,
}

/// What was answered.
#[derive(Debug)]
pub(crate) enum Answer {
    Leak {
        class: Class,
        site: Site,
        holder: Option<String>,
    },
    NoLeak(Verdict),
}

/// `audit.rs:90`, or `Audit::note`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Site {
    Line { file: String, line: usize },
    Function(String),
}

/// What of an answer is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Graded {
    /// The class, or the verdict.
    pub(crate) class: bool,
    /// Where it is made, or where it is kept.
    pub(crate) line: bool,
    pub(crate) holder: bool,
}

impl Graded {
    /// Whether the drill is answered: who holds it is a bonus, which the place that keeps it tells as well.
    pub(crate) fn is_right(self) -> bool {
        self.class && self.line
    }

    fn hundredths(self) -> u32 {
        if !self.is_right() {
            return 0;
        }
        70 + if self.holder { 30 } else { 0 }
    }
}

/// The points of a right answer, one of so many causes.
pub(crate) fn points(level: u8, graded: Graded, wrong: u32, bought: usize, causes: usize) -> u32 {
    let whole = OF_LEVEL * u32::from(level) / u32::try_from(causes.max(1)).unwrap_or(1);
    let bought = u32::try_from(bought).unwrap_or(u32::MAX);
    let left = 100_u32.saturating_sub(COST.saturating_mul(wrong.saturating_add(bought)));
    whole * graded.hundredths() * left / 10_000
}

/// How many there are at most.
pub(crate) fn points_max(level: u8) -> u32 {
    OF_LEVEL * u32::from(level)
}

/// Holds an answer against what is so. `root` is the workbook's, whose source tells where functions begin and end.
pub(crate) fn graded(cause: &Cause, answer: &Answer, root: &Path) -> Graded {
    match (answer, cause.is) {
        (Answer::NoLeak(verdict), Is::NoLeak(verdicts)) => {
            let is_right = verdicts.contains(verdict);
            Graded {
                class: is_right,
                line: is_right,
                holder: is_right,
            }
        }
        (
            Answer::Leak {
                class,
                site,
                holder,
            },
            Is::Leak(is),
        ) => {
            let is_in = |places: &[Place]| places.iter().any(|place| is_at(site, *place, root));
            let names_holder = holder
                .as_ref()
                .is_some_and(|holder| names(holder, cause.holders));
            let is_kept = is_in(cause.kept_by);
            Graded {
                class: *class == is,
                line: is_kept || is_in(cause.made_by),
                holder: names_holder || holder.is_none() && is_kept,
            }
        }
        _ => Graded {
            class: false,
            line: false,
            holder: false,
        },
    }
}

fn names(typed: &str, holders: &[&str]) -> bool {
    let typed = typed.to_lowercase();
    let mut words = typed.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    words.any(|word| holders.contains(&word))
}

/// Whether a site lies in a function.
fn is_at(site: &Site, place: Place, root: &Path) -> bool {
    match site {
        Site::Function(typed) => source::is_function(typed, place.function),
        Site::Line { file, line } => {
            let is_file = file.rsplit('/').next() == Some(place.file);
            is_file && source::lines_of(root, place).is_some_and(|lines| lines.contains(line))
        }
    }
}

fn is_source(text: &str) -> bool {
    Path::new(text).extension().is_some_and(|of| of == "rs")
}

impl std::str::FromStr for Site {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some((file, line)) = text.rsplit_once(':')
            && is_source(file)
        {
            let line = line
                .parse()
                .map_err(|_| format!("`{line}` is no line's number, as in audit.rs:42"))?;
            return Ok(Site::Line {
                file: file.to_owned(),
                line,
            });
        }
        if text.is_empty() || is_source(text) {
            return Err(
                "a site is FILE:LINE, as in audit.rs:42, or a function, as in Audit::note"
                    .to_owned(),
            );
        }
        Ok(Site::Function(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::sheet::{ALL, Is};
    use super::{Answer, Class, Graded, Site, WRONG_MAX, graded, points};
    use std::path::Path;

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .expect("the workbook")
    }

    #[test]
    fn each_leak_is_right_by_its_function_and_by_a_line_of_it() {
        for cause in ALL {
            let Is::Leak(class) = cause.is else { continue };
            for place in cause.made_by.iter().chain(cause.kept_by) {
                let lines = super::source::lines_of(root(), *place);
                let lines = lines.unwrap_or_else(|| panic!("{place:?} isn't there"));
                let line = Site::Line {
                    file: place.file.to_owned(),
                    line: *lines.start() + 1,
                };
                for site in [
                    line,
                    Site::Function(format!("domain_service::features::{}", place.function)),
                ] {
                    let answer = Answer::Leak {
                        class,
                        site,
                        holder: None,
                    };
                    assert!(graded(cause, &answer, root()).is_right(), "{place:?}");
                }
            }
            let holder = cause.holders[0].to_owned();
            let site = Site::Function(cause.made_by[0].function.to_owned());
            let answer = Answer::Leak {
                class,
                site,
                holder: Some(format!("the {holder}")),
            };
            assert!(graded(cause, &answer, root()).holder, "{}", cause.what);
        }
    }

    /// Whoever types every class in turn has three tries, and each must name a place as well.
    #[test]
    fn guessing_scores_nothing() {
        for cause in ALL {
            let mut wrong = 0;
            for class in Class::ALL {
                for site in ["main", "Desk::brief", "mod.rs:1"] {
                    let site: Site = site.parse().expect("a site");
                    let graded = graded(
                        cause,
                        &Answer::Leak {
                            class: *class,
                            site,
                            holder: None,
                        },
                        root(),
                    );
                    assert!(!graded.is_right(), "{class} for {}", cause.what);
                    assert_eq!(points(1, graded, 0, 0, 1), 0);
                    wrong += 1;
                }
            }
            assert!(wrong > WRONG_MAX);
        }
    }

    #[test]
    fn what_is_wrong_and_what_is_bought_costs() {
        let all = Graded {
            class: true,
            line: true,
            holder: true,
        };
        assert_eq!(points(1, all, 0, 0, 1), 100);
        assert_eq!(points(3, all, 0, 0, 2), 150);
        assert_eq!(
            points(
                1,
                Graded {
                    holder: false,
                    ..all
                },
                0,
                0,
                1
            ),
            70
        );
        assert_eq!(points(2, all, 1, 1, 1), 100);
        assert_eq!(points(1, all, 2, 2, 1), 0);
        assert_eq!(points(1, all, u32::MAX, 1, 1), 0);
        assert_eq!(points(1, Graded { line: false, ..all }, 0, 0, 1), 0);
    }

    #[test]
    fn sites_are_lines_or_functions() {
        let line: Site = "leaks/service/src/features/audit.rs:42"
            .parse()
            .expect("a site");
        assert!(matches!(line, Site::Line { line: 42, .. }));
        assert!(matches!("Audit::note".parse(), Ok(Site::Function(_))));
        for wrong in ["", "audit.rs", "audit.rs:x"] {
            assert!(wrong.parse::<Site>().is_err(), "{wrong:?}");
        }
    }
}
