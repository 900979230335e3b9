//! Solves a drill by what a learner has: the debug port's profiles and metrics, `leaks triage`, and the source. It knows neither the seed nor
//! the answer sheet, and reads source as a learner does who looks for words: `into_raw`, `slice_ref`, `unbounded_channel`.

use crate::playing::Playing;
use detectors::{Class, Profile};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// What the solver would type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Solved {
    Leak {
        class: Class,
        site: String,
        evidence: PathBuf,
    },
    NoLeak {
        verdict: String,
        evidence: PathBuf,
    },
}

/// Slower growth is noise, a second.
const LIVE_LEAST: f64 = 6_000.0;
const HANDLES_LEAST: f64 = 0.1;

/// Handles that come and go between two looks.
const HANDLES_NOISE: f64 = 4.0;

/// What requests that are on their way take now and then.
const LIVE_NOISE: f64 = 180_000.0;

/// How often the port is asked in each of the two looks, of which the lowest figures count.
const READINGS: u32 = 5;

/// The lowest figures of a look.
#[derive(Debug, Default, Clone)]
struct Floors {
    at: Option<Instant>,
    metrics: BTreeMap<String, f64>,
    /// Live bytes by the service's own functions on the stack, the innermost first, and what allocated.
    heap: BTreeMap<String, i64>,
}

/// Lets the service warm up, looks twice, with `apart` between, and tells what it is; several things where several grow.
pub(crate) fn solve(
    playing: &Playing,
    warm: Duration,
    apart: Duration,
    source: &Path,
) -> Vec<Solved> {
    playing.post("/sampling?interval=32768");
    thread::sleep(warm);
    let solved = solve_once(playing, apart, source);
    // Something leaks, and nothing was seen that does: once more, for longer.
    match &solved[..] {
        [Solved::NoLeak { verdict, .. }] if verdict == "leak" => {
            solve_once(playing, 3 * apart, source)
        }
        _ => solved,
    }
}

fn solve_once(playing: &Playing, apart: Duration, source: &Path) -> Vec<Solved> {
    let first = look(playing);
    thread::sleep(apart);
    let last = look(playing);
    let seconds = last
        .at
        .zip(first.at)
        .map_or(1.0, |(last, first)| (last - first).as_secs_f64());
    let per_second = |name: &str| {
        let of = |floors: &Floors| floors.metrics.get(name).copied().unwrap_or(0.0);
        (of(&last) - of(&first)) / seconds
    };
    let (tasks, sockets) = (per_second("tokio_tasks_alive"), per_second(CONNECTIONS));
    let descriptors = per_second("process_open_fds") - per_second("process_open_sockets");
    let live = per_second("heap_live_bytes");
    eprintln!(
        "a second: {tasks:.2} tasks, {sockets:.2} sockets, {descriptors:.2} descriptors, {live:.0} live"
    );
    // What is told from noise in a minute is told at a third of its pace in three.
    let pace = HANDLES_LEAST * (60.0 / seconds).min(1.0);
    let handles_least = pace.max(HANDLES_NOISE / seconds);
    let mut solved = Vec::new();
    let stays =
        |name: &str, pace: f64| pace > handles_least && handles_go_on(playing, name, &last, pace);
    let sockets_stay = stays(CONNECTIONS, sockets);
    let own_tasks = stays("tokio_tasks_alive", tasks)
        .then(|| own_tasks(playing))
        .flatten();
    let is_handles = own_tasks.is_some() || sockets > handles_least || descriptors > handles_least;
    let grown = grown(&first, &last, seconds);
    for (stack, bytes) in grown.iter().take(5) {
        eprintln!("  {bytes:>9.0} a second: {stack}");
    }
    if let Some((site, evidence)) = own_tasks {
        solved.push(Solved::Leak {
            class: Class::OrphanedTasks,
            site,
            evidence,
        });
    } else if sockets_stay {
        // Who asked is on the stacks of what the client's library holds for each.
        let asks = grown
            .iter()
            .find_map(|(stack, _)| stack.split(" < ").find(|frame| frame.contains("Lookup::")));
        let site = asks.map_or("Lookup::ask", name_of).to_owned();
        solved.push(Solved::Leak {
            class: Class::UnclosedBodies,
            site,
            evidence: playing.profile("sockets"),
        });
    }
    if descriptors > handles_least {
        let site = function_with(source, "File::create(").expect("the source opens files");
        solved.push(Solved::Leak {
            class: Class::DeferredCleanup,
            site,
            evidence: playing.profile("descriptors"),
        });
    }
    let live_least = LIVE_LEAST.max(LIVE_NOISE / seconds);
    // The sum of all is noisier than one site.
    let share = match (is_handles, live > live_least) {
        (true, _) => 2.0,
        (false, true) => 0.4,
        (false, false) => 1.5,
    };
    if let Some((class, site, bytes)) = by_source(&grown, source)
        && bytes > live_least * share
        // What fills up to a bound grows at first, too.
        && (class != Class::GlobalCaches || playing.is_sample || goes_on(playing, &site, bytes))
    {
        eprintln!("  {class} by {bytes:.0} a second at {site}");
        solved.push(Solved::Leak {
            class,
            site,
            evidence: playing.profile("heap"),
        });
    }
    if solved.is_empty() || playing.level == 3 && solved.len() == 1 {
        let time = (!solved.is_empty()).then_some(60);
        let (mut report, mut verdict) = playing.triage(time);
        if verdict == "inconclusive" && solved.is_empty() {
            // It says to look for longer.
            (report, verdict) = playing.triage(time);
        }
        solved.extend(by_triage(report, verdict, source, solved.is_empty()));
    }
    solved
}

