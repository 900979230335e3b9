//! Memory that nothing points to.
