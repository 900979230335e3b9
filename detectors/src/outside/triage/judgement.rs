//! From all that was read to one word. The [module](super) has the table of what entitles to which.

use super::collector::{Collector, LETS_COME};
use super::evidence::{Growth, Moment, Smallest, Span, TriageEvidence};
use super::quantity::{
    ANONYMOUS, BESIDE, FOREIGN, IN_TABLES, KERNEL, LIVE, LIVE_BLOCKS, Quantity, TMPFS,
};
use super::sampling::{GrowingGroup, Look, Source};
use crate::model::class::Class;
use crate::model::combination::{OfMemory, class_of};
use crate::model::finding::Finding;
use crate::model::judge::Motion;
use crate::model::kind::{Counts, Kind, NotRead};
use crate::model::verdict::Verdict;
use crate::model::words::{bytes, listed};
use std::time::Duration;

/// Less than this is nobody's incident, whatever it is many times of.
const WORTH_A_WORD: u64 = 64 << 20;

/// Two figures of a table that differ by so much ask for a reason.
const SEEN_IN_A_TABLE: u64 = 1 << 20;

/// What stays, or what is live, is at most one part in this of what there was besides: as in a watch.
const MANY_TIMES: u64 = 4;

/// A group that explains less of its kind's growth than this is not worth a reader's time.
const LEAST_SHARE: f64 = 0.05;

/// A group that explains less of its kind's growth than this decides no class.
const DECIDING_SHARE: f64 = 0.2;

/// Groups that are told of a kind.
const GROUPS_MAX: usize = 5;

/// What is named is all of it, within what a sampled profile can tell.
const ALL_BUT: f64 = 0.75;

/// Nobody looks for longer.
const LONGEST_ADVICE: Duration = Duration::from_hours(6);

const FROM_OUTSIDE: &str = "From outside, live memory isn't known. An allocator that keeps more and more looks the same, and so does a \
    garbage collector that has not run yet. Look for longer than the collector's period, or ask the service itself.";

const ON_TMPFS: &str = "Files on a tmpfs are no process' resident memory, and count against its container's limit: what is written there isn't \
    part of this. `df --type tmpfs` tells it.";

const FILES_ON_TMPFS: &str = "Files on a tmpfs, or shared memory: in nobody's resident memory, and counted against the container's limit. \
    `df --type tmpfs` and `ipcs -m` in the container tell which; an unlinked file stays until whoever has it open closes it.";

const INTO_ROOM: &str = "Entries go into room that a table has already: live memory is flat until the table doubles, and rises then by all at \
    once.";

const BY_BLOCKS: &str = "Live bytes moved by more than these blocks have, with buffers that come and go, so the blocks tell it.";

/// Until who holds it was asked, which notes each block.
pub(super) const SAMPLED: &str =
    "Too little was sampled to name their line: leaks triage --who-holds notes each block exactly.";

const OF_THE_KERNEL: &str = "It is the kernel's memory for this group: sockets' buffers, page tables, dentries and inodes. It grows with what the \
    group's processes open, map and look up. Dentries and inodes go when the group needs the room, and are not always told apart.";

