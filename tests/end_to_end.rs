//! The whole workbook as its reader and an operator meet it: the command, the service under load, triage of any process, and a user
//! of the library outside of this workspace.
//!
//! One program, so that what waits for a process or for cargo runs beside what computes.

mod autopsy;
mod built_once;
mod command;
mod driver;
mod fleet;
mod load;
mod outside;
mod own_test;
#[cfg(target_os = "linux")]
mod portable;
mod serve;
mod served;
#[cfg(target_os = "linux")]
mod terminal;
#[cfg(target_os = "linux")]
mod triage;
#[cfg(target_os = "linux")]
mod watch;
mod wild;
