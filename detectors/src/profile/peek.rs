//! Functions between who called them and what they called.

use std::cmp::Reverse;
use std::fmt;

use serde::Serialize;

use super::graph::{Edge, Grain, Graph};
use super::narrow::{no_match, regex};
use super::top::{Row, Top, TopOptions, top_of};
use super::units::percentage;
use super::{Printable, Profile, ProfileError};

/// Functions, each with its callers and what it called.
///
/// Its text is that of Go's `pprof -peek`, without the lines that name the time of the profile.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Peek {
    /// All functions of the profile.
    #[serde(skip)]
    top: Top,
    /// What shares are taken of.
    pub total: i64,
    /// Those that match: largest flat first, then by name.
    pub functions: Vec<Peeked>,
}

/// One function of a [`Peek`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Peeked {
    /// The function, as in a [`Top`].
    pub row: Row,
    /// Who called it, the largest amount first.
    pub callers: Vec<Calls>,
    /// What it called, the largest amount first.
    pub callees: Vec<Calls>,
}

/// All calls between a function and another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Calls {
    /// The other function's name.
    pub function: String,
    /// What was allocated in these calls, in the sample type's unit.
    pub amount: i64,
    /// Whether every one of them was inlined.
    pub is_inlined: bool,
}

pub(super) fn peek(profile: &Profile, index: usize, pattern: &str) -> Result<Peek, ProfileError> {
    let regex = regex(pattern)?;
    let graph = Graph::new(profile, index, Grain::Functions);
    let (top, order) = top_of(profile, &graph, index, &TopOptions::default().keep_small());
    let names: Vec<String> = graph
        .nodes
        .iter()
        .map(|node| node.key.printable())
        .collect();
    let edges = graph.edges(&vec![true; graph.nodes.len()]);
    let mut into: Vec<Vec<Calls>> = vec![Vec::new(); names.len()];
    let mut out_of = into.clone();
    for ((caller, callee), edge) in &edges {
        into[*callee].push(calls(&names[*caller], edge));
        out_of[*caller].push(calls(&names[*callee], edge));
    }
    let sorted = |mut calls: Vec<Calls>| {
        calls.sort_by(|one, other| {
            let key = |calls: &Calls| Reverse(calls.amount.unsigned_abs());
            (key(one), &one.function).cmp(&(key(other), &other.function))
        });
        calls
    };
    let functions: Vec<Peeked> = order
        .into_iter()
        .zip(&top.rows)
        .filter(|(_, row)| regex.is_match(&row.function))
        .map(|(at, row)| Peeked {
            row: row.clone(),
            callers: sorted(std::mem::take(&mut into[at])),
            callees: sorted(std::mem::take(&mut out_of[at])),
        })
        .collect();
    if functions.is_empty() {
        return Err(no_match(profile, index, pattern));
    }
    let total = top.total;
    Ok(Peek {
        top,
        total,
        functions,
    })
}

fn calls(function: &str, edge: &Edge) -> Calls {
    Calls {
        function: function.to_owned(),
        amount: edge.weight,
        is_inlined: edge.inlined,
    }
}

const SEPARATOR: &str = "----------------------------------------------------------+-------------";

impl fmt::Display for Peek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let top = &self.top;
        top.header(f)?;
        writeln!(f, "{SEPARATOR}")?;
        // The blanks and tabs at the end are Go's.
        writeln!(
            f,
            "      flat  flat%   sum%        cum   cum%   calls calls% + context \t \t "
        )?;
        let mut sum: i64 = 0;
        for Peeked {
            row,
            callers,
            callees,
        } in &self.functions
        {
            let calls = |f: &mut fmt::Formatter<'_>, calls: &[Calls]| {
                calls.iter().try_for_each(|calls| {
                    writeln!(
                        f,
                        "{:>50} {} |   {}{}",
                        top.amount(calls.amount),
                        percentage(calls.amount, row.cum),
                        Printable(&calls.function),
                        if calls.is_inlined { " (inline)" } else { "" }
                    )
                })
            };
            sum = sum.saturating_add(row.flat);
            writeln!(f, "{SEPARATOR}")?;
            calls(f, callers)?;
            writeln!(
                f,
                "{:>10} {} {} {:>10} {}                | {}",
                top.amount(row.flat),
                percentage(row.flat, self.total),
                percentage(sum, self.total),
                top.amount(row.cum),
                percentage(row.cum, self.total),
                Printable(&row.function)
            )?;
            calls(f, callees)?;
        }
        writeln!(f, "{SEPARATOR}")
    }
}