pub(super) fn judge(source: &mut dyn Source, look: &Look) -> TriageEvidence {
    let counts = Quantity::counts(look);
    let memory = Quantity::memory(look);
    let all = || counts.iter().chain(&memory);
    let (mut verdict, mut because, mut settle) = verdict(&counts, &memory, look);
    if verdict.is_calm()
        && let Some(doubled) = source.doubled()
        && let Some((why, how)) = doubled.keeps_open(&memory)
    {
        (verdict, because, settle) = (Verdict::Inconclusive, why, Some(how));
    }
    let mut evidence = TriageEvidence {
        name: source.name(),
        verdict,
        class: None,
        because,
        settle_by: settle.as_ref().map(|(how, _)| how.clone()),
        settle_seconds: settle.and_then(|(_, time)| Some(time?.as_secs())),
        findings: Vec::new(),
        caveats: caveats(source, verdict, &counts, &memory, look),
        parts: source.parts(),
        readings: spans(look, all()),
        timeline: look.moments.clone(),
        smallest: all()
            .filter(|quantity| quantity.accuses)
            .map(|quantity| smallest(quantity, look))
            .collect(),
        not_read: not_read(source, &counts, &memory),
        container: None,
        held: None,
        never_wake: None,
        grown: Vec::new(),
        live_per_second: 0.0,
        squeezed: None,
        is_withheld: false,
    };
    let mut grows = 0.0;
    if verdict == Verdict::Leak {
        let growing: Vec<&Quantity> = all().filter(|quantity| quantity.is_leak()).collect();
        let (filling, others): (Vec<&Quantity>, _) = growing
            .iter()
            .partition(|quantity| quantity.name == IN_TABLES);
        let kinds: Vec<Kind> = others.iter().map(|quantity| quantity.kind).collect();
        let mut named = source.named(&kinds);
        if !filling.is_empty() {
            named.extend(source.filling());
            evidence.caveats.push(INTO_ROOM.to_owned());
        }
        evidence.grown = grown(&growing, &named);
        evidence.live_per_second = growing
            .iter()
            .filter(|quantity| quantity.name == LIVE)
            .map(|quantity| quantity.judged.per_second)
            .sum();
        let by_blocks = growing.iter().any(|quantity| quantity.name == LIVE_BLOCKS);
        if by_blocks {
            let live = memory.iter().find(|quantity| quantity.name == LIVE);
            let per_second = live.map_or(0.0, |live| live.judged.per_second);
            evidence.live_per_second = per_second.max(1.0);
        } else if let Some(live) = rises_behind_tables(&memory) {
            evidence.live_per_second = live.judged.per_second;
        }
        if by_blocks && named.iter().all(|named| named.kind != Kind::Bytes) {
            evidence
                .caveats
                .extend([BY_BLOCKS, SAMPLED].map(str::to_owned));
        }
        evidence.class = if growing.iter().all(|quantity| is_foreign(quantity)) {
            Some(Class::ForeignMemory)
        } else {
            // Who holds live memory isn't known.
            class_of(&evidence.grown, OfMemory::default())
        };
        evidence.caveats.extend(unexplained(&growing, &named));
        evidence.findings = growing
            .iter()
            .flat_map(|quantity| findings(quantity, &named))
            .collect();
        grows = growing
            .iter()
            .map(|quantity| quantity.judged.per_second)
            .sum();
    }
    evidence.container = source.container(grows);
    evidence
}

/// Whether a look sees a leak already.
pub(super) fn is_leak(look: &Look) -> bool {
    // By blocks alone no line is told: bytes may be clear a little later.
    let mut memory = Quantity::memory(look);
    memory.retain(|quantity| quantity.name != LIVE_BLOCKS);
    if rises_behind_tables(&memory).is_some() {
        memory.retain(|quantity| quantity.name != IN_TABLES);
    }
    let (verdict, _, _) = verdict(&Quantity::counts(look), &memory, look);
    verdict == Verdict::Leak
}

/// Live memory that rises in each window, by more than what tables hold, and isn't clear yet where that is: tables have no noise.
fn rises_behind_tables(memory: &[Quantity]) -> Option<&Quantity> {
    let named = |name| memory.iter().find(|quantity| quantity.name == name);
    let (live, in_tables) = (named(LIVE)?, named(IN_TABLES)?);
    let is_behind = in_tables.is_leak() && !live.is_leak() && live.climbs();
    (is_behind && live.judged.per_second > in_tables.judged.per_second).then_some(live)
}

pub(super) type Settle = (String, Option<Duration>);

