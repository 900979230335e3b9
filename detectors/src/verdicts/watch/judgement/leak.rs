//! Where something live grows: what, by how much, from where, and who holds it.

use crate::model::finding::Finding;
use crate::model::kind::{Kind, NotRead};
use crate::model::place::Site;
use crate::model::reading::ReadError;
use crate::model::words::{amount, listed, one_of};
use crate::readings::counters::Outlooks;
use crate::readings::holders::{Accounts, HeldBy, Holders};
use crate::verdicts::evidence::Evidence;
use crate::verdicts::sites::{Amount, Grown};
use crate::verdicts::watch::counted::Counted;

/// Live bytes that many times as many as the holder means to keep can't be bookkeeping.
const PINNING_TIMES: f64 = 4.0;

/// What one entry may cost beside its own bytes: a handle, a block's least size, a key, and room in a vector or table that doubles. A
/// `Bytes` for a 16-byte id costs 32 bytes, and up to twice that in a vector.
const BOOKKEEPING_BYTES: f64 = 128.0;

/// An entry has so many bytes at least, where the holder says how many it keeps, and not in how many entries.
const ENTRY_BYTES_LEAST: f64 = 4.0;

/// Sites that explain a smaller share of the growth leave a question, which is answered then.
const SEEN_AGAIN_SHARE: f64 = 0.75;

/// What grows for each iteration, all sites together.
pub(super) fn totals(counted: &Counted) -> Amount {
    Amount {
        blocks: counted.blocks.per_iteration(),
        bytes: counted.bytes.per_iteration(),
    }
}

/// Whether the holder says what it means to keep, and whether much more stays live.
pub(super) fn accounts(counted: &Counted) -> Accounts {
    let kept = counted.kept_per_iteration().filter(|kept| *kept > 0.0);
    let Some(kept) = kept else {
        return Accounts::None;
    };
    let entries = totals(counted)
        .blocks
        .min(kept / ENTRY_BYTES_LEAST)
        .max(1.0);
    let beside = counted.bytes.per_iteration() - BOOKKEEPING_BYTES * entries;
    if beside >= PINNING_TIMES * kept {
        Accounts::Exceeded
    } else {
        Accounts::Fit
    }
}

/// What grows besides the heap: by group where groups tell, else in total.
pub(super) fn count_findings(counted: &Counted, more: &[Kind]) -> Vec<Finding> {
    let of_kind = |&kind: &Kind| {
        let groups: Vec<Finding> = counted
            .grown_groups(kind)
            .iter()
            .map(|(group, per_iteration)| Finding {
                kind,
                per_iteration: Some(*per_iteration),
                cum_per_iteration: None,
                site: Some(group.to_string()),
                at: group.at.clone(),
                outlook: None,
            })
            .collect();
        if groups.is_empty() {
            vec![Finding {
                kind,
                per_iteration: Some(counted.per_iteration(kind)),
                cum_per_iteration: None,
                site: None,
                at: None,
                outlook: None,
            }]
        } else {
            groups
        }
    };
    more.iter().flat_map(of_kind).collect()
}

/// Says of the tasks that grow what may become of them.
pub(super) fn add_outlooks(told: Option<Result<Outlooks, String>>, evidence: &mut Evidence) {
    let outlooks = match told {
        None => return,
        Some(Ok(outlooks)) => outlooks,
        Some(Err(why)) => {
            let why = format!("which of them can wake: {why}");
            let kind = Kind::Tasks;
            return evidence.not_read.push(NotRead { kind, why });
        }
    };
    let of_tasks = |finding: &&mut Finding| finding.kind == Kind::Tasks;
    for finding in evidence.findings.iter_mut().filter(of_tasks) {
        let line = finding.at.as_ref().map(|at| &at.frame);
        let is_there = |(site, _): &&(Option<Site>, _)| site.as_ref().map(|at| &at.frame) == line;
        finding.outlook = outlooks.iter().find(is_there).map(|(_, told)| told.clone());
    }
}

/// The growing sites as findings, or what grows in total where no site was read.
pub(super) fn findings(counted: &Counted, grown: &Grown, by_site: bool) -> Vec<Finding> {
    let totals = totals(counted);
    let by_site = grown.findings((!by_site).then_some(totals));
    if !by_site.is_empty() {
        return by_site;
    }
    [(Kind::Bytes, totals.bytes), (Kind::Blocks, totals.blocks)]
        .into_iter()
        .filter(|(_, per_iteration)| *per_iteration > 0.0)
        .map(|(kind, per_iteration)| Finding {
            kind,
            per_iteration: Some(per_iteration),
            cum_per_iteration: None,
            site: None,
            at: None,
            outlook: None,
        })
        .collect()
}

/// Who holds what grows, in the order of the findings.
pub(super) fn holders(
    read: Option<Result<Holders, ReadError>>,
    evidence: &mut Evidence,
) -> Vec<HeldBy> {
    let (read, not_read) = match read {
        Some(Ok(Holders { by_site, not_read })) => (by_site, not_read),
        Some(Err(error)) => (Vec::new(), Some(error.to_string())),
        None => return Vec::new(),
    };
    evidence.not_read.extend(not_read.map(|why| NotRead {
        kind: Kind::Blocks,
        why: format!("who holds them: {why}"),
    }));
    let mut ordered: Vec<HeldBy> = Vec::new();
    let of_memory = |finding: &&Finding| matches!(finding.kind, Kind::Bytes | Kind::Blocks);
    let of_memory = evidence.findings.iter().filter(of_memory);
    for site in of_memory.filter_map(|finding| finding.site.as_ref()) {
        let is_new = !ordered.iter().any(|holding| holding.site == *site);
        ordered.extend(
            read.iter()
                .filter(|holding| is_new && holding.site == *site)
                .cloned(),
        );
    }
    ordered
}

/// What of the growth isn't explained by any site, where that is much: it came in the first run, and not when it was looked for.
pub(super) fn not_seen_again(counted: &Counted, sites: &Grown) -> Option<String> {
    let (grown, again) = (totals(counted).bytes, sites.total().bytes);
    (again < SEEN_AGAIN_SHARE * grown).then(|| {
        format!(
            "; {} of them did not come again in the second run, as where a table has doubled before",
            amount(grown - again.max(0.0), "byte")
        )
    })
}

/// `straight`: what sites add that grow in a straight line, where the totals don't tell.
pub(super) fn because_it_leaks(
    counted: &Counted,
    more: &[Kind],
    heap: bool,
    straight: Option<Amount>,
) -> String {
    let mut grown: Vec<String> = more
        .iter()
        .map(|&kind| amount(counted.per_iteration(kind), one_of(kind)))
        .collect();
    if heap || straight.is_some() {
        let of_heap = straight.unwrap_or_else(|| totals(counted));
        grown.push(format!(
            "{} in {}",
            amount(of_heap.bytes, "byte"),
            amount(of_heap.blocks, "block")
        ));
    }
    let stay = match grown.as_slice() {
        [one] if one.starts_with("1 ") && !one.contains(" in ") => "stays",
        _ => "stay",
    };
    let per_iteration = format!("{} {stay} for each iteration", listed(&grown));
    if straight.is_some() && more.is_empty() {
        format!(
            "{per_iteration} at a site whose live blocks grow in a straight line; the totals are too noisy to tell"
        )
    } else if heap && more.is_empty() && counted.grows_by_steps() {
        format!(
            "{per_iteration}: they come in steps of many iterations, and resident memory rises in a straight line as the steps fill"
        )
    } else {
        format!(
            "{per_iteration}, in each of {} windows and never less than before",
            counted.readings.len()
        )
    }
}
