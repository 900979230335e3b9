use std::cmp::Reverse;
use std::fmt;

use serde::Serialize;

use super::graph::{Grain, Graph};
use super::units::{Amounts, percent, percentage};
use super::{Printable, Profile, SampleType};

/// How much of a profile [`Profile::top_with`] shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopOptions {
    /// At most this many rows; all when `None`.
    pub rows_max: Option<usize>,
    /// Also the functions whose cum is below half a per cent, which Go's `-top` leaves out.
    pub keep_small: bool,
    /// The largest cum first, and not the largest flat.
    pub by_cum: bool,
}

impl TopOptions {
    /// Shows at most this many rows.
    #[must_use]
    pub fn rows_max(mut self, rows: usize) -> Self {
        self.rows_max = Some(rows);
        self
    }

    /// Shows the small ones too.
    #[must_use]
    pub fn keep_small(mut self) -> Self {
        self.keep_small = true;
        self
    }

    /// Shows the largest cum first.
    #[must_use]
    pub fn by_cum(mut self) -> Self {
        self.by_cum = true;
        self
    }
}

/// The functions of a profile, the largest flat first, or the largest cum where that was asked for.
///
/// Its text is that of Go's `pprof -top`, without the lines that name the time of the profile.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Top {
    /// The program, where the profile names it.
    pub program: Option<String>,
    /// What the profile has to say to its reader, such as why it has no lines.
    pub comments: Vec<String>,
    /// What the values are.
    pub sample_type: SampleType,
    /// By what the profile was narrowed: `focus=cart`.
    pub filters: Vec<String>,
    /// What shares are taken of: the amounts of all samples, or in a diff those of the base's.
    pub total: i64,
    /// The sum of the flat values in `rows`.
    pub accounted: i64,
    /// How many functions were left out for being small.
    pub dropped: usize,
    /// The cum below which a function was left out.
    pub dropped_below: i64,
    /// How many functions are left, of which `rows` shows the first.
    pub functions: usize,
    /// The functions: largest first, then by name.
    pub rows: Vec<Row>,
    #[serde(skip)]
    amounts: Amounts,
}

/// One function of a [`Top`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Row {
    /// The function's name.
    pub function: String,
    /// What it allocated itself, in the sample type's unit.
    pub flat: i64,
    /// `flat` as a share of the total, in per cent.
    pub flat_percent: f64,
    /// The flat values so far as a share of the total, in per cent.
    pub sum_percent: f64,
    /// What it and the functions it called allocated, in the sample type's unit.
    pub cum: i64,
    /// `cum` as a share of the total, in per cent.
    pub cum_percent: f64,
    /// Whether the compiler put it into its callers.
    pub inlining: Inlining,
}

/// Whether the calls of a function were inlined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Inlining {
    /// No call was.
    None,
    /// Some calls were.
    Partial,
    /// Every call was.
    Full,
}

/// Go's defaults for what is too small to show, as shares of the total.
pub(super) const NODE_FRACTION: f64 = 0.005;
pub(super) const EDGE_FRACTION: f64 = 0.001;

pub(super) fn top(profile: &Profile, index: usize, options: &TopOptions) -> Top {
    let graph = Graph::new(profile, index, Grain::Functions);
    top_of(profile, &graph, index, options).0
}

/// The same, with each row's node in the graph.
pub(super) fn top_of(
    profile: &Profile,
    graph: &Graph<'_>,
    index: usize,
    options: &TopOptions,
) -> (Top, Vec<usize>) {
    let total = profile.reference_total(index);
    let (node_fraction, edge_fraction) = if options.keep_small {
        (0.0, 0.0)
    } else {
        (NODE_FRACTION, EDGE_FRACTION)
    };
    let nodes = &graph.nodes;
    let net = nodes
        .iter()
        .fold(0, |sum: i64, node| sum.saturating_add(node.flat));
    let cutoff = share(net, node_fraction);
    let (present, dropped): (Vec<usize>, Vec<usize>) = (0..nodes.len())
        .filter(|&at| nodes[at].cum != 0 || nodes[at].flat != 0)
        .partition(|&at| nodes[at].cum.saturating_abs() >= cutoff);

    let mut sorted = present;
    sorted.sort_by_cached_key(|&at| {
        let node = &nodes[at];
        let (flat, cum) = (node.flat.unsigned_abs(), node.cum.unsigned_abs());
        let (first, second) = if options.by_cum {
            (cum, flat)
        } else {
            (flat, cum)
        };
        (
            Reverse(first),
            node.key.printable(),
            Reverse(second),
            node.key,
        )
    });
    let functions = sorted.len();
    sorted.truncate(options.rows_max.unwrap_or(usize::MAX));

    let inlining = inlining(graph, &sorted, share(net, edge_fraction));
    let sample_type = profile.sample_types().swap_remove(index);
    let amounts = common_unit(
        &sample_type.unit,
        sorted.iter().map(|&at| (nodes[at].flat, nodes[at].cum)),
        total,
    );
    let mut accounted: i64 = 0;
    let rows = sorted
        .iter()
        .map(|&at| {
            let node = &nodes[at];
            accounted = accounted.saturating_add(node.flat);
            Row {
                function: node.key.printable(),
                flat: node.flat,
                flat_percent: percent(node.flat, total),
                sum_percent: percent(accounted, total),
                cum: node.cum,
                cum_percent: percent(node.cum, total),
                inlining: inlining[at],
            }
        })
        .collect();
    let top = Top {
        program: program(profile),
        comments: comments(profile),
        sample_type,
        filters: profile.narrowed.filters.clone(),
        total,
        accounted,
        dropped: dropped.len(),
        dropped_below: share(total, node_fraction),
        functions,
        rows,
        amounts,
    };
    (top, sorted)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a fraction of an i64 fits one; Go truncates too"
)]
pub(super) fn share(total: i64, fraction: f64) -> i64 {
    ((total as f64 * fraction) as i64).saturating_abs()
}

