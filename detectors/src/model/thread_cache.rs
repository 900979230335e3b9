//! Whether glibc keeps freed blocks for each thread, in its *tcache*. Such blocks count as in use, some hundred kilobytes of them, which
//! blurs how much C code has. So a test's own process is started without that cache.

#[cfg(feature = "harness")]
use std::ffi::OsString;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// What glibc reads at a program's start.
#[cfg(feature = "harness")]
pub(crate) const VARIABLE: &str = "GLIBC_TUNABLES";

#[cfg(feature = "harness")]
const WITHOUT: &str = "glibc.malloc.tcache_count=0";

static IS_OFF: AtomicBool = AtomicBool::new(false);

/// Whether this process is known to run without it.
pub(crate) fn is_off() -> bool {
    IS_OFF.load(Relaxed)
}

/// The variable for a process that is to run without it, beside whatever was asked for already.
#[cfg(feature = "harness")]
pub(crate) fn without() -> OsString {
    let mut tunables = std::env::var_os(VARIABLE).unwrap_or_default();
    if !tunables.is_empty() {
        tunables.push(":");
    }
    tunables.push(WITHOUT);
    tunables
}

/// Takes note that this process was started so, and what the variable was before: what the test starts is none of ours.
#[cfg(feature = "harness")]
pub(crate) fn was_started_without() {
    let Some(tunables) = std::env::var(VARIABLE).ok() else {
        return;
    };
    let Some(before) = tunables.strip_suffix(WITHOUT) else {
        return;
    };
    IS_OFF.store(true, Relaxed);
    let before = before.trim_end_matches(':');
    // SAFETY: the program has just begun, on its only thread: nobody else reads the environment.
    unsafe {
        if before.is_empty() {
            std::env::remove_var(VARIABLE);
        } else {
            std::env::set_var(VARIABLE, before);
        }
    }
}
