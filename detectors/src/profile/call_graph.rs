//! The call graph as a drawing in graphviz's language.
//!
//! Which functions and calls are drawn is decided as Go's pprof decides it, so that a reader of either meets the same graph. The
//! boxes for sizes and labels that Go hangs on functions are left out: they crowd a heap's graph, and `top` has no such rows either.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::fmt::{self, Write};

use super::graph::{Edge, Grain, Graph, Node};
use super::top::{EDGE_FRACTION, NODE_FRACTION, comments, common_unit, program, share};
use super::units::{Amounts, percentage};
use super::{Printable, Profile, ProfileError};

/// More boxes than these make no picture that can be read.
const NODES_MAX: usize = 80;

/// Names are wrapped to lines of about so many characters.
const LINE_CHARACTERS: usize = 26;

/// Points: the size of a function that allocates nothing itself, and what the largest has more.
const FONT_SIZE: f64 = 9.0;
const FONT_GROWTH: f64 = 15.0;

/// Red, green and blue: the fill and the line of a share of nothing, of all, and of all that went.
const NONE: [[f64; 3]; 2] = [[245.0, 245.0, 245.0], [150.0, 150.0, 150.0]];
const MORE: [[f64; 3]; 2] = [[250.0, 208.0, 196.0], [176.0, 32.0, 16.0]];
const LESS: [[f64; 3]; 2] = [[204.0, 234.0, 208.0], [24.0, 120.0, 48.0]];

/// A call: caller, callee and what is known of it.
type Call = (usize, usize, Edge);

pub(super) fn draw(profile: &Profile, index: usize) -> Result<String, ProfileError> {
    let sample_type = profile.sample_types().swap_remove(index);
    let graph = Graph::new(profile, index, Grain::Functions);
    let nodes = &graph.nodes;
    let net = nodes
        .iter()
        .fold(0_i64, |sum, node| sum.saturating_add(node.flat));
    let total = profile.reference_total(index);

    let cutoff = share(net, NODE_FRACTION);
    let is_large = |node: &Node<'_>| node.cum.saturating_abs() >= cutoff;
    let is_any = |node: &Node<'_>| node.cum != 0 || node.flat != 0;
    let mut kept: Vec<bool> = nodes
        .iter()
        .map(|node| is_any(node) && is_large(node))
        .collect();
    let large = kept.iter().filter(|kept| **kept).count();
    if large == 0 {
        return Err(ProfileError::NothingToDraw {
            input: profile.name.clone(),
            sample_type: sample_type.name,
        });
    }
    let mut calls = calls(&graph, &kept);
    let mut shown = by_interest(nodes, &kept, &calls);
    if shown.len() > NODES_MAX {
        for at in shown.drain(NODES_MAX..) {
            kept[at] = false;
        }
        calls = self::calls(&graph, &kept);
        shown = by_interest(nodes, &kept, &calls);
    }
    let edges_from = share(net, EDGE_FRACTION);
    calls.retain(|(_, _, edge)| edge.weight.saturating_abs() >= edges_from);
    without_detours(nodes, &shown, &mut calls);

    let values = shown.iter().map(|&at| (nodes[at].flat, nodes[at].cum));
    let accounted = values
        .clone()
        .fold(0_i64, |sum, (flat, _)| sum.saturating_add(flat));
    let amounts = common_unit(&sample_type.unit, values, total);
    let mut legend: Vec<String> = Vec::new();
    legend.extend(program(profile).map(|program| format!("File: {program}")));
    legend.extend(comments(profile));
    legend.push(format!("Type: {}", sample_type.name));
    legend.extend(
        profile
            .narrowed
            .filters
            .iter()
            .map(|filter| format!("   {filter}")),
    );
    legend.push(format!(
        "Showing {} of {}, {}",
        amounts.format(accounted),
        amounts.format(total),
        percentage(accounted, total).trim_start()
    ));
    if shown.len() < nodes.len() {
        legend.push(format!("{} of {} functions", shown.len(), nodes.len()));
    }
    let drawing = Drawing {
        title: program(profile).unwrap_or_else(|| "call graph".to_owned()),
        legend,
        nodes,
        shown,
        calls,
        amounts,
        total,
    };
    Ok(drawing.to_string())
}

/// The calls between kept functions, the largest first.
fn calls(graph: &Graph<'_>, kept: &[bool]) -> Vec<Call> {
    let edges = graph.edges(kept).into_iter();
    let mut calls: Vec<Call> = edges
        .map(|((caller, callee), edge)| (caller, callee, edge))
        .collect();
    calls.sort_by_cached_key(|(caller, callee, edge)| {
        let names = [caller, callee].map(|at| graph.nodes[*at].key);
        (Reverse(edge.weight.unsigned_abs()), names)
    });
    calls
}

