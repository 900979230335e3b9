//! On jemalloc: the three ways in which freed memory leaves, or doesn't.

use super::bench::Look;
use super::shared::{PAUSE, each, kernel, load, mark, resident_and_live, rest, table, triage};
use crate::incident::plot::{Colour, Line, draw};
use crate::incident::scene::{Metrics, On, Scene};
use crate::incident::story::{Size, Step, Story};
use crate::show::progress;
use crate::show::scale::bytes;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use workbook::problem::Result;

/// What jemalloc is told, for each of the three. The first two differ in one word: whether pages are freed lazily (`MADV_FREE`) and for
/// ever, or at once (`MADV_DONTNEED`).
const LAZILY: &str = "dirty_decay_ms:20000,muzzy_decay_ms:-1,background_thread:true";
const AT_ONCE: [&str; 3] = [
    "dirty_decay_ms:20000,muzzy_decay_ms:0,background_thread:true",
    "dirty_decay_ms:40000,muzzy_decay_ms:0,background_thread:true",
    "dirty_decay_ms:80000,muzzy_decay_ms:0,background_thread:true",
];
const AS_IT_COMES: &str = "dirty_decay_ms:10000,muzzy_decay_ms:0";

/// How long a graph goes on after what it is to show.
const SHOWN: Duration = Duration::from_secs(3);

/// When the table of services a and b has a row between the beginning and the end of b's fall.
const HALFWAY: Duration = Duration::from_secs(10);

/// How long b is watched: its rule says twenty seconds, and eighty at most.
const B_AT_MOST: Duration = Duration::from_secs(150);

/// A service that frees lazily: at rest, asked for its memory, and squeezed.
pub(super) struct Lazily {
    pub(super) look: Look,
    pub(super) plot: String,
    pub(super) before: Metrics,
    pub(super) asked: Metrics,
    pub(super) after: Metrics,
    /// A squeeze needs a right that not everybody has.
    pub(super) is_squeezed: bool,
    /// What `leaks triage` said before it squeezed.
    pub(super) word: String,
}

impl Lazily {
    /// Asking moves pages to what is lazily freed, and nothing on the graph. A squeeze takes them.
    pub(super) fn is_as_told(&self) -> bool {
        self.asked.resident() >= 0.9 * self.before.resident()
            && self.asked.lazily_freed() >= 0.5 * self.asked.resident()
            && (!self.is_squeezed || self.after.resident() <= 0.5 * self.before.resident())
    }
}

/// `kept` is how many bytes of answers the service keeps.
pub(super) async fn lazily(scene: &Scene, size: &Size, kept: u64, seconds: u64) -> Result<Lazily> {
    let service = scene.service(On::Jemalloc(LAZILY), kept).await?;
    let began = service.graph.now();
    load(
        &service,
        "on jemalloc, MADV_FREE",
        2 * u64::from(size.at_once),
    )
    .await?;
    let loaded = service.graph.now();
    rest("at rest", PAUSE).await;
    let before = service.metrics().await?;
    let asked_at = service.graph.now();
    service.post("/freememory").await?;
    let asked = service.metrics().await?;
    rest("for the graph to show it", SHOWN).await;
    let pid = service.id().to_string();
    let squeezed_at = service.graph.now();
    let time = format!("{seconds}s");
    let look = ["triage", "--pid", &pid, "--for", &time];
    let squeezed = triage(scene, &[&look[..], &["--squeeze", "--yes"]].concat()).await;
    // The kernel lets a process take another's memory by CAP_SYS_NICE alone. The rest of the step needs nobody's leave.
    let (seen, not_squeezed) = match squeezed {
        Ok(seen) => (seen, None),
        Err(problem) => (triage(scene, &look).await?, Some(problem.to_string())),
    };
    let is_squeezed = not_squeezed.is_none();
    let third_mark = if is_squeezed {
        "triage, then a squeeze"
    } else {
        "triage"
    };
    let after = service.metrics().await?;
    rest("for the graph to show it", SHOWN).await;
    let points = service.graph.since(began);
    let mut lines = resident_and_live(&points);
    lines.push(Line {
        name: "lazily freed",
        colour: Colour::Third,
        points: each(&points, Metrics::lazily_freed),
    });
    let plot = draw(
        "Freed with MADV_FREE: resident until the system needs it",
        &lines,
        &[
            mark(loaded, "the load ends"),
            mark(asked_at, "asked"),
            mark(squeezed_at, third_mark),
        ],
    );
    let look = Look {
        title: "MADV_FREE",
        commands: vec![
            format!("_RJEM_MALLOC_CONF={LAZILY} leaks-on-jemalloc"),
            format!("curl -X POST http://{}/freememory", service.debug),
            format!("leaks triage --pid {pid} --for {time} --squeeze --yes"),
        ],
        evidence: if let Some(why) = not_squeezed {
            format!(
                "{why}\nso the same without --squeeze:\n{}\n{}",
                table(&[
                    ("at rest", &before),
                    ("asked", &asked),
                    ("after the look", &after)
                ]),
                seen.text
            )
        } else {
            format!(
                "{}\n{}",
                table(&[
                    ("at rest", &before),
                    ("asked", &asked),
                    ("after the squeeze", &after)
                ]),
                seen.text
            )
        },
    };
    Ok(Lazily {
        look,
        plot,
        before,
        asked,
        after,
        is_squeezed,
        word: seen.word,
    })
}

