//! A task outlives whoever wanted its result.