/// What a triage tells of memory that no Rust allocator sees, or that nothing leaks.
fn by_triage(report: PathBuf, verdict: String, source: &Path, is_all: bool) -> Option<Solved> {
    let text = fs::read_to_string(&report).expect("the report");
    let told: Value = serde_json::from_str(&text).expect("JSON");
    let because = format!("{} {}", told["because"], told["findings"]);
    eprintln!("  triage says {verdict}: {because}");
    // zlib takes its memory from the allocator, and a mapping comes from the kernel.
    let word = [
        ("foreign memory on the heap", "deflateInit_("),
        ("beside the heap", "mmap_anonymous("),
    ];
    let word = word.iter().find(|(what, _)| because.contains(what));
    match word.filter(|_| verdict == "leak") {
        Some((_, word)) => {
            let site = function_with(source, word).expect("the source calls C");
            Some(Solved::Leak {
                class: Class::ForeignMemory,
                site,
                evidence: report,
            })
        }
        None => is_all.then_some(Solved::NoLeak {
            verdict,
            evidence: report,
        }),
    }
}

/// The class and the place of what grows the most, by the source, and how fast.
fn by_source(grown: &[(String, f64)], source: &Path) -> Option<(Class, String, f64)> {
    let mut by: BTreeMap<(String, String), f64> = BTreeMap::new();
    for (stack, bytes) in grown {
        if let Some((class, site)) = class_of(stack, source) {
            *by.entry((class.to_string(), site)).or_default() += bytes;
        }
    }
    let ((class, site), bytes) = by
        .into_iter()
        .max_by(|one, other| one.1.total_cmp(&other.1))?;
    Some((class.parse().ok()?, site, bytes))
}

/// Whether so many handles come each second still, some time later: requests that wait for a busy machine hold some for a while.
fn handles_go_on(playing: &Playing, name: &str, before: &Floors, pace: f64) -> bool {
    thread::sleep(Duration::from_secs(20));
    let now = look(playing);
    let of = |floors: &Floors| floors.metrics.get(name).copied().unwrap_or(0.0);
    let seconds = now
        .at
        .zip(before.at)
        .map_or(1.0, |(now, before)| (now - before).as_secs_f64());
    (of(&now) - of(before)) / seconds > pace / 2.0
}

/// Whether a site grows on at a third of its pace, or more, some time later.
fn goes_on(playing: &Playing, site: &str, bytes: f64) -> bool {
    thread::sleep(Duration::from_secs(30));
    let from = look(playing);
    thread::sleep(Duration::from_secs(15));
    let now = look(playing);
    let seconds = now
        .at
        .zip(from.at)
        .map_or(1.0, |(now, from)| (now - from).as_secs_f64());
    let own = grown(&from, &now, seconds);
    let own = own
        .iter()
        .filter(|(stack, _)| stack.contains(site))
        .map(|(_, bytes)| bytes);
    own.sum::<f64>() > bytes / 3.0
}

fn look(playing: &Playing) -> Floors {
    let mut floors: Option<Floors> = None;
    for _ in 0..READINGS {
        let now = Floors {
            at: Some(Instant::now()),
            metrics: with_connections(playing, metrics(&playing.get_text("/metrics"))),
            heap: by_stack(&playing.get("/debug/pprof/heap")),
        };
        floors = Some(match floors {
            None => now,
            Some(before) => Floors {
                at: now.at,
                metrics: lowest(&before.metrics, &now.metrics, f64::min),
                heap: lowest(&before.heap, &now.heap, i64::min),
            },
        });
        thread::sleep(Duration::from_millis(400));
    }
    floors.unwrap_or_default()
}

