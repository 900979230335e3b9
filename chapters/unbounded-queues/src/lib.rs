//! A queue that takes whatever comes.
//!
//! The service writes an audit record for each lookup. Requests put records into a queue, and a writer takes them out in
//! batches. [`leaky`] has a queue without a bound and a writer that is slower than the requests; [`fixed`] has a bound, so
//! that requests wait for the writer. [`beside`] shows two more things that pile up, and counts what waiting costs.

pub mod beside;
pub mod fixed;
pub mod leaky;
pub mod record;
