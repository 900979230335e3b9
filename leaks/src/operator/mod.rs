//! The operator's part: a service that runs. Load is put on it, it is told which of the verdicts it is, and its profiles are read.
//! The service itself is a package of its own, `domain-service`.

pub(crate) mod autopsy;
pub(crate) mod load;
pub(crate) mod profile;
pub(crate) mod triage;
