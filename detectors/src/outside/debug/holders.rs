//! Who holds what stays: asked of a copy of the service, which is as of one instant.

use super::answers::{self, Refusal};
use super::headroom;
use crate::allocator;
use crate::model::words::bytes;
use crate::outside::held::Held;
use crate::readings::heap::{AllocatorSource, Detail, HeapSource, SiteReading};
use crate::readings::holders::{BeforeACopy, HeldBy, Holders};
use crate::readings::{copy, kernel, memory};
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt::{Display, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;
use tokio::sync::oneshot;

/// How long blocks are noted for, unless told otherwise; and at most.
const SECONDS: u64 = 30;
const SECONDS_MAX: u64 = 600;

/// How long the copy may take at most.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often a floor is looked for.
const LOOKS: u32 = 10;

/// Of so many stacks, those with most bytes.
const STACKS_MAX: usize = 64;

/// So few blocks of so many bytes may be tables.
const TABLES_MAX: u64 = 4;
const TABLE_BYTES: u64 = 16 << 10;

/// The copy is made only where one part in this of resident memory is left below the limit.
const RESIDENT_FOR_A_COPY: u64 = 4;

/// The copy is ended when no more than this share of the limit is left.
const LEAST_OF_LIMIT: f64 = 0.1;

type Answer = Result<Response, Refusal>;

pub(super) async fn holders(RawQuery(query): RawQuery) -> Answer {
    let (seconds, as_text) = asked(query.as_deref().unwrap_or_default())?;
    if !allocator::is_in_use() {
        return Err(Refusal::new(
            StatusCode::NOT_IMPLEMENTED,
            "this program's allocator notes no blocks; declare a detectors::ProfilingAllocator as its #[global_allocator]",
        ));
    }
    // It ends with this future: then nobody waits for the answer any more.
    let (_waiting, is_waited_for) = channel();
    let (tell, told) = oneshot::channel();
    let looks = move || {
        let _ = tell.send(look(seconds, &is_waited_for));
    };
    kernel::start_own("holders", looks).map_err(failed)?;
    let held = told.await.map_err(failed)??;
    if as_text {
        return Ok(answers::text(in_words(&held)));
    }
    Ok(answers::json(serde_json::to_string(&held).map_err(failed)?))
}

fn failed(error: impl Display) -> Refusal {
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error)
}

/// For how many seconds, and whether the answer is a text.
fn asked(query: &str) -> Result<(u64, bool), Refusal> {
    let (mut seconds, mut as_text) = (SECONDS, false);
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        match (name, value.parse::<u64>()) {
            ("debug", Ok(level)) => as_text = level > 0,
            ("seconds", Ok(asked)) if (1..=SECONDS_MAX).contains(&asked) => seconds = asked,
            _ => {
                let text = format!(
                    "{part}: what can be asked for is seconds=N, from 1 to {SECONDS_MAX}, and debug=1"
                );
                return Err(Refusal::new(StatusCode::BAD_REQUEST, text));
            }
        }
    }
    Ok((seconds, as_text))
}

/// Notes what is allocated, and asks a copy of the process who holds it. A thread of its own does it: the stacks of the service's threads
/// are then others'.
fn look(seconds: u64, is_waited_for: &Receiver<()>) -> Result<Held, Refusal> {
    let busy = |error| Refusal::new(StatusCode::CONFLICT, error);
    let mut source = AllocatorSource::of_process();
    source.start(Detail::Stacks).map_err(busy)?;
    let quarter = Duration::from_secs(seconds) / 4;
    wait(quarter, is_waited_for)?;
    let mut before = BeforeACopy::default();
    let by_half = floors(&source, quarter, &mut before, is_waited_for)?;
    wait(quarter, is_waited_for)?;
    let by_end = floors(&source, quarter, &mut before, is_waited_for)?;
    let rises = rising(&by_end, &by_half);
    bears_a_copy()?;
    before.ends();
    let work = || told_by_a_copy(&source, &rises);
    let done = copy::of_this_process(work, goes_on).map_err(failed)?;
    let unread = |error| failed(format!("the copy told nothing that can be read: {error}"));
    let told: Result<OfCopy, String> = serde_json::from_slice(&done.told).map_err(unread)?;
    let OfCopy { by_site, not_read } = told.map_err(failed)?;
    Ok(Held {
        seconds,
        paused_ms: done.paused.as_secs_f64() * 1e3,
        copy_ms: done.took.as_secs_f64() * 1e3,
        by_site,
        not_read,
    })
}

fn wait(time: Duration, is_waited_for: &Receiver<()>) -> Result<(), Refusal> {
    match is_waited_for.recv_timeout(time) {
        Err(RecvTimeoutError::Timeout) => Ok(()),
        _ => Err(failed("nobody waits for the answer any more")),
    }
}

/// The least that each stack has within this time, most bytes first: what requests need while they are answered comes and goes.
fn floors(
    source: &AllocatorSource,
    time: Duration,
    before: &mut BeforeACopy,
    is_waited_for: &Receiver<()>,
) -> Result<Vec<SiteReading>, Refusal> {
    let mut floors: HashMap<usize, (u32, SiteReading)> = HashMap::new();
    for turn in 0..=LOOKS {
        if turn > 0 {
            wait(time / LOOKS, is_waited_for)?;
        }
        before.look();
        source.each_site(&mut |now| {
            let (looks, least) = floors.entry(now.site).or_insert((0, now));
            *looks += 1;
            if now.bytes < least.bytes {
                *least = now;
            }
        });
    }
    // What the look itself needs isn't the service's.
    Ok(allocator::uncounted(|| of_each_look(floors)))
}

