//! The chart of the book's page `which-leak`: read from the page, and followed row by row.

use detectors::{Evidence, Finding, Kind, Origin, Root, Verdict};

const PAGE: &str = include_str!("../../chapters/which-leak.md");

/// The class of the first row that fits.
///
/// # Panics
///
/// When the page has a row whose words aren't known here: then this file must learn them.
pub(crate) fn follow(evidence: &Evidence) -> Option<String> {
    let rows = PAGE
        .lines()
        .skip_while(|line| !line.starts_with("| what grows"))
        .skip(2);
    rows.take_while(|line| line.starts_with('|'))
        .find_map(|row| {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            let [what, and, class] = cells[..] else {
                panic!("the chart's row has three cells: {row}");
            };
            let class = class.trim_start_matches('[').split(']').next()?;
            (grows(what, evidence) && fits(and, evidence)).then(|| class.to_owned())
        })
}

fn grows(what: &str, evidence: &Evidence) -> bool {
    let any = |kind| evidence.findings.iter().any(|finding| finding.kind == kind);
    match what {
        "tasks, or threads" => any(Kind::Tasks) || any(Kind::Threads),
        "tasks, and sockets with them" => any(Kind::Tasks) && any(Kind::Sockets),
        "resident memory" => evidence.verdict == Verdict::Leak && any(Kind::Resident),
        "descriptors that are no sockets" => any(Kind::Descriptors),
        "nothing: the verdict is `pressure`" => evidence.verdict == Verdict::Pressure,
        "nothing: the verdict is `retention`" => evidence.verdict == Verdict::Retention,
        "live memory" => any(Kind::Bytes),
        other => panic!("the chart says `{other}` grows, which this test doesn't know"),
    }
}

fn fits(and: &str, evidence: &Evidence) -> bool {
    let holding = evidence.holders.first();
    let root = holding
        .and_then(|holding| holding.mostly())
        .map(|(root, _)| root);
    let uses_little =
        holding.is_some_and(|holding| holding.pointers <= 1 && 2 * holding.unused > holding.blocks);
    // What the holder accounts for is known to the watch alone; it says so by the class.
    let pins = evidence
        .class
        .is_some_and(|class| class.as_str().starts_with("retained-"));
    match and {
        "" => true,
        "your own code spawned them" => {
            let spawned = |finding: &Finding| {
                let first = finding.at.as_ref().and_then(|at| at.stack.first());
                first.map(detectors::Frame::origin)
            };
            let mut tasks = evidence
                .findings
                .iter()
                .filter(|finding| finding.kind == Kind::Tasks);
            tasks.any(|finding| spawned(finding) == Some(Origin::Own))
        }
        "an HTTP client spawned the tasks" => evidence.findings.iter().any(|finding| {
            let stack = finding.at.iter().flat_map(|at| &at.stack);
            finding.kind == Kind::Tasks
                && stack
                    .into_iter()
                    .any(|frame| frame.file.contains("/hyper-util-"))
        }),
        "the heap profile is flat and low" => {
            let all_of = |kind| {
                let of_kind = evidence
                    .findings
                    .iter()
                    .filter(move |finding| finding.kind == kind);
                of_kind
                    .filter_map(|finding| finding.per_iteration)
                    .sum::<f64>()
            };
            all_of(Kind::Resident) > all_of(Kind::Bytes)
        }
        "nothing points to it" => root == Some(&Root::Nothing),
        "its blocks hold each other, and nobody else does" => root == Some(&Root::Cycle),
        "its holder keeps large blocks, and uses a small part of their room" => pins && uses_little,
        "its holder keeps small views of large blocks, and accounts for a small part of them" => {
            pins && !uses_little
        }
        "it waits in a queue" => holding.is_some_and(|holding| holding.queue.is_some()),
        "a static holds it, or a map that lives on" => {
            let owner = holding.and_then(|holding| holding.owner.as_ref());
            matches!(root, Some(Root::Static(_) | Root::Task)) || owner.is_some()
        }
        other => panic!("the chart says `{other}`, which this test doesn't know"),
    }
}
