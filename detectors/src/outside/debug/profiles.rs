//! The profiles, as Go's `net/http/pprof` serves them.

use super::answers::{self, Refusal};
use super::kept;
use super::off_the_runtime::PROFILES;
use crate::allocator;
use crate::model::kind::Kind;
use crate::model::place::Frame;
#[cfg(unix)]
use crate::profile::cpu::{self, Sampled};
use crate::profile::{Profile, ProfileError};
use crate::readings::tasks::Tasks;
use crate::readings::{contention, process, spawn_site};
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::{Html, Redirect, Response};
use std::time::Duration;
use tokio::runtime::Handle;

/// What a profile may wait for at most.
const SECONDS_MAX: u64 = 600;

type Answer = Result<Response, Refusal>;

pub(super) async fn to_index() -> Redirect {
    Redirect::permanent("/debug/pprof/")
}

pub(super) async fn index() -> Html<&'static str> {
    Html(include_str!("index.html"))
}

pub(super) async fn heap(RawQuery(query): RawQuery) -> Answer {
    let query = query.unwrap_or_default();
    let (peak, rest): (Vec<&str>, Vec<&str>) =
        query.split('&').partition(|part| *part == "at=peak");
    let rest = rest.join("&");
    if peak.is_empty() {
        return answer("heap", Some(rest), take_heap).await;
    }
    let asked = asked(Some(&rest))?;
    if asked.seconds.is_some() {
        let text = "at=peak: a peak is of one moment; ask without seconds";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, text));
    }
    PROFILES
        .does(move || told("heap", &take_peak()?, asked.as_text))
        .await
}

pub(super) async fn allocs(RawQuery(query): RawQuery) -> Answer {
    answer("allocs", query, || {
        take_heap()?.showing_first("alloc_space").map_err(failed)
    })
    .await
}

pub(super) async fn tasks(RawQuery(query): RawQuery) -> Answer {
    let runtime = Handle::current();
    answer("tasks", query, move || {
        Tasks::of(&runtime).profile().map_err(failed)
    })
    .await
}

pub(super) async fn threads(RawQuery(query): RawQuery) -> Answer {
    answer("threadcreate", query, take_threads).await
}

pub(super) async fn descriptors(RawQuery(query): RawQuery) -> Answer {
    answer("descriptors", query, || take_open(Kind::Descriptors)).await
}

pub(super) async fn sockets(RawQuery(query): RawQuery) -> Answer {
    answer("sockets", query, || take_open(Kind::Sockets)).await
}

pub(super) async fn block(RawQuery(query): RawQuery) -> Answer {
    answer("block", query, || Ok(contention::block_profile())).await
}

pub(super) async fn mutex(RawQuery(query): RawQuery) -> Answer {
    answer("mutex", query, || Ok(contention::mutex_profile())).await
}

fn take_heap() -> Result<Profile, Refusal> {
    if !allocator::is_in_use() {
        return Err(Refusal::new(
            StatusCode::NOT_IMPLEMENTED,
            "this program's allocator keeps no profile; declare a detectors::ProfilingAllocator as its #[global_allocator]",
        ));
    }
    Ok(allocator::profile_or_empty())
}

fn take_peak() -> Result<Profile, Refusal> {
    kept::peak_profile().ok_or_else(|| {
        Refusal::new(
            StatusCode::NOT_FOUND,
            "no peak was kept: start detectors::debug::KeptProfiles in the service, and ask again when it has allocated 1 MiB; \
             /debug/pprof/heap has what is live now",
        )
    })
}

/// As a thread that nobody of ours started has no site, it stands under its name.
fn take_threads() -> Result<Profile, Refusal> {
    let threads =
        process::threads().map_err(|error| Refusal::new(StatusCode::NOT_IMPLEMENTED, error))?;
    let stacks: Vec<(Vec<Frame>, u64)> = threads
        .iter()
        .map(|thread| {
            let stack = thread.spawned_at.map(|site| spawn_site::stacks(&[site]));
            let stack = stack.and_then(|mut stacks| stacks.pop());
            let unknown = || {
                vec![Frame {
                    function: match thread.name.as_str() {
                        "" => "a thread without a name".to_owned(),
                        name => format!("thread {name}"),
                    },
                    file: String::new(),
                    line: 0,
                }]
            };
            (stack.unwrap_or_else(unknown), 1)
        })
        .collect();
    Profile::of_names("the threads", "threadcreate", &stacks).map_err(failed)
}

/// What is open, by what it has in common: nobody notes who opened it.
fn take_open(kind: Kind) -> Result<Profile, Refusal> {
    let groups = process::groups(kind);
    let groups = groups.map_err(|error| Refusal::new(StatusCode::NOT_IMPLEMENTED, error))?;
    let stacks = groups
        .into_iter()
        .map(|group| (vec![Frame::new(group.name, "", 0)], group.count));
    let stacks: Vec<(Vec<Frame>, u64)> = stacks.collect();
    let (name, unit) = match kind {
        Kind::Sockets => ("the sockets", "sockets"),
        _ => ("the descriptors", "descriptors"),
    };
    Profile::of_names(name, unit, &stacks).map_err(failed)
}

fn failed(error: ProfileError) -> Refusal {
    match error {
        ProfileError::NoSamples { .. } => Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "there is nothing to show yet: give the service some work and ask again",
        ),
        error => Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error),
    }
}

/// What the part after the question mark asks for.
#[derive(Debug, Default, PartialEq)]
struct Asked {
    as_text: bool,
    seconds: Option<u64>,
}

