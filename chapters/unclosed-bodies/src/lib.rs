//! A response that nobody reads keeps its connection.
//!
//! The prober asks hosts whether they are well. When one isn't, it keeps the response, to report it later. [`leaky`] keeps
//! the response itself; [`fixed`] reads it and keeps what the report needs. [`beside`] measures what else can happen to a
//! body, and [`backend`] is the server that is asked: real sockets on loopback, on a thread of its own.

pub mod backend;
pub mod beside;
pub mod fixed;
pub mod leaky;
