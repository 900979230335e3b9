//! The words and values that all share.

pub(crate) mod this_test;