/// The word, why, and what would settle it.
fn verdict(
    counts: &[Quantity],
    memory: &[Quantity],
    look: &Look,
) -> (Verdict, String, Option<Settle>) {
    let all = || counts.iter().chain(memory);
    if all().next().is_none() {
        let because = "no figure of memory could be read".to_owned();
        return (Verdict::Inconclusive, because, None);
    }
    let reuses = memory
        .iter()
        .any(|quantity| reuses_what_it_freed(quantity, look));
    let growing: Vec<String> = all()
        .filter(|quantity| quantity.is_leak() && !(quantity.kind == Kind::Resident && reuses))
        .map(|quantity| risen(quantity, "in every window"))
        .collect();
    if !growing.is_empty() {
        return (Verdict::Leak, listed(&growing), None);
    }
    if reuses {
        let because = "anonymous memory rises while lazily freed memory falls: the process takes back what it had freed".to_owned();
        let how = "look again when no lazily freed memory is left".to_owned();
        return (
            Verdict::Inconclusive,
            because,
            Some((how, Some(2 * look.time))),
        );
    }
    if let Some(kept) = memory
        .iter()
        .find(|quantity| !quantity.accuses && quantity.climbs() && !quantity.moved_a_little())
    {
        let (because, settle) = kept_more_and_more(kept, memory, look);
        return (Verdict::Inconclusive, because, Some(settle));
    }
    for quantity in memory.iter().filter(|quantity| quantity.grows()) {
        if let Some(collector) = quantity.may_be_collected() {
            let (because, settle) = not_yet_collected(quantity, collector, look);
            return (Verdict::Inconclusive, because, Some(settle));
        }
    }
    let judged = || all().filter(|quantity| quantity.accuses && !quantity.moved_a_little());
    if let Some(unclear) = judged().find(|quantity| quantity.judged.motion == Motion::Unclear) {
        let (because, settle) = unclear_words(unclear, look);
        return (Verdict::Inconclusive, because, Some(settle));
    }
    if memory.iter().any(|quantity| quantity.name == LIVE)
        && look.moments.iter().all(|now| now.resident.is_none())
    {
        let because = format!(
            "{}, and resident memory wasn't read: what grows outside of the heap that is counted isn't seen",
            steady(&judged().collect::<Vec<_>>(), look)
        );
        let how = "look at the process as well: leaks triage --pid N".to_owned();
        return (Verdict::Inconclusive, because, Some((how, None)));
    }
    let calm = retention(look)
        .map(|because| (Verdict::Retention, because))
        .or_else(|| pressure(look).map(|because| (Verdict::Pressure, because)))
        .or_else(|| {
            let stopped = judged().find(|quantity| quantity.judged.motion == Motion::Stopped)?;
            let because = format!("{}, and then no more", risen(stopped, "at first"));
            Some((Verdict::WarmingUp, because))
        });
    let (verdict, because) =
        calm.unwrap_or_else(|| (Verdict::Steady, steady(&judged().collect::<Vec<_>>(), look)));
    (verdict, because, None)
}

/// Resident memory climbs, and live memory doesn't: by the allocator's own figures it is the allocator's, or nobody knows.
fn kept_more_and_more(kept: &Quantity, memory: &[Quantity], look: &Look) -> (String, Settle) {
    let free = Quantity::of(look, Kind::Resident, "free memory", |now| {
        Some(now.allocator_free?.cast_signed())
    });
    let free = free.filter(Quantity::climbs);
    let figures_known = memory.iter().any(|quantity| quantity.name == FOREIGN);
    let whose = match (&free, figures_known) {
        (Some(free), _) => format!(
            "; the allocator keeps more and more: what it has without a block in it rose by {} a second",
            free.figure(free.judged.per_second)
        ),
        (None, true) => "; the allocator hands out no more: blocks that were there already fill, such as a vector that has room, or pages that it had \
             given back are used again"
            .to_owned(),
        (None, false) => "; whether the allocator keeps it, or somebody else has it, isn't known: the service tells no figures of its \
             allocator"
            .to_owned(),
    };
    let because = format!(
        "{}, and live memory didn't{whose}",
        risen(kept, "in every window")
    );
    let how = match free {
        Some(_) => {
            "ask the allocator to give it back (POST /freememory), and look again: what it gives back was kept, and no leak"
        }
        None => {
            "look for longer, and at the process itself: leaks triage --pid N tells its memory by kind"
        }
    };
    (because, (how.to_owned(), Some(2 * look.time)))
}

/// Memory rises, and a garbage collector may take all of it with its next run.
fn not_yet_collected(rising: &Quantity, collector: Collector, look: &Look) -> (String, Settle) {
    let rises = risen(rising, "in every window");
    if collector.has_limit {
        let because = format!(
            "{rises}, and {} garbage collector may let memory rise to a limit of its own before it takes what is no longer used",
            collector.whose
        );
        return (because, (collector.ask.to_owned(), None));
    }
    let because = format!(
        "{rises}, and {} garbage collector may let {LETS_COME} times as much come before it runs",
        collector.whose
    );
    // The next look begins with what is there now.
    let to_come = (LETS_COME - 1) as f64 * rising.last() as f64;
    let needs = Duration::try_from_secs_f64(1.25 * to_come / rising.judged.per_second).ok();
    let needs = needs.filter(|needs| *needs > look.time && *needs < LONGEST_ADVICE);
    let how = match needs {
        Some(time) => format!(
            "{}; or look for {} s, after which so much has come that no collector lets it",
            collector.ask,
            time.as_secs()
        ),
        None => collector.ask.to_owned(),
    };
    (because, (how, needs))
}

