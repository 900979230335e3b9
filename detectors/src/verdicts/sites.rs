//! From profiles of runs of different lengths to the sites that grow.

use crate::model::finding::Finding;
use crate::model::kind::Kind;
use crate::model::place::{Frame, Site, site, without_detours};
use crate::model::reading::{ReadError, SiteReading};
use crate::profile::{self, Profile};
use crate::readings::counters::Outlooks;
use crate::readings::holders::Holders;
use std::collections::HashMap;

/// A site that explains less than this share of what grows is not worth a reader's time.
const LEAST_SHARE: f64 = 0.05;

/// What grew in total must grow again, to at least this share, when the workload runs from a fresh state. A doubling
/// vector shows three quarters of its growth between half of the run and its end; a static that was filling shows none.
const EXPLAINED_SHARE: f64 = 0.25;

/// Rounds that show this many times as much as the first run lie before and after a doubling.
const DOUBLED_SHARE: f64 = 1.25;

/// A site that is to settle a noisy run adds at least one block in that many iterations.
const STRAIGHT_ITERATIONS_PER_BLOCK: f64 = 20.0;

/// How far a round may lie off the straight line and still count as growing with the iterations.
const STRAIGHT_WITHIN: f64 = 0.05;

/// What a site holds at the end of a run, in blocks and bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Held {
    blocks: i64,
    bytes: i64,
}

/// One site over all rounds.
#[derive(Debug)]
struct GrowingSite {
    site: Site,
    /// In the order of the rounds.
    held: Vec<Held>,
}

/// What grew, by site.
#[derive(Debug, Default)]
pub(crate) struct Grown {
    sites: Vec<GrowingSite>,
    /// The iterations of each round, ascending.
    rounds: Vec<u64>,
    /// Which rounds are compared for what a site adds.
    between: (usize, usize),
    /// What is told is this share of what was measured between them.
    scale: f64,
    /// Whether its tables were seen to be full.
    pub(crate) are_full: bool,
    /// The longest round's profile.
    pub(crate) profile: Option<Profile>,
    /// Who holds the blocks of sites that grow, or why that isn't known.
    pub(crate) holders: Option<Result<Holders, ReadError>>,
    /// What may become of the tasks, where that was asked.
    pub(crate) outlooks: Option<Result<Outlooks, String>>,
}

/// One run under full stacks.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) iterations: u64,
    /// `None` when it allocated nothing.
    pub(crate) profile: Option<Profile>,
}

/// Compares rounds of ascending length: the last two, or two before them where the last two don't show again what grew in total. State
/// that outlives a run, and doubles, doubles in one round and not in another.
pub(crate) fn grown(rounds: Vec<Round>, totals: Option<Amount>) -> Grown {
    let mut sites = Sites::of_rounds(rounds.len());
    for (number, round) in rounds.iter().enumerate() {
        for (stack, held) in round.profile.iter().flat_map(holding) {
            sites.add(stack, [(number, held)]);
        }
    }
    let last = rounds.len().saturating_sub(1);
    let grown = Grown {
        sites: sites.all,
        between: (last.saturating_sub(1), last),
        scale: 1.0,
        rounds: rounds.iter().map(|round| round.iterations).collect(),
        profile: rounds
            .into_iter()
            .next_back()
            .and_then(|round| round.profile),
        ..Grown::default()
    };
    let pairs = (1..last).rev().map(|at| (at - 1, at));
    grown.that_shows_again(totals, pairs).at_the_rate_of(totals)
}

/// The floors of one stack, window by window.
pub(crate) type BlocksAndBytes = Vec<(i64, i64)>;

/// What each stack held at the floor of each window of one run, and at its end.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    /// The iteration at which each window has its floor, and the last of all.
    pub(crate) middles: Vec<u64>,
    /// Each stack, allocation first, with its floors of blocks and bytes, and what it held at the end.
    pub(crate) stacks: Vec<(Vec<Frame>, BlocksAndBytes)>,
    pub(crate) profile: Option<Profile>,
    pub(crate) holders: Option<Result<Holders, ReadError>>,
    pub(crate) outlooks: Option<Result<Outlooks, String>>,
    /// Whether tables were seen to be full.
    pub(crate) are_full: bool,
}