/// The kept functions, the most interesting first: large ones that many paths meet in. One that only passes on tells little.
fn by_interest(nodes: &[Node<'_>], kept: &[bool], calls: &[Call]) -> Vec<usize> {
    let mut into: HashMap<usize, Vec<i64>> = HashMap::new();
    let mut out_of: HashMap<usize, Vec<i64>> = HashMap::new();
    for (caller, callee, edge) in calls {
        into.entry(*callee).or_default().push(edge.weight);
        out_of.entry(*caller).or_default().push(edge.weight);
    }
    let mut shown: Vec<usize> = (0..nodes.len()).filter(|&at| kept[at]).collect();
    shown.sort_by_cached_key(|&at| {
        let node = &nodes[at];
        let spread = |weights: Option<&Vec<i64>>, own| weights.map_or(1.0, |w| entropy(w, own));
        let spread = spread(into.get(&at), 0) + spread(out_of.get(&at), node.flat);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it orders, and a value that is too large becomes the largest"
        )]
        let score = ((spread * node.cum as f64) as i64).saturating_add(node.flat);
        let name = node.key.printable();
        (
            Reverse(score.unsigned_abs()),
            name,
            Reverse(node.flat.unsigned_abs()),
            node.key,
        )
    });
    shown
}

/// How evenly a function's amount is spread over these calls and itself, in bits.
fn entropy(weights: &[i64], own: i64) -> f64 {
    let above_zero = weights.iter().filter(|weight| **weight > 0);
    let total = above_zero.fold(own, |sum, weight| sum.saturating_add(*weight));
    if total == 0 {
        return 0.0;
    }
    let own = Some(own).filter(|own| *own > 0);
    let parts = weights.iter().copied().chain(own).filter(|part| *part != 0);
    parts
        .map(|part| part.unsigned_abs() as f64 / total.unsigned_abs() as f64)
        .map(|part| -part * part.log2())
        .sum()
}

/// Takes out the calls that pass over functions that aren't shown, where another way leads to the same function.
fn without_detours(nodes: &[Node<'_>], shown: &[usize], calls: &mut Vec<Call>) {
    for &callee in shown.iter().rev() {
        let mut into: Vec<usize> = (0..calls.len())
            .filter(|&at| calls[at].1 == callee)
            .collect();
        // The smallest first. One that is larger than a direct call stays.
        into.sort_by_key(|&at| {
            let (caller, _, edge) = &calls[at];
            (edge.weight.unsigned_abs(), Reverse(nodes[*caller].key))
        });
        let residual = into.into_iter().take_while(|&at| calls[at].2.residual);
        let mut gone = HashSet::new();
        for at in residual {
            let others = calls
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != at && !gone.contains(other));
            let others: Vec<_> = others.map(|(_, call)| (call.0, call.1)).collect();
            if leads(&others, calls[at].0, callee) {
                gone.insert(at);
            }
        }
        let mut at = 0;
        calls.retain(|_| {
            at += 1;
            !gone.contains(&(at - 1))
        });
    }
}

/// Whether these calls lead from one function to another.
fn leads(calls: &[(usize, usize)], from: usize, to: usize) -> bool {
    let mut seen = HashSet::from([to]);
    let mut pending = vec![to];
    while let Some(at) = pending.pop() {
        for (caller, _) in calls.iter().filter(|(_, callee)| *callee == at) {
            if *caller == from {
                return true;
            }
            if seen.insert(*caller) {
                pending.push(*caller);
            }
        }
    }
    false
}

struct Drawing<'a> {
    title: String,
    legend: Vec<String>,
    nodes: &'a [Node<'a>],
    shown: Vec<usize>,
    calls: Vec<Call>,
    amounts: Amounts,
    total: i64,
}

impl fmt::Display for Drawing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "digraph \"{}\" {{", Dot(&self.title))?;
        writeln!(
            f,
            "graph [fontname=\"Helvetica,Arial,sans-serif\" ranksep=0.4 nodesep=0.3]\n\
             node [shape=box style=\"filled,rounded\" fontname=\"Helvetica,Arial,sans-serif\" margin=\"0.12,0.06\"]\n\
             edge [fontname=\"Helvetica,Arial,sans-serif\" fontsize=9 arrowsize=0.7]"
        )?;
        write!(f, "legend [shape=plaintext style=\"\" fontsize=12 label=\"")?;
        for line in &self.legend {
            write!(f, "{}\\l", Dot(line))?;
        }
        writeln!(f, "\"]")?;
        let flats = self
            .shown
            .iter()
            .map(|&at| self.nodes[at].flat.unsigned_abs());
        let largest = flats.max().unwrap_or(0);
        for (number, &at) in self.shown.iter().enumerate() {
            self.node(f, number, &self.nodes[at], largest)?;
        }
        let numbers = self
            .shown
            .iter()
            .enumerate()
            .map(|(number, &at)| (at, number));
        let numbers: HashMap<usize, usize> = numbers.collect();
        for (caller, callee, edge) in &self.calls {
            if let (Some(from), Some(to)) = (numbers.get(caller), numbers.get(callee)) {
                let names = [caller, callee].map(|at| self.nodes[*at].key.printable());
                self.call(f, (*from, *to), &names, edge)?;
            }
        }
        writeln!(f, "}}")
    }
}

