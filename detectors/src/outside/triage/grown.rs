//! Where what grows is made, by a service's own profiles: what each site has at one moment, and what it has more of at a later one.

use super::doubled::Doubled;
use super::profiled::HEAP;
use super::sampling::GrowingGroup;
use super::service::Fetches;
use crate::model::kind::Kind;
use crate::model::place::{self, Frame, Site};
use crate::profile::Profile;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// A profile, and what it tells the sites of.
pub(super) type OfKind = (Kind, &'static str);

/// Less than this can't be told apart by a sampled profile: growth is taken over the whole look then, and not over its end.
const SAMPLED_BYTES: i64 = 4 << 20;

/// What each site has of each kind.
#[derive(Debug)]
struct Snapshot {
    at: Instant,
    kinds: Vec<(Kind, Sites)>,
}

pub(super) type Sites = BTreeMap<String, (Site, i64)>;

impl Snapshot {
    /// Asks for all profiles at once. What doesn't come is left out.
    fn take(asks: &dyn Fetches, profiles: &[OfKind]) -> Self {
        let kinds = std::thread::scope(|scope| {
            let asked = profiles.iter().map(|&(kind, path)| {
                scope.spawn(move || Some((kind, sites(&profile(asks, path)?))))
            });
            let asked: Vec<_> = asked.collect();
            let answers = asked.into_iter().filter_map(|asked| asked.join().ok());
            answers.flatten().collect()
        });
        Snapshot {
            at: Instant::now(),
            kinds,
        }
    }

    fn of(&self, kind: Kind) -> Option<&Sites> {
        let mut kinds = self.kinds.iter();
        Some(&kinds.find(|(of, _)| *of == kind)?.1)
    }

    /// What each site has more of than at an earlier moment, the most first.
    fn since(&self, earlier: &Snapshot, kind: Kind) -> Vec<GrowingGroup> {
        let (Some(now), Some(then)) = (self.of(kind), earlier.of(kind)) else {
            return Vec::new();
        };
        let seconds = self.at.duration_since(earlier.at).as_secs_f64().max(0.001);
        let group = |(name, site, more): (&String, &Site, i64)| GrowingGroup {
            kind,
            name: name.clone(),
            per_second: more as f64 / seconds,
            // What is open has a name and no line.
            site: (!matches!(kind, Kind::Descriptors | Kind::Sockets)).then(|| site.clone()),
        };
        more(now, then).into_iter().map(group).collect()
    }
}

/// Each site that has more now than then, and how much more, the most first.
pub(super) fn more<'a>(now: &'a Sites, then: &Sites) -> Vec<(&'a String, &'a Site, i64)> {
    let more = now.iter().map(|(name, (site, value))| {
        let before = then.get(name).map_or(0, |(_, value)| *value);
        (name, site, value.saturating_sub(before))
    });
    let mut more: Vec<_> = more.filter(|(_, _, more)| *more > 0).collect();
    more.sort_by_key(|(.., more)| Reverse(*more));
    more
}

/// What a look remembers of a service: what there was when it began, and in its middle.
#[derive(Debug)]
pub(super) struct Remembered {
    profiles: &'static [OfKind],
    begun: Option<Snapshot>,
    marked: Option<Snapshot>,
}

impl Remembered {
    /// Nothing yet, of what these profiles tell.
    pub(super) fn by(profiles: &'static [OfKind]) -> Self {
        Remembered {
            profiles,
            begun: None,
            marked: None,
        }
    }

    pub(super) fn begin(&mut self, asks: &dyn Fetches) {
        self.begun = Some(Snapshot::take(asks, self.profiles));
    }

    pub(super) fn mark(&mut self, asks: &dyn Fetches) {
        self.marked = Some(Snapshot::take(asks, self.profiles));
    }