/// Sockets by which the service asks others. Those of its clients are theirs.
const CONNECTIONS: &str = "connections";

fn with_connections(
    playing: &Playing,
    mut metrics: BTreeMap<String, f64>,
) -> BTreeMap<String, f64> {
    let profile = Profile::from_bytes("sockets", &playing.get("/debug/pprof/sockets"));
    let profile = profile.expect("a profile");
    let is_out = |stack: &detectors::profile::Stack<'_>| {
        stack
            .frames
            .iter()
            .any(|frame| frame.function.starts_with("TCP to "))
    };
    let out: i64 = profile
        .stacks()
        .filter(is_out)
        .map(|stack| stack.values[0])
        .sum();
    metrics.insert(CONNECTIONS.to_owned(), out as f64);
    metrics
}

/// What is in both, the lower of two.
fn lowest<V: Copy>(
    one: &BTreeMap<String, V>,
    other: &BTreeMap<String, V>,
    min: fn(V, V) -> V,
) -> BTreeMap<String, V> {
    let both = one
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), min(*value, *other.get(name)?))));
    both.collect()
}

fn metrics(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| {
        let (name, value) = line.rsplit_once(' ')?;
        Some((name.to_owned(), value.parse().ok()?))
    });
    pairs.collect()
}

/// `domain_service::features::audit::Audit::note@90 < ..`, with the library's function that allocated in front.
fn by_stack(profile: &[u8]) -> BTreeMap<String, i64> {
    let profile = Profile::from_bytes("heap", profile)
        .expect("a profile")
        .without_standard_library();
    let at = profile
        .sample_types()
        .iter()
        .position(|of| of.name == "inuse_space")
        .expect("a heap profile");
    let mut by: BTreeMap<String, i64> = BTreeMap::new();
    for stack in profile.stacks() {
        let own = stack
            .frames
            .iter()
            .filter(|frame| frame.function.contains("domain_service::features"));
        let mut text = stack
            .frames
            .first()
            .map_or("", |frame| frame.function)
            .to_owned();
        for frame in own {
            let file = frame.file.rsplit('/').next().unwrap_or_default();
            let _ = write!(text, " < {}@{file}:{}", frame.function, frame.line);
        }
        *by.entry(text).or_default() += stack.values[at];
    }
    by
}

/// What grows, the most first.
fn grown(first: &Floors, last: &Floors, seconds: f64) -> Vec<(String, f64)> {
    let of = |(stack, bytes): (&String, &i64)| {
        let before = first.heap.get(stack).copied().unwrap_or(0);
        (stack.clone(), (bytes - before) as f64 / seconds)
    };
    let mut grown: Vec<(String, f64)> = last
        .heap
        .iter()
        .map(of)
        .filter(|(_, bytes)| *bytes > 0.0)
        .collect();
    grown.sort_by(|one, other| other.1.total_cmp(&one.1));
    grown
}

/// Tasks that the service's own code spawned within ten seconds, and that are there still.
fn own_tasks(playing: &Playing) -> Option<(String, PathBuf)> {
    let path = playing.profile("tasks?seconds=12");
    let profile = Profile::read(&path).ok()?;
    let mut by: BTreeMap<&str, i64> = BTreeMap::new();
    for stack in profile.stacks() {
        let spawning = stack
            .frames
            .iter()
            .find(|frame| !frame.function.is_empty())?;
        if spawning.file.contains("service/src/features") {
            *by.entry(spawning.function).or_default() += stack.values[0];
        }
    }
    let (function, count) = by.into_iter().max_by_key(|(_, count)| *count)?;
    eprintln!("  {count} tasks by {function}");
    (count > 1).then(|| (name_of(function).to_owned(), path.clone()))
}

/// `Audit::note`, of a frame's whole text.
fn name_of(frame: &str) -> &str {
    let name = frame
        .split('@')
        .next()
        .unwrap_or(frame)
        .trim_end_matches("::{{closure}}");
    let parts: Vec<(usize, &str)> = name.rmatch_indices("::").take(2).collect();
    let is_method = name
        .split("::")
        .nth(name.split("::").count().saturating_sub(2))
        .is_some_and(|of| of.starts_with(char::is_uppercase));
    let at = parts
        .get(usize::from(is_method))
        .map_or(0, |(at, _)| at + 2);
    &name[at..]
}

