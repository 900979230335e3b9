//! The learner's part: where the reader is and does. The chapters are listed and run, the exercises checked, hinted at, restored and
//! proved, the book is opened, the corpus of real bugs is run, drills are played, and the reader's own tests are judged.

pub(crate) mod book;
mod cargo;
pub(crate) mod check;
mod child;
pub(crate) mod drill;
pub(crate) mod exercise;
mod last;
pub(crate) mod measure;
mod next;
pub(crate) mod progress;
pub(crate) mod run;
mod shipped;
pub(crate) mod start;
mod state;
pub(crate) mod verify;
pub(crate) mod watch;
pub(crate) mod wild;
