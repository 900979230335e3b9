//! What piles up within one call, and what doesn't.

use detectors::{Class, Kind, Peak, PeakEvidence, Verdict};
use std::fs::File;
use std::hint::black_box;

fn open(_item: usize) -> File {
    File::open("/dev/null").expect("a Linux")
}

#[track_caller]
fn each(seen: &PeakEvidence, kind: Kind, expected: f64) {
    let each = seen.per_item(kind);
    assert!(
        (each - expected).abs() < 0.05 * expected,
        "{each} {kind}: {seen:?}"
    );
}

pub(crate) fn files_at_once() {
    let seen = Peak::new("all files at once").run(|items| {
        let open: Vec<File> = items.map(open).collect();
        open.len()
    });
    seen.assert_grows(Class::DeferredCleanup, Kind::Descriptors);
    each(&seen, Kind::Descriptors, 1.0);
    assert_eq!(seen.verdict, Verdict::Pressure);
    let last = seen.readings.last().expect("five readings");
    assert_eq!(
        last.counts.get(Kind::Descriptors),
        Some(256),
        "the highest is exact"
    );
    assert_eq!(last.resting_counts.get(Kind::Descriptors), Some(0));
}

pub(crate) fn files_one_by_one() {
    Peak::new("file after file")
        .run(|items| items.map(|item| drop(open(item))).count())
        .assert_bounded();
}

#[inline(never)]
fn report(item: usize) -> String {
    format!("{item:>1000}")
}

pub(crate) fn bytes_at_once() {
    let seen = Peak::new("all reports at once").run(|items| {
        let reports: Vec<String> = items.map(report).collect();
        reports.iter().map(String::len).sum::<usize>()
    });
    seen.assert_grows(Class::MemoryPressure, Kind::Bytes);
    let first = seen.findings.first().and_then(|first| first.site.clone());
    assert!(
        first.is_some_and(|site| site.contains("report")),
        "{:?}",
        seen.findings
    );
    Peak::new("report after report")
        .run(|items| items.map(|item| report(item).len()).sum::<usize>())
        .assert_bounded();
}

pub(crate) fn an_index() {
    Peak::new("an index")
        .run(|items| items.map(|item| item as u64).collect::<Vec<u64>>())
        .assert_bounded();
}

pub(crate) fn one_buffer() {
    Peak::new("a buffer for all")
        .run(|items| {
            let mut buffer = vec![0_u8; 1 << 20];
            items.for_each(|item| buffer[item] = 1);
            black_box(buffer);
        })
        .assert_bounded();
}

pub(crate) fn what_stays() {
    let mut kept = Vec::with_capacity(10_000);
    let seen =
        Peak::new("kept reports").run(|items| items.for_each(|item| kept.push(report(item))));
    assert_eq!(seen.verdict, Verdict::Leak, "{seen:?}");
}

pub(crate) fn tasks_at_once() {
    let seen = Peak::new("a task for each").run_async(async |items| {
        let tasks: Vec<_> = items
            .map(|item| tokio::spawn(async move { item }))
            .collect();
        for task in tasks {
            task.await.expect("it ends");
        }
    });
    seen.assert_grows(Class::DeferredCleanup, Kind::Tasks);
    Peak::new("task after task")
        .run_async(async |items| {
            for item in items {
                tokio::spawn(async move { item }).await.expect("it ends");
            }
        })
        .assert_bounded();
}

pub(crate) fn complaint() {
    let seen = Peak::new("all files at once").run(|items| {
        let open: Vec<File> = items.map(open).collect();
        open.len()
    });
    let complaint = seen.check_bounded().expect_err("it grows");
    insta::with_settings!({filters => vec![
        (r"[^ `]*/detectors/tests/", "detectors/tests/"),
        (r"signature [0-9a-f]{16}", "signature [..]"),
    ]}, { insta::assert_snapshot!(complaint); });
}

pub(crate) fn amounts_beyond_all_numbers() {
    drop(Peak::new("for ever").items([usize::MAX / 2 + 1, 0, 0]));
}