fn asked(query: Option<&str>) -> Result<Asked, Refusal> {
    let mut asked = Asked::default();
    let wrong = |what: String| Err(Refusal::new(StatusCode::BAD_REQUEST, what));
    for part in query
        .unwrap_or_default()
        .split('&')
        .filter(|part| !part.is_empty())
    {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        match (name, value.parse::<u64>()) {
            ("debug", Ok(level)) => asked.as_text = level > 0,
            ("seconds", Ok(seconds)) if (1..=SECONDS_MAX).contains(&seconds) => {
                asked.seconds = Some(seconds);
            }
            ("seconds", _) => {
                return wrong(format!(
                    "seconds={value}: from 1 to {SECONDS_MAX} can be waited for"
                ));
            }
            // Go collects garbage first; there is none here.
            ("gc", Ok(_)) => {}
            _ => {
                return wrong(format!(
                    "{part}: what can be asked for is debug=1, seconds=N and gc=1, and at=peak of the heap"
                ));
            }
        }
    }
    Ok(asked)
}

/// The profile, or what changed in it within the seconds that were asked for.
async fn answer(
    name: &'static str,
    query: Option<String>,
    take: impl Fn() -> Result<Profile, Refusal> + Clone + Send + 'static,
) -> Answer {
    let asked = asked(query.as_deref())?;
    let profile = match asked.seconds {
        None => PROFILES.does(take).await?,
        Some(seconds) => {
            // Where there was nothing to show, all that comes is what changed.
            let before = PROFILES.does(take.clone()).await.ok();
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            PROFILES
                .does(move || {
                    let after = take()?;
                    before.map_or(Ok(after.clone()), |before| {
                        after.diff(&before).map_err(failed)
                    })
                })
                .await?
        }
    };
    PROFILES
        .does(move || told(name, &profile, asked.as_text))
        .await
}

fn told(name: &str, profile: &Profile, as_text: bool) -> Answer {
    if !as_text {
        return Ok(answers::file(name, profile.to_bytes()));
    }
    // What a reader must know to take a profile for what it is.
    let preface = match name {
        "block" | "mutex" => contention::COVERED,
        _ => "",
    };
    let empty = if profile.is_empty() {
        "Nothing was seen yet: give the service some work and ask again.\n"
    } else {
        ""
    };
    let top = profile.top(None).map_err(failed)?;
    Ok(answers::text(format!("{preface}{empty}{top}")))
}

#[cfg(not(unix))]
pub(super) async fn cpu() -> Refusal {
    Refusal::new(
        StatusCode::NOT_IMPLEMENTED,
        "CPU profiles are taken on unix alone",
    )
}

#[cfg(unix)]
pub(super) async fn cpu(RawQuery(query): RawQuery) -> Answer {
    /// Samples a second, and how long they are taken unless told otherwise: as in Go.
    const RATE: i32 = 100;
    const SECONDS: u64 = 30;

    let asked = asked(query.as_deref())?;
    let unavailable = |error: pprof::Error| {
        let text = format!(
            "the CPU can't be watched: {error}; one profile is taken at a time, try again when it is done"
        );
        Refusal::new(StatusCode::CONFLICT, text)
    };
    let guard = PROFILES
        .does(move || {
            let builder = pprof::ProfilerGuardBuilder::default().frequency(RATE);
            // A signal within the unwinder or within libc could wait for what it has interrupted. Where pprof can tell, it leaves
            // it out.
            #[cfg(any(
                target_arch = "x86_64",
                target_arch = "aarch64",
                target_arch = "riscv64",
                target_arch = "loongarch64"
            ))]
            let builder = builder.blocklist(&["libc", "libgcc", "pthread", "vdso"]);
            // The first one looks up the names of a stack.
            builder.build().map_err(unavailable)
        })
        .await?;
    let seconds = asked.seconds.unwrap_or(SECONDS);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    PROFILES
        .does(move || {
            let handler = handler();
            let report = guard.report().build_unresolved().map_err(unavailable)?;
            drop(guard);
            let stacks = report.data.iter().map(|(stack, count)| {
                let addresses = stack.frames.iter().map(|frame| frame.ip() as usize);
                (addresses.collect(), *count as i64)
            });
            let sampled = Sampled {
                stacks: stacks.collect(),
                handler,
                rate: RATE.into(),
                started: report.timing.start_time,
                took: report.timing.duration,
            };
            let profile = cpu::convert("the CPU profile", &sampled);
            crate::profile::give_back();
            told("profile", &profile, asked.as_text)
        })
        .await
}

/// What the signal calls that asks for a sample: in a stripped program nothing else tells pprof's frames.
#[cfg(unix)]
fn handler() -> usize {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: it changes nothing, and writes what is set for the signal to a place of its own, which is valid as zeros too.
    unsafe {
        libc::sigaction(libc::SIGPROF, std::ptr::null(), action.as_mut_ptr());
        action.assume_init().sa_sigaction
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, asked};

    #[test]
    fn what_is_asked_for_is_understood_or_refused() {
        let text = |as_text, seconds| Asked { as_text, seconds };
        for (query, expected) in [
            (None, Asked::default()),
            (Some(""), Asked::default()),
            (Some("debug=1"), text(true, None)),
            (Some("debug=0&gc=1"), text(false, None)),
            (Some("seconds=5&debug=2"), text(true, Some(5))),
        ] {
            assert_eq!(asked(query).expect("it is right"), expected, "{query:?}");
        }
        for wrong in [
            "seconds=0",
            "seconds=-1",
            "seconds=601",
            "seconds=",
            "debug=x",
            "what=1",
            "at=peak",
        ] {
            assert!(asked(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