/// The class, and the place, by the words of the source where what grows was made, and of what is called with it: of the service's own
/// functions on the stack the innermost that tells one.
fn class_of(stack: &str, source: &Path) -> Option<(Class, String)> {
    let mut frames = stack.split(" < ");
    let allocated = frames.next().unwrap_or_default();
    let own: Vec<&str> = frames.collect();
    let site = name_of(own.first()?.split('@').next()?).to_owned();
    let class = own
        .iter()
        .take(3)
        .find_map(|frame| of_frame(frame, allocated, source));
    Some((class?, site))
}

fn of_frame(frame: &str, allocated: &str, source: &Path) -> Option<Class> {
    let (_, place) = frame.split_once('@')?;
    let (file, line) = place.rsplit_once(':')?;
    let line = line.parse().ok()?;
    // What leads from part to part says nothing itself: it hands what it made to the next one.
    let text = if file == "mod.rs" {
        called_next(source, file, line)?
    } else {
        around(source, file, line)
    };
    let has = |word: &str| text.contains(word);
    let whole = fs::read_to_string(source.join(file)).unwrap_or_default();
    if allocated.contains("bytes_mut") || file == "lookup.rs" {
        // The body of an answer: who keeps a part of it?
        function_with(source, "slice_ref(").map(|_| Class::RetainedSubslices)
    } else if has("Box::into_raw") || has("ManuallyDrop::new") {
        Some(Class::LostPointers)
    } else if has("Arc::downgrade") || has("Weak") {
        Some(Class::ReferenceCycles)
    } else if has("push(Box::new(") {
        Some(Class::DeferredCleanup)
    } else if has("shrink_to") || has(".into_iter()") && has(".take(") {
        Some(Class::RetainedCapacity)
    } else if has(".send(") && (whole.contains("unbounded_channel") || has("tap.send")) {
        Some(Class::UnboundedQueues)
    } else if has(".insert(") || has(".entry(") {
        Some(Class::GlobalCaches)
    } else {
        None
    }
}

/// The body of the first `self.part.method(` at a line or soon after it.
fn called_next(source: &Path, file: &str, line: usize) -> Option<String> {
    let text = fs::read_to_string(source.join(file)).ok()?;
    let lines: Vec<&str> = text.lines().skip(line.saturating_sub(1)).take(4).collect();
    let text = lines.join("\n");
    let (part, rest) = text[text.find("self.")? + 5..].split_once('.')?;
    let method = rest.split_once('(')?.0;
    let whole = fs::read_to_string(source.join(format!("{part}.rs"))).ok()?;
    let heads = ["(", "<"].map(|open| whole.find(&format!("fn {method}{open}")));
    let body = &whole[heads.into_iter().flatten().min()?..];
    Some(body[..body.find("\n    }\n").unwrap_or(body.len())].to_owned())
}

/// The lines of a function around one of them.
fn around(source: &Path, file: &str, line: usize) -> String {
    let text = fs::read_to_string(source.join(file)).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let is_head = |line: &&str| {
        line.trim_start()
            .trim_start_matches("pub(super) ")
            .trim_start_matches("async ")
            .starts_with("fn ")
    };
    let before = lines[..line.min(lines.len())]
        .iter()
        .rposition(is_head)
        .unwrap_or(0);
    let after = lines[line.min(lines.len())..]
        .iter()
        .position(is_head)
        .unwrap_or(lines.len() - line.min(lines.len()));
    // In a long function, what comes soon after.
    let (from, to) = (
        before.max(line.saturating_sub(12)),
        (line + after).min(line + 16),
    );
    lines[from..to.min(lines.len())].join("\n")
}

/// The function of the source in which a word stands, as `Type::name` or `name`.
fn function_with(source: &Path, word: &str) -> Option<String> {
    let files = fs::read_dir(source)
        .expect("the source")
        .flatten()
        .map(|entry| entry.path());
    for file in files.filter(|file| file.extension().is_some_and(|of| of == "rs")) {
        let text = fs::read_to_string(&file).expect("source");
        let Some(at) = text.find(word) else { continue };
        let above = &text[..at];
        let name = &above[above.rfind("fn ")? + 3..];
        let name = &name[..name.find(['(', '<'])?];
        let of = above.rfind("\nimpl ").map(|at| &above[at + 6..]);
        let of = of.and_then(|of| of.split([' ', '<']).next());
        return Some(of.map_or_else(|| name.to_owned(), |of| format!("{of}::{name}")));
    }
    None
}