impl Drawing<'_> {
    fn node(
        &self,
        f: &mut fmt::Formatter<'_>,
        number: usize,
        node: &Node<'_>,
        largest: u64,
    ) -> fmt::Result {
        let name = node.key.printable();
        let mut label = String::new();
        for line in wrapped(&name) {
            write!(label, "{}\\n", Dot(&line))?;
        }
        let amount = |value| {
            let share = percentage(value, self.total);
            format!("{} ({})", self.amounts.format(value), share.trim_start())
        };
        let (flat, cum) = (amount(node.flat), amount(node.cum));
        match (node.flat, node.cum) {
            (0, _) => write!(label, "0 of {cum}")?,
            (own, all) if own == all => write!(label, "{flat}")?,
            _ => write!(label, "{flat}\\nof {cum}")?,
        }
        let grown = node.flat.unsigned_abs() as f64 / largest.max(1) as f64;
        let [fill, line] = colors(node.cum, self.total);
        writeln!(
            f,
            "n{number} [label=\"{label}\" tooltip=\"{} ({})\" fontsize={:.0} color=\"{line}\" fillcolor=\"{fill}\"]",
            Dot(&name),
            self.amounts.format(node.cum),
            FONT_SIZE + FONT_GROWTH * grown.sqrt(),
        )
    }

    fn call(
        &self,
        f: &mut fmt::Formatter<'_>,
        (from, to): (usize, usize),
        names: &[String; 2],
        edge: &Edge,
    ) -> fmt::Result {
        let amount = self.amounts.format(edge.weight);
        let share = edge.weight.unsigned_abs() as f64 / self.total.unsigned_abs().max(1) as f64;
        let share = share.min(1.0);
        let [_, line] = colors(edge.weight, self.total);
        let inlined = if edge.inlined { "  (inline)\\l" } else { "" };
        let (arrow, style) = if edge.residual {
            ("...", " style=dashed")
        } else {
            ("->", "")
        };
        let [by, of] = names;
        let tooltip = format!("{} {arrow} {} ({amount})", Dot(by), Dot(of));
        writeln!(
            f,
            "n{from} -> n{to} [label=\"  {amount}\\l{inlined}\" tooltip=\"{tooltip}\" labeltooltip=\"{tooltip}\" weight={:.0} penwidth={:.1} color=\"{line}\"{style}]",
            1.0 + 99.0 * share,
            1.0 + 4.0 * share,
        )
    }
}

/// The fill and the line of a share. Small shares differ more than large ones.
fn colors(value: i64, total: i64) -> [String; 2] {
    let share = value.unsigned_abs() as f64 / total.unsigned_abs().max(1) as f64;
    let strength = share.min(1.0).powf(0.4);
    let full = if value < 0 { LESS } else { MORE };
    [0, 1].map(|which| {
        let mut color = "#".to_owned();
        for (none, full) in NONE[which].iter().zip(full[which]) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between two bytes lies a byte"
            )]
            let byte = (none + (full - none) * strength) as u8;
            let _ = write!(color, "{byte:02x}");
        }
        color
    })
}

/// A name in lines, broken behind the marks that part it.
fn wrapped(name: &str) -> Vec<String> {
    let short = super::flamegraph::without_arguments(name);
    let name = if short.is_empty() { name } else { &short };
    let mut lines = vec![String::new()];
    for part in name.split_inclusive(['/', '.', ':']) {
        let line = lines.last_mut().expect("there is one from the start");
        // The second of two colons stays with the first.
        let fits = line.is_empty()
            || part == ":"
            || line.chars().count() + part.chars().count() <= LINE_CHARACTERS;
        if fits {
            line.push_str(part);
        } else {
            lines.push(part.to_owned());
        }
    }
    lines
}

/// Text between quotation marks.
struct Dot<'a>(&'a str);

impl fmt::Display for Dot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in Printable(self.0).to_string().chars() {
            if matches!(character, '"' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(character)?;
        }
        Ok(())
    }
}
