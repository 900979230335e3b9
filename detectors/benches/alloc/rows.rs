//! What came out, for people and for programs.

use super::goals::Goal;
use serde::Serialize;
use std::fmt::Write as _;

/// One subject at one workload, as ratios to its inner allocator bare.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) workload: &'static str,
    pub(crate) threads: usize,
    pub(crate) inner: &'static str,
    pub(crate) mode: &'static str,
    /// Of times; of what is resident where that is the workload.
    pub(crate) ratio: f64,
    /// Of instructions, where they were counted.
    pub(crate) instructions: Option<f64>,
}

impl Row {
    /// The row of another mode or number of threads at the same workload and inner allocator.
    pub(crate) fn beside<'a>(
        &self,
        mode: &str,
        threads: usize,
        rows: &'a [Row],
    ) -> Option<&'a Row> {
        rows.iter().find(|row| {
            (row.workload, row.inner) == (self.workload, self.inner)
                && (row.mode, row.threads) == (mode, threads)
        })
    }
}

pub(crate) fn json(rows: &[Row]) -> String {
    serde_json::to_string_pretty(rows).expect("rows are plain data")
}

pub(crate) fn table(rows: &[Row], goals: &[Vec<Goal>]) -> String {
    let mut table = format!(
        "{:<14}{:>7}  {:<10}{:<14}{:>9}{:>14}  goal\n",
        "workload", "threads", "inner", "mode", "ratio", "instructions"
    );
    for (row, goals) in rows.iter().zip(goals) {
        let instructions = row
            .instructions
            .map_or("-".to_owned(), |ratio| format!("{ratio:.3}"));
        let goals: Vec<String> = goals.iter().map(Goal::to_string).collect();
        let line = format!(
            "{:<14}{:>7}  {:<10}{:<14}{:>9.3}{instructions:>14}  {}",
            row.workload,
            row.threads,
            row.inner,
            row.mode,
            row.ratio,
            goals.join("; ")
        );
        table.push_str(line.trim_end());
        table.push('\n');
    }
    let all = goals.iter().flatten().count();
    let met = goals.iter().flatten().filter(|goal| goal.is_met()).count();
    let _ = writeln!(table, "{met} of {all} goals that were measured are met");
    table
}