/// Compares the windows of one run: the last two, or the last with the first where the last two don't show again what grew in total.
/// State that outlives a run, and doubles, doubles somewhere in the second run, and not in its last windows alone.
/// What comes in steps of many iterations may take its step after the last floor: `by_steps` compares the end as well.
pub(crate) fn grown_in_windows(
    mut windows: Windows,
    totals: Option<Amount>,
    by_steps: bool,
) -> Grown {
    // Of the stacks of one site the first is told: the same one in each run.
    windows.stacks.sort_by(|(one, _), (other, _)| {
        let names = |stack: &[Frame]| -> Vec<(String, u32)> {
            let names = stack
                .iter()
                .map(|frame| (frame.function.clone(), frame.line));
            names.collect()
        };
        names(one).cmp(&names(other))
    });
    let mut sites = Sites::of_rounds(windows.middles.len());
    for (stack, floors) in windows.stacks {
        let held = floors
            .into_iter()
            .map(|(blocks, bytes)| Held { blocks, bytes });
        sites.add(stack, held.enumerate());
    }
    let last = windows.middles.len().saturating_sub(2);
    let mut others = vec![(0, last)];
    others.extend(by_steps.then_some((0, last + 1)));
    let grown = Grown {
        sites: sites.all,
        rounds: windows.middles,
        between: (last.saturating_sub(1), last),
        scale: 1.0,
        profile: windows.profile,
        holders: windows.holders,
        outlooks: windows.outlooks,
        are_full: windows.are_full,
    };
    grown
        .that_shows_again(totals, others.into_iter())
        .at_the_rate_of(totals)
}

/// The sites that allocate most, freed or not, with how much in each of so many iterations.
pub(crate) fn allocated(profile: &Profile, iterations: u64) -> Vec<Finding> {
    let mut sites = Sites::of_rounds(1);
    for (stack, amount) in amounts(profile, "alloc_objects", "alloc_space") {
        sites.add(stack, [(0, amount)]);
    }
    sites.findings(iterations as f64, LEAST_SHARE)
}

/// What each site holds, for each of so many items, as findings: most bytes first, without those below the share of all.
pub(crate) fn held(
    stacks: Vec<(Vec<Frame>, SiteReading)>,
    items: usize,
    least_share: f64,
) -> Vec<Finding> {
    let mut sites = Sites::of_rounds(1);
    for (stack, reading) in stacks {
        let held = Held {
            blocks: reading.blocks.cast_signed(),
            bytes: reading.bytes.cast_signed(),
        };
        sites.add(stack, [(0, held)]);
    }
    sites.findings(items as f64, least_share)
}

/// Sites, each once, while stacks are added up.
#[derive(Debug)]
struct Sites {
    all: Vec<GrowingSite>,
    positions: HashMap<Frame, usize>,
    rounds: usize,
}

impl Sites {
    fn of_rounds(rounds: usize) -> Self {
        Sites {
            all: Vec::new(),
            positions: HashMap::new(),
            rounds,
        }
    }

    fn add(&mut self, stack: Vec<Frame>, held: impl IntoIterator<Item = (usize, Held)>) {
        let site = site(stack);
        let next = self.all.len();
        let position = *self.positions.entry(site.frame.clone()).or_insert(next);
        if position == next {
            self.all.push(GrowingSite {
                site,
                held: vec![Held::default(); self.rounds],
            });
        }
        for (round, held) in held {
            let at = &mut self.all[position].held[round];
            at.blocks += held.blocks;
            at.bytes += held.bytes;
        }
    }

    /// One round's sites as findings, for each of so many: most bytes first, without those below the share of all.
    fn findings(&self, of: f64, least_share: f64) -> Vec<Finding> {
        let sum = |sites: &mut dyn Iterator<Item = &GrowingSite>| {
            sites.fold(Held::default(), |sum, site| Held {
                blocks: sum.blocks + site.held[0].blocks,
                bytes: sum.bytes + site.held[0].bytes,
            })
        };
        let least = least_share * sum(&mut self.all.iter()).bytes as f64;
        let mut most: Vec<&GrowingSite> = self.all.iter().collect();
        most.retain(|site| site.held[0].bytes as f64 >= least);
        most.sort_by_key(|site| std::cmp::Reverse(site.held[0].bytes));
        most.into_iter()
            .flat_map(|site| {
                let flat = site.held[0];
                let cum = sum(&mut self.all.iter().filter(|other| other.is_below(site)));
                [
                    (Kind::Bytes, flat.bytes, cum.bytes),
                    (Kind::Blocks, flat.blocks, cum.blocks),
                ]
                .map(|(kind, flat, cum)| Finding {
                    kind,
                    per_iteration: Some(flat as f64 / of),
                    cum_per_iteration: Some(cum as f64 / of),
                    site: Some(site.site.to_string()),
                    at: Some(site.site.clone()),
                    outlook: None,
                })
            })
            .collect()
    }
}

