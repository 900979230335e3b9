//! A small view keeps a large buffer alive.
