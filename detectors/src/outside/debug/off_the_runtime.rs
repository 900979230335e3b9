//! What would hold a thread of the service's runtime: figures that the kernel adds up page by page, and names that are looked up
//! in the program's debug information. Either may take some hundred milliseconds, in which no request would be answered.

use super::answers::Refusal;
use axum::http::StatusCode;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// So much of it is done at the same time; whoever asks for more waits for a turn. Its threads are those on which the service does
/// its own blocking work, and each profile needs some megabytes while it is made.
const AT_ONCE: usize = 2;

static TURNS: Semaphore = Semaphore::const_new(AT_ONCE);

/// Does the work on a thread that may be held. Who stops waiting for it leaves the turn to the work until that is done.
pub(super) async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let turn = TURNS.acquire().await.expect("nobody closes it");
    let done = spawn_blocking(move || {
        let _turn = turn;
        work()
    });
    let failed = |error| Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error));
    done.await.unwrap_or_else(failed)
}