fn inlining(graph: &Graph<'_>, shown: &[usize], cutoff: i64) -> Vec<Inlining> {
    let mut kept = vec![false; graph.nodes.len()];
    for &at in shown {
        kept[at] = true;
    }
    let mut calls = vec![(false, false); graph.nodes.len()];
    for ((_, callee), edge) in graph.edges(&kept) {
        if edge.weight.saturating_abs() >= cutoff {
            let (inlined, called) = &mut calls[callee];
            *(if edge.inlined { inlined } else { called }) = true;
        }
    }
    calls
        .into_iter()
        .map(|call| match call {
            (false, _) => Inlining::None,
            (true, true) => Inlining::Partial,
            (true, false) => Inlining::Full,
        })
        .collect()
}

pub(super) fn common_unit(
    stored: &str,
    values: impl Iterator<Item = (i64, i64)>,
    total: i64,
) -> Amounts {
    let smallest = values
        .map(|(flat, cum)| match flat.saturating_abs() {
            0 => cum.saturating_abs(),
            flat => flat,
        })
        .filter(|&value| value > 0)
        .min();
    Amounts::common(stored, smallest.unwrap_or(0), total)
}

/// Go's tools leave out those that begin with a hash.
pub(super) fn comments(profile: &Profile) -> Vec<String> {
    let told = profile.comments().filter(|text| !text.starts_with('#'));
    told.map(str::to_owned).collect()
}

pub(super) fn program(profile: &Profile) -> Option<String> {
    let file = profile.text(profile.message.mapping.first()?.filename);
    let name = file
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or(file);
    (!name.is_empty()).then(|| name.to_owned())
}

impl Top {
    /// An amount in the unit that all of them are shown in.
    pub(super) fn amount(&self, value: i64) -> String {
        self.amounts.format(value)
    }

    /// The lines above the table.
    pub(super) fn header(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = |value| self.amount(value);
        if let Some(program) = &self.program {
            writeln!(f, "File: {}", Printable(program))?;
        }
        for comment in &self.comments {
            writeln!(f, "{}", Printable(comment))?;
        }
        writeln!(f, "Type: {}", Printable(&self.sample_type.name))?;
        if !self.filters.is_empty() {
            writeln!(f, "Active filters:")?;
        }
        for filter in &self.filters {
            writeln!(f, "   {}", Printable(filter))?;
        }
        writeln!(
            f,
            "Showing nodes accounting for {}, {} of {} total",
            amount(self.accounted),
            percentage(self.accounted, self.total).trim_start(),
            amount(self.total)
        )?;
        if self.total != 0 && self.dropped > 0 {
            writeln!(
                f,
                "Dropped {} node{} (cum <= {})",
                self.dropped,
                if self.dropped > 1 { "s" } else { "" },
                amount(self.dropped_below)
            )?;
        }
        if self.total != 0 && !self.rows.is_empty() && self.rows.len() < self.functions {
            writeln!(
                f,
                "Showing top {} nodes out of {}",
                self.rows.len(),
                self.functions
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Top {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = |value| self.amount(value);
        self.header(f)?;
        writeln!(
            f,
            "{:>10} {:>5}% {:>5}% {:>10} {:>5}%",
            "flat", "flat", "sum", "cum", "cum"
        )?;
        let mut sum: i64 = 0;
        for row in &self.rows {
            sum = sum.saturating_add(row.flat);
            writeln!(
                f,
                "{:>10} {} {} {:>10} {}  {}{}",
                amount(row.flat),
                percentage(row.flat, self.total),
                percentage(sum, self.total),
                amount(row.cum),
                percentage(row.cum, self.total),
                Printable(&row.function),
                match row.inlining {
                    Inlining::None => "",
                    Inlining::Partial => " (partial-inline)",
                    Inlining::Full => " (inline)",
                }
            )?;
        }
        Ok(())
    }
}