impl GrowingSite {
    /// Whether the other site's function is on this one's stack.
    fn is_below(&self, other: &GrowingSite) -> bool {
        let function = &other.site.frame.function;
        let stack = &self.site.stack;
        stack.iter().any(|frame| frame.function == *function)
    }
}

impl Grown {
    /// Compares other rounds where those that it compares don't show again what grew in total, and some of these do.
    fn that_shows_again(
        mut self,
        totals: Option<Amount>,
        mut others: impl Iterator<Item = (usize, usize)>,
    ) -> Self {
        let Some(totals) = totals.filter(|totals| !self.explains(*totals)) else {
            return self;
        };
        let compared = self.between;
        let shows = others.any(|between| {
            self.between = between;
            self.explains(totals)
        });
        if !shows {
            self.between = compared;
            return self;
        }
        self
    }

    /// One doubling isn't a rate: where the rounds show much more than the first run, the rate is the first run's, and the sites have
    /// their shares in it.
    fn at_the_rate_of(mut self, totals: Option<Amount>) -> Self {
        let bytes = self.sum(self.sites.iter()).bytes;
        if let Some(totals) = totals
            && totals.bytes > 0.0
            && bytes > DOUBLED_SHARE * totals.bytes
        {
            self.scale = totals.bytes / bytes;
        }
        self
    }

    /// Whether the longest two rounds end with as much: what began fresh in each of them was full by the shorter one's end.
    pub(crate) fn ends_full(&self) -> bool {
        let held = |round: usize| {
            self.sites
                .iter()
                .map(|site| site.held[round].bytes)
                .sum::<i64>()
        };
        match self.rounds.len().checked_sub(2) {
            Some(shorter) => held(shorter) > 0 && held(shorter) == held(shorter + 1),
            None => false,
        }
    }

    /// The sites that grow, as findings: most bytes first. With `totals` (what grows in total for each iteration)
    /// a site must explain a share of it; without, it must lie on a straight line.
    pub(crate) fn findings(&self, totals: Option<Amount>) -> Vec<Finding> {
        let mut growing: Vec<(Amount, &GrowingSite)> = self
            .sites
            .iter()
            .filter(|site| totals.is_some() || self.is_straight(site))
            .map(|site| (self.per_iteration(site), site))
            .filter(|(amount, _)| totals.is_none_or(|totals| amount.is_worth_a_look(totals)))
            .collect();
        growing.sort_by(|(a, _), (b, _)| {
            let by_bytes = b.bytes.total_cmp(&a.bytes);
            by_bytes.then(b.blocks.total_cmp(&a.blocks))
        });
        growing
            .into_iter()
            .flat_map(|(flat, site)| {
                let cum = self.cum(site);
                [
                    (Kind::Bytes, flat.bytes, cum.bytes),
                    (Kind::Blocks, flat.blocks, cum.blocks),
                ]
                .into_iter()
                .filter(|(kind, flat, _)| {
                    // One table that doubles is no growth in blocks.
                    let grows = totals.is_none_or(|totals| totals.blocks > 0.0);
                    *flat > 0.0 && (grows || *kind != Kind::Blocks)
                })
                .map(|(kind, flat, cum)| Finding {
                    kind,
                    per_iteration: Some(flat),
                    cum_per_iteration: Some(cum),
                    site: Some(site.site.to_string()),
                    at: Some(site.site.clone()),
                    outlook: None,
                })
            })
            .collect()
    }

    /// Whether the workload ran again for its sites at all.
    pub(crate) fn was_read(&self) -> bool {
        !self.rounds.is_empty()
    }

    /// Whether what grew in total grew again in these runs, in blocks or in bytes.
    pub(crate) fn explains(&self, totals: Amount) -> bool {
        self.total().shows_again(totals)
    }

    /// What all sites together hold more for each iteration, between the rounds that are compared.
    pub(crate) fn total(&self) -> Amount {
        self.sum(self.sites.iter())
    }

    /// Whether nothing at all grew again.
    pub(crate) fn shows_nothing(&self) -> bool {
        let grew = self.sum(self.sites.iter());
        grew.blocks <= 0.0 && grew.bytes <= 0.0
    }

