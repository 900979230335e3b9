//! What this command starts beside itself: other programs of the workbook, built when they are needed; and the drill that runs, which
//! other commands find.

mod program;
mod running;

pub(crate) use program::Program;
pub(crate) use running::{Asked, FOLDER, Played, Running, Standing, is_withheld};