pub(super) async fn lazily_freed(
    scene: &Scene,
    size: &Size,
    seconds: u64,
    story: &mut Story,
) -> Result<Step> {
    let lazily = lazily(scene, size, size.kept_bytes, seconds).await?;
    let holds = lazily.is_as_told() && lazily.word == "retention";
    story.plot("lazily-freed.svg", lazily.plot);
    let step = lazily.look.step(
        "Go 1.12 frees pages with MADV_FREE. Does it help to ask such a service for its memory?",
        format!(
            "Asked, the allocator gives {} up, and resident memory stays at {}: the graph says that asking failed. The pages are lazily \
             freed, and the system takes them when it needs them. {} This is the incident's cause.",
            bytes(lazily.asked.lazily_freed()),
            bytes(lazily.asked.resident()),
            if lazily.is_squeezed {
                "Squeezed, they go, and nothing is lost."
            } else {
                "Nothing needed them here. To see them go, run this with CAP_SYS_NICE, as root has it."
            }
        ),
        holds,
    );
    Ok(step.with_plot("lazily-freed.svg"))
}

/// The process is left wholly alone here, and looked at from outside: whoever asks it makes it allocate, and that looks at the clock.
pub(super) async fn timers(scene: &Scene, size: &Size) -> Result<Step> {
    let service = scene
        .service(On::Jemalloc(AS_IT_COMES), size.kept_bytes)
        .await?;
    load(
        &service,
        "on jemalloc as it comes",
        2 * u64::from(size.at_once),
    )
    .await?;
    service.graph.stop();
    let id = service.id();
    let before = kernel(id, "smaps_rollup", "Rss:")?;
    rest("nobody asks, nor looks", Duration::from_secs(12)).await;
    let waited = kernel(id, "smaps_rollup", "Rss:")?;
    let said = service.post("/freememory").await?;
    let after = kernel(id, "smaps_rollup", "Rss:")?;
    Ok(Step {
        title: "The rule of decay",
        question: "jemalloc returns pages after ten seconds. Does an idle service give them back after ten seconds?",
        commands: vec![
            format!("_RJEM_MALLOC_CONF={AS_IT_COMES} leaks-on-jemalloc   # how it comes"),
            format!("sleep 12; grep Rss /proc/{id}/smaps_rollup"),
            format!("curl -X POST http://{}/freememory", service.debug),
        ],
        evidence: format!(
            "{:>10}  when the load ends\n{:>10}  12 s later\n{:>10}  asked\n\n{said}",
            bytes(before),
            bytes(waited),
            bytes(after)
        ),
        conclusion: "Most of it stays. The time runs out, and nobody looks at the clock. jemalloc looks when the program allocates or \
                     frees, and an idle program does neither. `background_thread:true` gives jemalloc a thread that looks."
            .to_owned(),
        holds: waited >= 0.5 * before && after <= 0.5 * waited,
        disturbed: Vec::new(),
        plot: None,
    })
}

