//! What the allocator is to cost at most, and whether it does.

use super::rows::Row;
use std::fmt::{self, Display, Formatter};

/// What one row is to keep to.
pub(crate) struct Goal {
    what: &'static str,
    limit: f64,
    is: f64,
}

impl Goal {
    pub(crate) fn is_met(&self) -> bool {
        self.is <= self.limit
    }
}

impl Display for Goal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Goal { what, limit, is } = self;
        let verdict = if self.is_met() { "met" } else { "NOT MET" };
        write!(f, "{what} {is:.3} <= {limit:.3} {verdict}")
    }
}

/// The goals of each row, as far as what they compare was measured.
pub(crate) fn of(rows: &[Row]) -> Vec<Vec<Goal>> {
    rows.iter()
        .map(|row| {
            [
                instructions(row),
                tenth_of_pprof_alloc(row, rows),
                two_threads(row, rows),
                twentieth_of_dhat(row, rows),
                resident(row),
            ]
            .into_iter()
            .flatten()
            .collect()
        })
        .collect()
}

fn instructions(row: &Row) -> Option<Goal> {
    let limit = match (row.workload, row.mode) {
        ("json", "counting") => 1.03,
        ("json", "sampling") => 1.04,
        ("tiny", "counting") => 1.2,
        ("tiny", "sampling") => 1.25,
        _ => return None,
    };
    Some(Goal {
        what: "instructions",
        limit,
        is: row.instructions?,
    })
}

fn tenth_of_pprof_alloc(row: &Row, rows: &[Row]) -> Option<Goal> {
    let is_wanted = row.mode == "sampling" && ["json", "tiny"].contains(&row.workload);
    let peer = row.beside("pprof-alloc", row.threads, rows)?;
    is_wanted.then_some(Goal {
        what: "adds of instructions, to a tenth of pprof-alloc's,",
        limit: (peer.instructions? - 1.0) / 10.0,
        is: row.instructions? - 1.0,
    })
}

/// Nothing is shared on the fast path, so a second thread makes it no slower.
fn two_threads(row: &Row, rows: &[Row]) -> Option<Goal> {
    let is_wanted = row.threads == 2 && ["counting", "sampling"].contains(&row.mode);
    let alone = row.beside(row.mode, 1, rows)?;
    is_wanted.then_some(Goal {
        what: "time, to one thread's,",
        limit: 1.05,
        is: row.ratio / alone.ratio,
    })
}

fn twentieth_of_dhat(row: &Row, rows: &[Row]) -> Option<Goal> {
    let is_wanted = row.mode == "sites" && row.workload == "json" && row.threads == 1;
    let peer = row.beside("dhat", row.threads, rows)?;
    is_wanted.then_some(Goal {
        what: "adds of time, to a twentieth of dhat's,",
        limit: (peer.ratio - 1.0) / 20.0,
        is: row.ratio - 1.0,
    })
}

fn resident(row: &Row) -> Option<Goal> {
    row.workload.starts_with("resident").then_some(Goal {
        what: "resident",
        limit: 1.05,
        is: row.ratio,
    })
}