fn risen(quantity: &Quantity, when: &str) -> String {
    // What fell first has risen from where it had fallen to.
    let floor = quantity.judged.floors.first();
    let from = floor.map_or(quantity.first(), |floor| floor.floor.min(quantity.first()));
    format!(
        "{} rose {when} by {} a second, from {} to {}",
        quantity.name,
        quantity.figure(quantity.judged.per_second),
        quantity.text(from),
        quantity.text(quantity.last().max(quantity.rests_at())),
    )
}

/// Whether what seems to grow is taken from what had been freed: together they don't.
fn reuses_what_it_freed(quantity: &Quantity, look: &Look) -> bool {
    if quantity.name != ANONYMOUS || !quantity.grows() {
        return false;
    }
    let with_freed = Quantity::of(look, Kind::Resident, quantity.name, |now| {
        let memory = now.anonymous? + now.lazily_freed?;
        Some(memory.cast_signed())
    });
    with_freed.is_some_and(|with_freed| !with_freed.grows())
}

fn unclear_words(unclear: &Quantity, look: &Look) -> (String, Settle) {
    let name = unclear.name;
    let judged = &unclear.judged;
    if judged.floors.len() < 3 {
        let because = format!(
            "{} readings in {} s are too few to judge {name}",
            unclear.series.len(),
            look.time.as_secs()
        );
        let how = "look for longer: each reading of this process takes long".to_owned();
        return (because, (how, Some(4 * look.time)));
    }
    let because = format!(
        "{name} moved from {} to {}, and no clear rise shows in each window: a movement of up to {} is noise",
        unclear.text(unclear.first()),
        unclear.text(unclear.last()),
        unclear.text(judged.noise),
    );
    let needs = judged.needs;
    let how = match needs {
        Some(time) => format!(
            "look for {} s: if the growth goes on by {} a second, so long a look tells it from noise",
            time.as_secs(),
            unclear.figure(judged.per_second)
        ),
        None => "ask the service itself: at this pace a day would not make it clear".to_owned(),
    };
    (because, (how, needs))
}

/// Why it is retention, if it is.
fn retention(look: &Look) -> Option<String> {
    let now = look.moments.last()?;
    let resident = now.resident?;
    let freed = now.lazily_freed.unwrap_or(0);
    if freed >= WORTH_A_WORD && 2 * freed >= resident {
        return Some(format!(
            "{} of {} resident are lazily freed: the process has given them up, the kernel takes them when it needs them, and \
             nothing grows",
            bytes(freed),
            bytes(resident)
        ));
    }
    let live = now.live?;
    let beside = resident.saturating_sub(live);
    if beside < WORTH_A_WORD || beside < MANY_TIMES * live {
        return None;
    }
    let worth = |part: Option<u64>, words: &str| {
        let part = part.filter(|part| *part >= WORTH_A_WORD);
        part.map_or_else(String::new, |part| format!("; {} {words}", bytes(part)))
    };
    Some(format!(
        "live memory is {} of {} resident, and nothing grows{}{}",
        bytes(live),
        bytes(resident),
        worth(now.lazily_freed, "are lazily freed"),
        worth(
            now.allocator_free,
            "are in the allocator's hands, without a block in them"
        ),
    ))
}

/// Why it is pressure, if it is: the highest of the look, or one between two readings that the kernel remembers.
fn pressure(look: &Look) -> Option<String> {
    let of = |value: fn(&Moment) -> Option<u64>| {
        Quantity::of(look, Kind::Resident, "resident memory", |now| {
            value(now).map(u64::cast_signed)
        })
    };
    let resident = of(|now| now.resident)?;
    let between = of(|now| now.highest)
        .filter(|highest| highest.last() > highest.first())
        .map_or(0, |highest| highest.last());
    let peak = resident.highest().max(between).unsigned_abs();
    let rests = resident.rests_at().unsigned_abs();
    let beside = peak.saturating_sub(rests);
    (beside >= WORTH_A_WORD && peak >= MANY_TIMES * rests).then(|| {
        format!(
            "resident memory reached {} and fell back to {}",
            bytes(peak),
            bytes(rests)
        )
    })
}

