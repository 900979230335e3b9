//! No leak: the work needs that much at once.
//!
//! The lookup service tells which hosts of a customer have an open TLS port. It asks the search cluster page by page. [`leaky`]
//! parses each page into a tree of values and appends the hosts of all pages before it writes the first; [`fixed`] parses into
//! types that borrow from the page, and writes each page before it asks for the next. [`ways`] holds what lies between the two.

pub mod cluster;
pub mod fixed;
pub mod leaky;
pub mod ways;

/// What one request may need at once: a container of 256 MiB answers up to 128 requests at the same time.
pub const BUDGET_BYTES: u64 = 2 << 20;
