//! A small view keeps a large buffer alive.
//!
//! A service asks a search cluster for domains, page by page, and remembers which hits it has seen. A page is
//! about 16 kB; an id is 16 bytes. [`leaky`] remembers ids as views into the page, [`fixed`] copies them.
//! [`beside`] measures other ways to keep 16 bytes.

pub mod backend;
pub mod beside;
pub mod fixed;
pub mod leaky;
