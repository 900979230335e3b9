//! What a command is told from outside.

use crate::problem::{Problem, Result};

/// Ends at Ctrl-C, or when an orchestrator asks for the end.
///
/// # Errors
///
/// When the system lets no signal be heard.
#[cfg(unix)]
pub fn asked_to_end() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let heard =
        |kind| signal(kind).map_err(|error| Problem::new("can't hear signals").because(error));
    let (mut interrupt, mut terminate) = (
        heard(SignalKind::interrupt())?,
        heard(SignalKind::terminate())?,
    );
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
pub fn asked_to_end() -> Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