    /// What the sites add that grow in a straight line with the iterations, as noise doesn't; `None` where there is no such site.
    pub(crate) fn of_straight_sites(&self) -> Option<Amount> {
        let is_any = self.sites.iter().any(|site| self.is_straight(site));
        is_any.then(|| self.sum(self.sites.iter().filter(|site| self.is_straight(site))))
    }

    /// What the site holds more for each iteration, between the rounds that are compared.
    fn per_iteration(&self, site: &GrowingSite) -> Amount {
        let (from, to) = self.between;
        if from == to {
            return Amount::default();
        }
        let (less, more) = (site.held[from], site.held[to]);
        let span = (self.rounds[to] - self.rounds[from]).max(1) as f64 / self.scale;
        Amount {
            blocks: (more.blocks - less.blocks) as f64 / span,
            bytes: (more.bytes - less.bytes) as f64 / span,
        }
    }

    /// What the site's function and all that it calls hold more for each iteration.
    fn cum(&self, site: &GrowingSite) -> Amount {
        let below = self.sites.iter().filter(|other| other.is_below(site));
        let grows = |other: &&GrowingSite| self.per_iteration(other).bytes > 0.0;
        self.sum(below.filter(grows))
    }

    fn sum<'s>(&'s self, sites: impl Iterator<Item = &'s GrowingSite>) -> Amount {
        sites
            .map(|site| self.per_iteration(site))
            .fold(Amount::default(), |sum, amount| Amount {
                blocks: sum.blocks + amount.blocks,
                bytes: sum.bytes + amount.bytes,
            })
    }

    /// At least one block in twenty iterations, and every round within a twentieth of the line from first to last.
    fn is_straight(&self, site: &GrowingSite) -> bool {
        let (Some(first), Some(last)) = (site.held.first(), site.held.last()) else {
            return false;
        };
        let (Some(&start), Some(&end)) = (self.rounds.first(), self.rounds.last()) else {
            return false;
        };
        let span = (end - start) as f64;
        let grown = (last.blocks - first.blocks) as f64;
        if self.rounds.len() < 4 || grown * STRAIGHT_ITERATIONS_PER_BLOCK < span {
            return false;
        }
        site.held.iter().zip(&self.rounds).all(|(held, &round)| {
            let expected = first.blocks as f64 + grown * (round - start) as f64 / span;
            (held.blocks as f64 - expected).abs() <= (grown * STRAIGHT_WITHIN).max(1.0)
        })
    }
}

/// What grows for each iteration.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Amount {
    pub(crate) blocks: f64,
    pub(crate) bytes: f64,
}

impl Amount {
    /// Whether this much is what grew in total, grown again, in blocks or in bytes.
    pub(crate) fn shows_again(self, totals: Amount) -> bool {
        let again = |part: f64, total: f64| total > 0.0 && part >= EXPLAINED_SHARE * total;
        again(self.bytes, totals.bytes) || again(self.blocks, totals.blocks)
    }

    fn is_worth_a_look(self, totals: Amount) -> bool {
        let share = |part: f64, total: f64| total > 0.0 && part >= LEAST_SHARE * total;
        share(self.bytes, totals.bytes) || share(self.blocks, totals.blocks)
    }
}

/// Stacks that hold something at the end, with what they hold.
fn holding(profile: &Profile) -> impl Iterator<Item = (Vec<Frame>, Held)> {
    amounts(profile, "inuse_objects", "inuse_space")
}

/// Stacks with their values of two sample types, without those that have none.
fn amounts<'p>(
    profile: &'p Profile,
    objects: &str,
    space: &str,
) -> impl Iterator<Item = (Vec<Frame>, Held)> + use<'p> {
    let position = |name: &str| {
        profile
            .sample_types()
            .iter()
            .position(|sample_type| sample_type.name == name)
    };
    let (objects, space) = (position(objects), position(space));
    profile.stacks().filter_map(move |stack| {
        let value = |index: Option<usize>| index.map_or(0, |index| stack.values[index]);
        let held = Held {
            blocks: value(objects),
            bytes: value(space),
        };
        (held != Held::default()).then(|| (stack.frames.iter().map(frame).collect(), held))
    })
}

fn frame(frame: &profile::StackFrame<'_>) -> Frame {
    Frame {
        function: frame.function.to_owned(),
        file: without_detours(frame.file),
        line: frame.line,
    }
}
