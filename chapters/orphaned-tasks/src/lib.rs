//! A task outlives whoever wanted its result.
//!
//! A customer who opens the page of an apex wants to see changes as they happen. So each request starts a watcher: a task
//! that waits for the next change. [`leaky`] starts it and lets go; [`fixed`] keeps it with the request, and ends it with the
//! request. [`beside`] has three more ways to leave a task or a thread behind.

pub mod beside;
pub mod changes;
pub mod fixed;
pub mod leaky;
