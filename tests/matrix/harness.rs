//! Runs a chapter and says what is wrong.
//!
//! Once: a second run in one process would find what a chapter's statics and freed memory keep of the first. `.ci/soak` runs the
//! whole of it hundreds of times.

use crate::chart;
use chapters::Chapter;
use detectors::{Evidence, Peak, Verdict, Watch};
use std::collections::VecDeque;
use std::hint::black_box;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The leaky variant has its chapter's verdict and class, and the first finding is of the kind that tells most.
pub(crate) fn leaks(chapter: &Chapter, tells_classes: bool) {
    let _neighbour = BusyNeighbour::start();
    let evidence = (chapter.leaky)(watch(chapter, "leaky"));
    let told = || {
        let (because, not_read) = (&evidence.because, &evidence.not_read);
        format!(
            "{because}\n{}\nnot read: {not_read:?}",
            evidence.findings_list()
        )
    };
    assert_eq!(evidence.verdict, chapter.verdict, "{}", told());
    let class = evidence.class;
    let is_right = class == Some(chapter.class) || !tells_classes && class.is_none();
    assert!(
        is_right,
        "{class:?} instead of {}: {}",
        chapter.class,
        told()
    );
    if tells_classes {
        let by_chart = chart::follow(&evidence);
        assert_eq!(
            by_chart.as_deref(),
            Some(chapter.class.as_str()),
            "the page's chart: {}",
            told()
        );
    }
    let first = evidence.findings.first().map(|finding| finding.kind);
    assert_eq!(first, Some(chapter.first), "{}", told());
}

/// What is asked here is whether the word is right, however long a busy machine takes to say it.
fn watch(chapter: &Chapter, variant: &str) -> Watch {
    Watch::new(format!("{} ({variant})", chapter.class)).deadline(Duration::from_hours(1))
}

/// No instrument accuses the fixed variant: the watch doesn't, and its peak doesn't grow with the work.
pub(crate) fn is_calm(chapter: &Chapter) {
    let _neighbour = BusyNeighbour::start();
    (chapter.fixed)(watch(chapter, "fixed")).assert_steady();
    let peak = (chapter.fixed_at_once)(Peak::new(format!("{} (fixed)", chapter.class)));
    // A cache's own housekeeping may make the line crooked: that is no accusation.
    let accuses = matches!(peak.verdict, Verdict::Leak | Verdict::Pressure);
    assert!(
        !accuses,
        "{}: {}\n{}",
        peak.verdict,
        peak.because,
        peak.table()
    );
}

/// What looks like a leak and is none.
pub(crate) fn look_alikes_are_calm() {
    let _neighbour = BusyNeighbour::start();
    calm(
        "a cache that warms",
        &Watch::run(Watch::new("a cache that warms"), || {
            let mut cache: Vec<Vec<u8>> = Vec::new();
            move || {
                if cache.len() < 60 {
                    cache.push(vec![0; 500]);
                }
            }
        }),
    );
    calm(
        "a vector that doubles, to its bound",
        &Watch::new("a doubling vector").run(|| {
            let mut kept: Vec<u64> = Vec::new();
            move || {
                if kept.len() < 120 {
                    kept.push(black_box(7));
                }
            }
        }),
    );
    calm(
        "a queue at its bound",
        &Watch::new("a queue at its bound").run(|| {
            let mut queue: VecDeque<Vec<u8>> = VecDeque::with_capacity(33);
            move || {
                queue.push_back(vec![0; 300]);
                if queue.len() > 32 {
                    queue.pop_front();
                }
            }
        }),
    );
    calm(
        "a pool that idles",
        &Watch::new("a pool that idles")
            .warm_up(8)
            .run_async(async || {
                let backend = unclosed_bodies::backend::Backend::start();
                let client = reqwest::Client::new();
                async move || {
                    let answer = client
                        .get(backend.url(true))
                        .send()
                        .await
                        .expect("an answer");
                    assert!(answer.bytes().await.is_ok());
                }
            }),
    );
    calm(
        "a detached task that ends late",
        &Watch::new("a late task").run_async(async || {
            async || {
                tokio::spawn(tokio::time::sleep(Duration::from_millis(2)));
                tokio::task::yield_now().await;
            }
        }),
    );
}

fn calm(name: &str, evidence: &Evidence) {
    assert!(
        evidence.verdict.is_calm(),
        "{name}: {}: {}\n{}",
        evidence.verdict,
        evidence.because,
        evidence.windows_table()
    );
}

/// Another process that wants a core for itself, for as long as this value lives.
///
/// `MATRIX_BESIDE_THE_OTHER` says that the matrix by the other instrument runs at the same time: that is neighbour enough.
struct BusyNeighbour(Option<Child>);

impl BusyNeighbour {
    fn start() -> Self {
        if std::env::var_os("MATRIX_BESIDE_THE_OTHER").is_some() {
            return BusyNeighbour(None);
        }
        // It looks for its parent now and then, so that it doesn't outlive one that is killed.
        let spin = "while kill -0 $PPID 2>/dev/null; do i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; done";
        let mut command = Command::new("sh");
        command.args(["-c", spin]).stdin(Stdio::null());
        BusyNeighbour(Some(command.spawn().expect("a shell to be busy in")))
    }
}

impl Drop for BusyNeighbour {
    fn drop(&mut self) {
        if let Some(busy) = &mut self.0 {
            // It may be gone already; then there is nothing to end.
            let _ = busy.kill();
            let _ = busy.wait();
        }
    }
}