fn steady(all: &[&Quantity], look: &Look) -> String {
    let names: Vec<String> = all
        .iter()
        .map(|quantity| quantity.name.to_owned())
        .collect();
    let now = look.moments.last().and_then(|now| now.resident);
    let resident = now.map_or_else(String::new, |now| {
        format!("; resident memory is {}", bytes(now))
    });
    format!(
        "none of {} rose in {} s{resident}",
        listed(&names),
        look.time.as_secs()
    )
}

/// How much more is live than all that may hold it.
fn beyond_what_is_in_ram(now: &Moment) -> Option<u64> {
    let others = [now.lazily_freed, now.files, now.shared];
    let in_ram = now.anonymous? + others.into_iter().flatten().sum::<u64>();
    now.live?.checked_sub(in_ram)
}

fn caveats(
    source: &dyn Source,
    verdict: Verdict,
    counts: &[Quantity],
    memory: &[Quantity],
    look: &Look,
) -> Vec<String> {
    let mut caveats = source.caveats();
    let grows = |name| {
        let mut all = memory.iter();
        all.any(|quantity| quantity.name == name && quantity.is_leak())
    };
    let is_told_apart = |quantity: &Quantity| [TMPFS, KERNEL].contains(&quantity.name);
    let by_memory = memory
        .iter()
        .any(|quantity| quantity.is_leak() && !is_told_apart(quantity))
        && !counts.iter().any(Quantity::grows);
    let live_is_known = memory.iter().any(|quantity| quantity.kind == Kind::Bytes);
    if !live_is_known && verdict == Verdict::Leak && by_memory {
        caveats.push(FROM_OUTSIDE.to_owned());
    }
    let held = memory
        .first()
        .map_or(0, |quantity| quantity.last().unsigned_abs());
    if !live_is_known && verdict.is_calm() && held >= WORTH_A_WORD {
        caveats.push(format!(
            "Whether these {} are live, or kept by the allocator, can't be seen from outside.",
            bytes(held)
        ));
    }
    if source.knows_live() && !live_is_known {
        caveats.push(
            "The service counts no live memory: declare a detectors::ProfilingAllocator in it."
                .to_owned(),
        );
    }
    let files = Quantity::of(look, Kind::Resident, "mapped files", |now| {
        now.files.map(u64::cast_signed)
    });
    if let Some(files) = files.filter(Quantity::grows) {
        caveats.push(format!(
            "Mapped files rose by {} a second. The kernel drops their pages when it needs the room, unless they lie on a tmpfs. Mappings \
             that are never undone are a leak all the same: see whether the lines of the process' /proc/PID/maps become more.",
            files.figure(files.judged.per_second)
        ));
    }
    if let Some(cache) = Quantity::page_cache(look).filter(Quantity::climbs) {
        caveats.push(format!(
            "Page cache rose by {} a second, to {}. It is no leak: the kernel drops it, with what it keeps for its pages, when the group needs the room.",
            cache.figure(cache.judged.per_second),
            cache.text(cache.last())
        ));
    }
    if grows(TMPFS) {
        caveats.push(FILES_ON_TMPFS.to_owned());
    }
    if grows(KERNEL) {
        let most = source.of_the_kernel();
        let most = most.map_or_else(String::new, |most| format!(" Over this look, {most}."));
        caveats.push(format!("{OF_THE_KERNEL}{most}"));
    }
    if verdict.is_calm() && look.moments.iter().all(|now| now.tmpfs.is_none()) {
        caveats.push(ON_TMPFS.to_owned());
    }
    let beyond = look.moments.last().and_then(beyond_what_is_in_ram);
    if let Some(beyond) = beyond.filter(|beyond| *beyond >= SEEN_IN_A_TABLE) {
        caveats.push(format!(
            "At least {} of live memory aren't in RAM: room that was asked for, and not written to yet.",
            bytes(beyond)
        ));
    }
    let freed = look.moments.last().and_then(|now| now.lazily_freed);
    if let Some(freed) = freed.filter(|freed| *freed > 0 && verdict != Verdict::Retention) {
        caveats.push(format!(
            "{} are lazily freed: resident until the kernel needs them.",
            bytes(freed)
        ));
    }
    caveats
}

