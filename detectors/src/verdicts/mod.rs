//! What a run comes to: it is watched, judged, told in words, and asserted.

pub(crate) mod accepted;
pub(crate) mod artefacts;
pub(crate) mod assert;
pub mod bodies;
pub(crate) mod evidence;
pub(crate) mod peak;
#[cfg(feature = "tokio")]
pub(crate) mod runtime;
pub(crate) mod sites;
pub(crate) mod text;
pub(crate) mod watch;