/// `run` counts from 0. Where other work slows the loads down, pages are due before the loads end, and little is left to ask for. So each
/// further run has a longer rule.
pub(super) async fn side_by_side(
    scene: &Scene,
    size: &Size,
    run: usize,
    story: &mut Story,
) -> Result<Step> {
    let rule = AT_ONCE[run.min(AT_ONCE.len() - 1)];
    let a = scene.service(On::Jemalloc(rule), size.kept_bytes).await?;
    let b = scene.service(On::Jemalloc(rule), size.kept_bytes).await?;
    let began = a.graph.now();
    let count = 2 * u64::from(size.at_once);
    let (one, other) = tokio::join!(
        load(&a, "services a and b", count),
        load(&b, "services a and b", count)
    );
    one?;
    other?;
    let asked_at = a.graph.now();
    let (before_a, before_b) = (a.metrics().await?, b.metrics().await?);
    a.post("/freememory").await?;
    let (after_a, after_b) = (a.metrics().await?, b.metrics().await?);
    // The pages of b are due some time after they were freed, by and by. So b is watched until it has come down to where a is.
    let began_waiting = Instant::now();
    let mut line = progress::Line::new();
    let mut halfway = None;
    let last_b = loop {
        let now = b.metrics().await?;
        let waited = began_waiting.elapsed();
        if now.resident() <= 1.1 * after_a.resident() || waited > B_AT_MOST {
            break now;
        }
        if waited >= HALFWAY {
            halfway.get_or_insert_with(|| now.clone());
        }
        line.draw("b follows its rule", &bytes(now.resident()));
        sleep(Duration::from_millis(500)).await;
    };
    let waited = began_waiting.elapsed().as_secs();
    let done_at = b.graph.now();
    drop(line);
    rest("for the graph to show it", SHOWN).await;
    let last_a = a.metrics().await?;
    let halfway = halfway.unwrap_or_else(|| last_b.clone());
    let (points_a, points_b) = (a.graph.since(began), b.graph.since(began));
    let lines = [
        Line {
            name: "a, asked",
            colour: Colour::Resident,
            points: each(&points_a, Metrics::resident),
        },
        Line {
            name: "b, not asked",
            colour: Colour::Third,
            points: each(&points_b, Metrics::resident),
        },
    ];
    story.plot(
        "side-by-side.svg",
        draw(
            "Freed with MADV_DONTNEED: resident memory of two services",
            &lines,
            &[
                mark(asked_at, "a is asked"),
                mark(done_at, "b has followed its rule"),
            ],
        ),
    );
    Ok(Step {
        title: "Two services side by side",
        question: "With MADV_DONTNEED, does memory leave when it is asked to, and by itself when its time has come?",
        commands: vec![
            format!("_RJEM_MALLOC_CONF={rule} leaks-on-jemalloc   # twice"),
            format!("curl -X POST http://{}/freememory   # a alone", a.debug),
        ],
        evidence: format!(
            "{:>10}  {:>10}\n{:>10}  {:>10}  before\n{:>10}  {:>10}  a was asked\n{:>10}  {:>10}  {} s later\n{:>10}  {:>10}  {waited} s after a was asked",
            "a",
            "b",
            bytes(before_a.resident()),
            bytes(before_b.resident()),
            bytes(after_a.resident()),
            bytes(after_b.resident()),
            "",
            bytes(halfway.resident()),
            HALFWAY.as_secs(),
            bytes(last_a.resident()),
            bytes(last_b.resident())
        ),
        conclusion: "The same call that did nothing to the graph with MADV_FREE brings a down at once. Nobody asks b, and b comes \
                     down by its own rule. Nothing was ever leaked: found."
            .to_owned(),
        holds: before_a.resident().min(before_b.resident()) >= 0.4 * size.resident_from
            && after_a.resident() <= 0.5 * before_a.resident()
            && after_b.resident() >= 0.7 * before_b.resident()
            && last_b.resident() <= 1.5 * after_a.resident(),
        disturbed: Vec::new(),
        plot: Some("side-by-side.svg"),
    })
}