    /// The sites that have twice as much now as when the look began, the largest first.
    pub(super) fn doubled(&self, asks: &dyn Fetches) -> Vec<Doubled> {
        let (Some(now), Some(then)) = (profile(asks, HEAP), self.begun.as_ref()) else {
            return Vec::new();
        };
        let (now, then) = (sites(&now), then.of(Kind::Bytes));
        let doubled = now.into_iter().filter_map(|(name, (_, to))| {
            let (_, from) = then?.get(&name)?;
            let (from, to) = (u64::try_from(*from).ok()?, u64::try_from(to).ok()?);
            Doubled::is_double(from, to).then_some(Doubled {
                what: format!("one block of {name}"),
                site: Some(name),
                from,
                to,
                age: None,
            })
        });
        let mut doubled: Vec<Doubled> = doubled.collect();
        doubled.sort_by_key(|doubled| Reverse(doubled.to));
        doubled
    }

    /// What grew to the end of the look. What warmed up in its first half is left out, where what came since is enough to tell.
    pub(super) fn grown(&self, asks: &dyn Fetches, kinds: &[Kind]) -> Vec<GrowingGroup> {
        let now = Snapshot::take(asks, self.profiles);
        let of = |kind: &Kind| {
            let since = |earlier: &Option<Snapshot>| {
                let earlier = earlier.as_ref()?;
                Some((now.since(earlier, *kind), now.at.duration_since(earlier.at)))
            };
            let late = since(&self.marked).filter(|(grown, time)| {
                let more: f64 = grown.iter().map(|group| group.per_second).sum();
                *kind != Kind::Bytes || more * time.as_secs_f64() >= SAMPLED_BYTES as f64
            });
            let told = late.or_else(|| since(&self.begun));
            told.map_or_else(Vec::new, |(grown, _)| grown)
        };
        let mut grown: Vec<GrowingGroup> = kinds.iter().flat_map(of).collect();
        grown.sort_by(|a, b| b.per_second.total_cmp(&a.per_second));
        grown
    }
}

pub(super) fn profile(asks: &dyn Fetches, path: &str) -> Option<Profile> {
    Profile::from_bytes(path, &asks.ask(path).ok()?).ok()
}

/// The place of the type to sum: of live bytes, or of whatever is counted.
fn type_at(profile: &Profile) -> usize {
    let types = profile.sample_types();
    types
        .iter()
        .position(|of| of.name == "inuse_space")
        .unwrap_or(0)
}

/// All that is live, or counted.
pub(super) fn total(profile: &Profile) -> i64 {
    let at = type_at(profile);
    let values = profile.stacks().map(|stack| stack.values.get(at).copied());
    values.flatten().fold(0, i64::saturating_add)
}

/// What each site has, by the site to look at.
pub(super) fn sites(profile: &Profile) -> Sites {
    let at = type_at(profile);
    let of_go = not_of_the_program(profile);
    let mut packages = profile.other_packages();
    packages.extend(of_go.iter().map(String::as_str));
    let mut sites = Sites::new();
    for stack in profile.stacks() {
        let frames = stack.frames.iter().map(|frame| Frame {
            function: frame.function.to_owned(),
            file: frame.file.to_owned(),
            line: frame.line,
        });
        let site = place::site_beside(frames.collect(), &packages);
        let value = stack.values.get(at).copied().unwrap_or(0);
        let entry = sites.entry(site.to_string()).or_insert_with(|| (site, 0));
        entry.1 = entry.1.saturating_add(value);
    }
    sites
}

/// The folders of Go's own library and of modules that were fetched, as far as the paths in a profile of Go tell: the library lies where
/// its runtime does, and modules lie below `pkg/mod`.
fn not_of_the_program(profile: &Profile) -> BTreeSet<String> {
    let files = profile
        .stacks()
        .flat_map(|stack| stack.frames.into_iter().map(|frame| frame.file.to_owned()));
    files
        .filter_map(|file| {
            let library = file.find("/src/runtime/").map(|at| at + "/src".len());
            let fetched = file.find("/pkg/mod/").map(|at| at + "/pkg/mod".len());
            Some(file[..library.or(fetched)?].to_owned())
        })
        .filter(|folder| folder.starts_with('/'))
        .collect()
}
