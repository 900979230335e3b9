//! Holds what may go to another thread, and be looked at from several: compiled or not, there is nothing to run.

use crate::{
    Complaint, Evidence, Finding, HeldBy, PeakEvidence, Profile, ReadError, SpawnSite, allocator,
    memory, process,
};

fn is_send_and_sync<T: Send + Sync>() {}

#[test]
fn what_was_found_goes_anywhere() {
    is_send_and_sync::<Complaint>();
    is_send_and_sync::<Evidence>();
    is_send_and_sync::<Finding>();
    is_send_and_sync::<HeldBy>();
    is_send_and_sync::<PeakEvidence>();
    is_send_and_sync::<Profile>();
    is_send_and_sync::<ReadError>();
    is_send_and_sync::<SpawnSite>();
    is_send_and_sync::<allocator::ScopeHandle>();
    is_send_and_sync::<memory::Accounts>();
    is_send_and_sync::<memory::Retention>();
    is_send_and_sync::<process::Open>();
    is_send_and_sync::<process::OpenCheck>();
    is_send_and_sync::<process::LeftOpen>();
}

#[cfg(feature = "triage")]
#[test]
fn what_looks_at_a_process_goes_to_another_thread() {
    use crate::triage::{Autopsy, Triage, TriageEvidence};
    fn is_send<T: Send>() {}
    is_send_and_sync::<Autopsy>();
    is_send_and_sync::<TriageEvidence>();
    is_send::<Triage>();
}

#[cfg(feature = "tokio")]
#[test]
fn what_counts_tasks_goes_anywhere() {
    use crate::{bodies, tasks};
    is_send_and_sync::<tasks::Tasks>();
    is_send_and_sync::<tasks::TaskCheck>();
    is_send_and_sync::<tasks::LeftTasks>();
    is_send_and_sync::<bodies::BodyCheck>();
}
