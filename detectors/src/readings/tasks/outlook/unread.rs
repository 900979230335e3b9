//! Where a process' memory isn't read: the question ends here.

use super::{NoOutlooks, Outlooks};
use tokio::runtime::Handle;

/// How it is asked.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asked;

#[expect(clippy::unused_async, reason = "elsewhere it waits")]
pub(crate) async fn outlooks_while(
    _runtime: &Handle,
    _asked: Asked,
) -> Result<Outlooks, NoOutlooks> {
    Err(NoOutlooks {
        reason: "a process' memory is read on 64-bit Linux alone".to_owned(),
        next: "ask there".to_owned(),
    })
}
