//! Tasks that can never wake: asked of copies of the service, each as of one instant.

use super::answers::{self, Refusal};
use super::holders;
use super::off_the_runtime::PROFILES;
use crate::model::words::{count, frame_from_here};
use crate::readings::spawn_site;
use crate::readings::tasks::Outlooks;
use crate::readings::tasks::outlook::{Asked, outlooks_while};
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// How far apart the two looks are.
const APART: Duration = Duration::from_millis(100);

/// One look at a time: each makes copies of the process.
static TURN: Semaphore = Semaphore::const_new(1);

/// What was seen last, for `/metrics`.
static LAST: Mutex<Option<Figures>> = Mutex::new(None);

/// How many tasks can never wake, and how many couldn't be judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figures {
    pub(super) stuck: u64,
    pub(super) not_decided: u64,
}

/// Nothing before somebody has asked.
pub(super) fn last() -> Option<Figures> {
    *LAST.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) async fn task_leak(RawQuery(query): RawQuery) -> Result<Response, Refusal> {
    let as_text = asked(query.as_deref().unwrap_or_default())?;
    let _turn = TURN.acquire().await.expect("nobody closes it");
    holders::bears_a_copy()?;
    let asked = Asked {
        apart: APART,
        goes_on: holders::goes_on,
    };
    let outlooks = outlooks_while(&Handle::current(), asked).await;
    let unread = |error| Refusal::new(StatusCode::NOT_IMPLEMENTED, error);
    let outlooks = outlooks.map_err(unread)?;
    *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some(Figures {
        stuck: outlooks.stuck().count() as u64,
        not_decided: outlooks.not_decided(),
    });
    PROFILES
        .does(move || {
            if as_text {
                return Ok(answers::text(in_words(&outlooks)));
            }
            Ok(answers::file("taskleak", outlooks.profile().to_bytes()))
        })
        .await
}

/// Whether the answer is a text.
fn asked(query: &str) -> Result<bool, Refusal> {
    let mut as_text = false;
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        match (name, value.parse::<u64>()) {
            ("debug", Ok(level)) => as_text = level > 0,
            // Go collects garbage first; there is none here.
            ("gc", Ok(_)) => {}
            _ => {
                let text = format!("{part}: what can be asked for is debug=1 and gc=1");
                return Err(Refusal::new(StatusCode::BAD_REQUEST, text));
            }
        }
    }
    Ok(as_text)
}

fn in_words(outlooks: &Outlooks) -> String {
    let tasks = |tasks: u64| count(tasks.cast_signed(), "task");
    let mut text = format!(
        "{} alive, {} can never wake, {} not decided\nthe service paused for {:.1} ms; the answer took {:.0} ms\n",
        tasks(outlooks.tasks().len() as u64),
        outlooks.stuck().count(),
        outlooks.not_decided(),
        outlooks.paused().as_secs_f64() * 1e3,
        outlooks.took().as_secs_f64() * 1e3
    );
    let by_site = outlooks.stuck_by_site();
    let known: Vec<_> = by_site.iter().filter_map(|(site, _)| *site).collect();
    let mut known = spawn_site::resolve(&known).into_iter();
    for (site, stuck) in by_site {
        let site = site.and_then(|_| known.next());
        let line = site.map_or_else(
            || "an unknown spawn site".to_owned(),
            |site| frame_from_here(&site.frame).to_string(),
        );
        let _ = write!(text, "\n{} from\n  {line}\n", tasks(stuck));
    }
    text
}
