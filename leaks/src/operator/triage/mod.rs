//! `leaks triage`: which of the six verdicts is it, for a process that runs?

mod consent;
mod load;
mod options;
mod port;
mod report;

pub(crate) use options::TriageArgs;

use crate::show::progress::Line;
use crate::show::{Format, json, scale};
use detectors::triage::{Going, Moment, Triage, TriageError, TriageEvidence, TriageProgress};
use load::{Loading, OwnLoad};
use serde::Serialize;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use workbook::problem::{Problem, Result};
use workbook::{Ending, say};

/// How long a service notes its blocks before it is asked who holds them.
const NOTED_FOR: Duration = Duration::from_secs(30);

/// Status 1 when another verdict was expected.
pub(crate) fn triage(args: &TriageArgs, out: &mut dyn Write) -> Result<Ending> {
    let mut triage = subject(args)?;
    if let Some(time) = args.time {
        triage = triage.for_exactly(time);
    }
    if args.squeeze {
        consent::asked(&triage.name(), args.yes)?;
        triage = triage.squeezing();
    }
    let is_interrupted = interrupted();
    let mut line = Line::new();
    let mut loading = Loading::start(&args.load)?;
    if let Some(loading) = &loading {
        warm_up(loading, &is_interrupted, &mut line)?;
    }
    let found = triage.find_while(|progress| {
        let mut told = so_far(progress);
        if let Some(loading) = &loading {
            told = format!("{told} · {}", loading.so_far());
        }
        line.draw(&looking(args, progress), &told);
        if is_interrupted.load(Ordering::Relaxed) {
            return Going::Stop;
        }
        if loading
            .as_mut()
            .is_some_and(|loading| loading.is_too_much(progress))
        {
            Going::Enough
        } else {
            Going::On
        }
    });
    let mut evidence = found.map_err(|error| problem(&error, args))?;
    #[cfg(feature = "whole")]
    if args
        .pid
        .or(args.container_of)
        .is_some_and(crate::started::is_withheld)
    {
        evidence.withhold();
    }
    if args.who_holds && !evidence.is_withheld {
        let told = format!("{} tells who holds what grows", triage_name(args));
        line.draw(&told, &format!("for {} s", NOTED_FOR.as_secs()));
        // What the look saw is worth its minutes all the same.
        if let Err(error) = triage.who_holds(&mut evidence, NOTED_FOR) {
            evidence.caveats.push(format!("{error}."));
        }
    }
    let load = loading.map(Loading::end).transpose()?;
    if let Some(load) = &load {
        load.tell(&mut evidence);
    }
    drop(line);
    match args.format {
        Format::Json => {
            let (evidence, load) = (&evidence, load.as_ref());
            json(&Document { evidence, load }, out)?;
        }
        Format::Text => report::print(&evidence, load.as_ref(), args, out)?,
    }
    match args.expect {
        Some(expected) if expected != evidence.verdict => {
            workbook::note!(format!(
                "Expected {expected}, and it is {}.",
                evidence.verdict
            ));
            Ok(Ending::NotWanted)
        }
        _ => Ok(Ending::AsWanted),
    }
}

/// The evidence, with what this look's own load did.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    evidence: &'a TriageEvidence,
    #[serde(skip_serializing_if = "Option::is_none")]
    load: Option<&'a OwnLoad>,
}

/// Lets the load run for a while, so that what its first requests warm up is there when the look begins.
fn warm_up(loading: &Loading, is_interrupted: &AtomicBool, line: &mut Line) -> Result<()> {
    const STEP: Duration = Duration::from_millis(100);
    let begun = Instant::now();
    while begun.elapsed() < load::BEFORE {
        if is_interrupted.load(Ordering::Relaxed) {
            return Err(Problem::Interrupted);
        }
        let told = format!(
            "load alone for {} s, before the look",
            load::BEFORE.as_secs()
        );
        line.draw(&told, &loading.so_far());
        std::thread::sleep(STEP);
    }
    Ok(())
}

/// `looking at process 4711 for 30 s, and up to 180 s until it is clear`.
fn looking(args: &TriageArgs, progress: &TriageProgress) -> String {
    let (name, time) = (triage_name(args), progress.of.as_secs_f64());
    let longer = if progress.of < progress.at_most {
        format!(
            ", and up to {} s until it is clear",
            progress.at_most.as_secs()
        )
    } else {
        String::new()
    };
    let load = args.load.rate.map_or_else(String::new, |rate| {
        format!(", under {rate} requests a second of its own")
    });
    format!("looking at {name} for {time} s{longer}{load}")
}