/// The floors of the stacks that every look saw, most bytes first.
fn of_each_look(floors: HashMap<usize, (u32, SiteReading)>) -> Vec<SiteReading> {
    let each_time = floors.into_values().filter(|(looks, _)| *looks > LOOKS);
    let mut floors: Vec<SiteReading> = each_time.map(|(_, least)| least).collect();
    floors.retain(|least| least.bytes > 0);
    floors.sort_by_key(|least| Reverse(least.bytes));
    floors
}

/// A stack's number, and by how many bytes its least rose from the first half of the time to the second.
type Rise = (usize, u64);

/// The stacks that rise most, without those that had as much by half of the time. A table that doubles rests between two doublings: half
/// of it is taken for its rise.
fn rising(by_end: &[SiteReading], by_half: &[SiteReading]) -> Vec<Rise> {
    let rise = |now: &SiteReading| {
        let then = by_half.iter().find(|then| then.site == now.site);
        let then = then.map_or(0, |then| then.bytes);
        let is_table = now.blocks <= TABLES_MAX && now.bytes >= TABLE_BYTES;
        let by = now.bytes.saturating_sub(then);
        if is_table {
            Some((now.site, by.max(now.bytes / 2)))
        } else {
            (4 * now.bytes >= 5 * then).then_some((now.site, by))
        }
    };
    let mut rises: Vec<Rise> = by_end.iter().filter_map(rise).collect();
    rises.sort_by_key(|(_, by)| Reverse(*by));
    rises.truncate(STACKS_MAX);
    rises
}

/// What the copy tells, across the border of the two processes.
#[derive(Serialize, Deserialize)]
struct OfCopy {
    by_site: Vec<HeldBy>,
    not_read: Option<String>,
}

fn told_by_a_copy(source: &AllocatorSource, rises: &[Rise]) -> Vec<u8> {
    let sites: Vec<usize> = rises.iter().map(|(site, _)| *site).collect();
    let holders = source.holders(&sites, &|| false);
    let told = holders.map(
        |Holders {
             mut by_site,
             not_read,
         }| {
            // What was freed since the stacks were looked up is nobody's.
            by_site.retain(|held| held.bytes > 0);
            for held in &mut by_site {
                let own = rises.iter().filter(|(site, _)| held.stacks.contains(site));
                held.rose = own.map(|(_, by)| by).sum();
            }
            by_site.sort_by_key(|held| Reverse(held.rose));
            OfCopy { by_site, not_read }
        },
    );
    let told = told.map_err(|error| error.to_string());
    serde_json::to_vec(&told).unwrap_or_default()
}

/// Whether there is room for the pages that the service writes to while the copy lives.
pub(super) fn bears_a_copy() -> Result<(), Refusal> {
    let (Some(room), Ok(resident)) = (headroom::now(), memory::resident()) else {
        return Ok(());
    };
    let needed = resident.resident / RESIDENT_FOR_A_COPY;
    if room.left() >= needed {
        return Ok(());
    }
    let text = format!(
        "{} are left below the limit, and a copy of this process may need {}: whatever it writes to meanwhile is there twice. Look at \
         /debug/pprof/heap, or let the service have more",
        bytes(room.left()),
        bytes(needed)
    );
    Err(Refusal::new(StatusCode::INSUFFICIENT_STORAGE, text))
}

/// Whether the copy may live on.
pub(super) fn goes_on(took: Duration) -> Result<(), String> {
    if took > PATIENCE {
        return Err(format!(
            "after {} s the copy of the process was not done, and was ended: another thread may have held what it waited for; ask again",
            PATIENCE.as_secs()
        ));
    }
    if headroom::now().is_some_and(|room| room.share() < LEAST_OF_LIMIT) {
        return Err(
            "less than a tenth of the limit was left, so the copy of the process was ended; ask when there is more room"
                .to_owned(),
        );
    }
    Ok(())
}

fn in_words(held: &Held) -> String {
    let mut text = format!(
        "what was allocated within {} s and is live\nthe service paused for {:.1} ms; its copy lived for {:.0} ms\n",
        held.seconds, held.paused_ms, held.copy_ms
    );
    for site in &held.by_site {
        let _ = write!(text, "\n{} in {}\n  {site}\n", bytes(site.bytes), site.site);
    }
    if held.by_site.is_empty() {
        text += "\nnothing is: all of it was freed\n";
    }
    if let Some(not_read) = &held.not_read {
        let _ = writeln!(text, "\nnot read: {not_read}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{SiteReading, asked, rising};

    #[test]
    fn what_rests_since_half_of_the_time_is_no_growth_unless_it_is_a_table() {
        let reading = |site, blocks, bytes| SiteReading {
            site,
            blocks,
            bytes,
        };
        let by_half = [
            reading(1, 100, 10_000),
            reading(2, 100, 10_000),
            reading(3, 1, 98_304),
        ];
        let now = [
            reading(3, 1, 98_304),
            reading(1, 200, 20_000),
            reading(2, 110, 11_000),
            reading(4, 1, 100),
        ];
        assert_eq!(rising(&now, &by_half), [(3, 49_152), (1, 10_000), (4, 100)]);
    }

    #[test]
    fn what_is_asked_for_is_understood_or_refused() {
        for (query, expected) in [
            ("", (30, false)),
            ("seconds=5", (5, false)),
            ("debug=1&seconds=600", (600, true)),
        ] {
            assert_eq!(asked(query).expect("it is right"), expected, "{query}");
        }
        for wrong in ["seconds=0", "seconds=601", "seconds", "what=1"] {
            assert!(asked(wrong).is_err(), "{wrong}");
        }
    }
}