/// The groups of its kind that grew, or the whole where none is known.
fn findings(quantity: &Quantity, named: &[GrowingGroup]) -> Vec<Growth> {
    let growth = |per_second, site, origin| Growth {
        kind: quantity.kind,
        per_iteration: None,
        per_second,
        site,
        origin,
    };
    let of_kind: Vec<&GrowingGroup> = named
        .iter()
        .filter(|named| named.kind == quantity.kind)
        .collect();
    let total: f64 = of_kind.iter().map(|named| named.per_second).sum();
    let large = |named: &&&GrowingGroup| named.per_second >= LEAST_SHARE * total;
    let groups: Vec<Growth> = of_kind
        .iter()
        .filter(large)
        .take(GROUPS_MAX)
        .map(|named| {
            let origin = named.site.as_ref().map(|site| site.origin);
            growth(named.per_second, Some(named.name.clone()), origin)
        })
        .collect();
    if groups.is_empty() {
        let is_told_by_kind = ![FOREIGN, BESIDE, TMPFS, KERNEL].contains(&quantity.name);
        let what = (!is_told_by_kind).then(|| quantity.name.to_owned());
        return vec![growth(quantity.judged.per_second, what, None)];
    }
    groups
}

/// How much of what grows no line explains.
fn unexplained(growing: &[&Quantity], named: &[GrowingGroup]) -> Vec<String> {
    let of = |quantity: &&Quantity| {
        let of_kind = named.iter().filter(|group| group.kind == quantity.kind);
        let told: f64 = of_kind.map(|group| group.per_second).sum();
        let grows = quantity.judged.per_second;
        let is_told = told == 0.0 || told >= ALL_BUT * grows;
        (!is_told).then(|| {
            format!(
                "Of the growth of {}, {} a second, what was found explains {}. The rest isn't explained: a profile is sampled, and sees what is made \
                 while it looks.",
                quantity.name,
                quantity.figure(grows),
                quantity.figure(told)
            )
        })
    };
    growing.iter().filter_map(of).collect()
}

fn is_foreign(quantity: &Quantity) -> bool {
    [FOREIGN, BESIDE].contains(&quantity.name)
}

/// What grows, as a watch finds it: by the combination of these the class is told.
fn grown(growing: &[&Quantity], named: &[GrowingGroup]) -> Vec<Finding> {
    let finding = |kind, at| Finding {
        kind,
        per_iteration: None,
        cum_per_iteration: None,
        site: None,
        at,
        outlook: None,
    };
    let kinds = growing.iter().map(|quantity| finding(quantity.kind, None));
    let sites = of_weight(named).map(|named| finding(named.kind, named.site.clone()));
    sites.chain(kinds).collect()
}

/// The groups that have a real share in their kind's growth: of requests that are being answered, some tasks more are there by chance.
fn of_weight(named: &[GrowingGroup]) -> impl Iterator<Item = &GrowingGroup> {
    named.iter().filter(move |group| {
        let of_kind = named.iter().filter(|other| other.kind == group.kind);
        let all: f64 = of_kind.map(|other| other.per_second).sum();
        group.per_second >= DECIDING_SHARE * all
    })
}

fn smallest(quantity: &Quantity, look: &Look) -> Smallest {
    Smallest {
        kind: quantity.kind,
        what: quantity.name,
        per_second: quantity.smallest_per_second(look.time),
    }
}

fn not_read(source: &dyn Source, counts: &[Quantity], memory: &[Quantity]) -> Vec<NotRead> {
    let why = source.why_not_read();
    let kinds = Counts::KINDS.into_iter().chain([Kind::Bytes]);
    let was_read = |kind| {
        counts
            .iter()
            .chain(memory)
            .any(|quantity| quantity.kind == kind)
    };
    kinds
        .filter(|kind| !was_read(*kind))
        .map(|kind| NotRead {
            kind,
            why: why.to_owned(),
        })
        .collect()
}

/// A span for each window, with the floors of all that was read.
fn spans<'q>(look: &Look, mut all: impl Iterator<Item = &'q Quantity>) -> Vec<Span> {
    let windows = all.next().map(|quantity| quantity.judged.floors.as_slice());
    let windows = windows.unwrap_or_default().iter();
    windows
        .map(|window| {
            let (from, to) = (window.from.as_secs_f64(), window.to.as_secs_f64());
            let half = f64::midpoint(from, to);
            let within = look
                .moments
                .iter()
                .filter(|now| (half..to).contains(&now.seconds));
            Span {
                from_seconds: from,
                to_seconds: to,
                floors: within
                    .copied()
                    .reduce(|a, b| a.least(&b))
                    .unwrap_or_default(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