fn triage_name(args: &TriageArgs) -> String {
    match args {
        TriageArgs { url: Some(url), .. } => url.clone(),
        TriageArgs { pid: Some(id), .. } => format!("process {id}"),
        TriageArgs {
            container_of: Some(id),
            ..
        } => format!("the container of process {id}"),
        TriageArgs {
            cgroup: Some(path), ..
        } => format!("control group {}", path.display()),
        _ => String::new(), // never: one of the four is required
    }
}

fn subject(args: &TriageArgs) -> Result<Triage> {
    let found = match args {
        TriageArgs { url: Some(url), .. } => {
            let port = port::Port::new(url, port::token(args)?)?;
            Triage::of_service(url.trim_end_matches('/'), port)
        }
        TriageArgs { pid: Some(id), .. } => Triage::of_pid(*id),
        TriageArgs {
            container_of: Some(id),
            ..
        } => Triage::of_container_of(*id),
        TriageArgs {
            cgroup: Some(path), ..
        } => Triage::of_cgroup(path),
        _ => {
            return Err(Problem::new(
                "give --pid N, --cgroup PATH, --container-of PID or --url URL",
            ));
        }
    };
    found.map_err(|error| problem(&error, args))
}

/// Set once Ctrl-C was pressed. Without it the look is ended by the signal itself, in the middle of a line.
fn interrupted() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&flag);
    let waits = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(tokio::signal::ctrl_c())?;
        set.store(true, Ordering::Relaxed);
        std::io::Result::Ok(())
    };
    std::thread::spawn(waits);
    flag
}

fn so_far(progress: &TriageProgress) -> String {
    let Moment {
        resident,
        lazily_freed,
        tmpfs,
        kernel,
        page_cache,
        live,
        counts,
        ..
    } = progress.now;
    let memory = |what: &str, bytes: Option<u64>| {
        bytes.map(|bytes| format!("{what} {}", scale::bytes(bytes as f64)))
    };
    let count = |what: &str, count: Option<i64>| count.map(|count| format!("{count} {what}"));
    let parts = [
        Some(format!("{} s", progress.looked.as_secs())),
        memory("resident", resident),
        memory("lazily freed", lazily_freed.filter(|bytes| *bytes > 0)),
        memory("tmpfs and shared", tmpfs),
        memory("kernel", kernel),
        memory("page cache", page_cache),
        memory("live", live),
        count("tasks", counts.tasks),
        count("sockets", counts.sockets),
        count("descriptors", counts.descriptors),
        count("threads", counts.threads),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join(" · ")
}

/// The error with the next step.
fn problem(error: &TriageError, args: &TriageArgs) -> Problem {
    let told = Problem::new(error.to_string());
    match error {
        TriageError::Stopped => Problem::Interrupted,
        TriageError::NoSuchProcess(_) | TriageError::Ended(_) | TriageError::Reused(_) => {
            told.next("See what runs: ps -e -o pid,rss,args --sort -rss | head")
        }
        TriageError::OfTheKernel(_) => told.next("Choose a program: ps -e -o pid,rss,args --sort -rss | head"),
        TriageError::NotPermitted { .. } => told.next(format!(
            "Look as that user, or as root: sudo {}",
            say::command(&args.again())
        )),
        TriageError::NoSqueeze(_) => told.next(format!(
            "Look without --squeeze, or as root, who has these rights: sudo {} --squeeze",
            say::command(&args.again())
        )),
        TriageError::NoSuchGroup(_) | TriageError::GroupGone(_) => told.next(
            "See which are there: find /sys/fs/cgroup -name cgroup.procs; or name a process of the container: --container-of PID",
        ),
        TriageError::NoMemoryController { version: 1, .. } => {
            told.next("Take the group of the same name below /sys/fs/cgroup/memory.")
        }
        TriageError::NoMemoryController { .. } => told.next(
            "Where version 1 counts memory, take the group of the same name below /sys/fs/cgroup/memory. Else take a group below it, since \
             the root counts nothing; or turn it on in the group above, as root: echo +memory > ../cgroup.subtree_control",
        ),
        TriageError::GroupNotPermitted(_) => told.next(format!(
            "Look as root: sudo {}",
            say::command(&args.again())
        )),
        TriageError::NoGroup { id, .. } => told.next(format!(
            "Look at the process itself: {}",
            say::command(&format!("triage --pid {id}"))
        )),
        TriageError::NoAnswer { .. } => told.next(
            "Is that its debug port? `leaks serve` prints its own; a wider one needs --token-file FILE or --token-variable NAME.",
        ),
        TriageError::NotOurs { .. } => {
            told.next("A process of this machine can be looked at without it: --pid N")
        }
        TriageError::NoProcess => told.next("Give --pid N in place of --url."),
        _ => told,
    }
}
