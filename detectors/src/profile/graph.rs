//! Flat and cum per function or per line, counted as Go's pprof counts them.

use std::collections::HashMap;

use super::Profile;

/// What counts as one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grain {
    Functions,
    Lines,
}

/// What tells one node from another. Fields that the grain ignores are empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct NodeKey<'a> {
    pub(super) name: &'a str,
    pub(super) file: &'a str,
    pub(super) line: i64,
    pub(super) start_line: i64,
    pub(super) object: &'a str,
}

#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    pub(super) key: NodeKey<'a>,
    pub(super) flat: i64,
    pub(super) cum: i64,
}

/// A call from one node to another, summed over all samples.
#[derive(Debug, Clone)]
pub(super) struct Edge {
    pub(super) weight: i64,
    /// Whether the callee was inlined in every one of the calls.
    pub(super) inlined: bool,
    /// Whether one of the calls passed over nodes that aren't kept.
    pub(super) residual: bool,
    /// The last sample that was added: a sample counts once, however often it makes the call.
    last_sample: usize,
}

pub(super) struct Graph<'a> {
    profile: &'a Profile,
    index: usize,
    pub(super) nodes: Vec<Node<'a>>,
    /// Which nodes each location's lines are, all in one list, with each location's range in it.
    lines: Vec<usize>,
    ranges: Vec<(usize, usize)>,
}

impl<'a> Graph<'a> {
    pub(super) fn new(profile: &'a Profile, index: usize, grain: Grain) -> Self {
        let mut graph = Self {
            profile,
            index,
            nodes: Vec::new(),
            lines: Vec::new(),
            ranges: Vec::with_capacity(profile.message.location.len()),
        };
        graph.add_nodes(grain);
        graph.add_values();
        graph
    }

    fn add_nodes(&mut self, grain: Grain) {
        let profile = self.profile;
        let mut positions = HashMap::new();
        for location in &profile.message.location {
            let object = match location.mapping_id {
                0 => "",
                id => profile.text(Profile::by_id(&profile.message.mapping, id).filename),
            };
            let start = self.lines.len();
            let unknown = NodeKey {
                name: "",
                file: "",
                line: 0,
                start_line: 0,
                object,
            };
            let mut add = |key: NodeKey<'a>| {
                let nodes = &mut self.nodes;
                let position = *positions.entry(key).or_insert_with(|| {
                    nodes.push(Node {
                        key,
                        flat: 0,
                        cum: 0,
                    });
                    nodes.len() - 1
                });
                self.lines.push(position);
            };
            for line in &location.line {
                let function = profile.function(line.function_id);
                let name = profile.text(function.name);
                add(match grain {
                    Grain::Functions if name.is_empty() => unknown,
                    Grain::Functions => NodeKey {
                        name,
                        object: "",
                        ..unknown
                    },
                    Grain::Lines => NodeKey {
                        name,
                        file: profile.text(function.filename),
                        line: line.line,
                        start_line: function.start_line,
                        object,
                    },
                });
            }
            if location.line.is_empty() {
                add(unknown);
            }
            self.ranges.push((start, self.lines.len()));
        }
    }

    /// The nodes of a location, the innermost inlined call first.
    fn at(&self, location_id: u64) -> &[usize] {
        let (start, end) = *Profile::by_id(&self.ranges, location_id);
        &self.lines[start..end]
    }

    fn add_values(&mut self) {
        let mut seen = vec![usize::MAX; self.nodes.len()];
        for (number, sample) in self.profile.message.sample.iter().enumerate() {
            let value = sample.value[self.index];
            if value == 0 {
                continue;
            }
            for &id in &sample.location_id {
                let (start, end) = *Profile::by_id(&self.ranges, id);
                for &position in &self.lines[start..end] {
                    if seen[position] != number {
                        seen[position] = number;
                        let node = &mut self.nodes[position];
                        node.cum = node.cum.saturating_add(value);
                    }
                }
            }
            let leaf = sample
                .location_id
                .first()
                .and_then(|&id| self.at(id).first().copied());
            if let Some(leaf) = leaf {
                let node = &mut self.nodes[leaf];
                node.flat = node.flat.saturating_add(value);
            }
        }
    }

    /// The calls between kept nodes, as (caller, callee). A call that passes over nodes that aren't
    /// kept joins the kept ones on its two sides.
    pub(super) fn edges(&self, kept: &[bool]) -> HashMap<(usize, usize), Edge> {
        let mut edges: HashMap<(usize, usize), Edge> = HashMap::new();
        for (number, sample) in self.profile.message.sample.iter().enumerate() {
            let value = sample.value[self.index];
            if value == 0 {
                continue;
            }
            let mut caller = None;
            let mut residual = false;
            for &id in sample.location_id.iter().rev() {
                let lines = self.at(id);
                for (place, &callee) in lines.iter().enumerate().rev() {
                    if !kept[callee] {
                        residual = true;
                        continue;
                    }
                    if let Some(caller) = caller
                        && caller != callee
                    {
                        let inlined = place + 1 < lines.len();
                        let edge = edges.entry((caller, callee)).or_insert(Edge {
                            weight: 0,
                            inlined: true,
                            residual: false,
                            last_sample: usize::MAX,
                        });
                        if edge.last_sample != number {
                            edge.last_sample = number;
                            edge.weight = edge.weight.saturating_add(value);
                            edge.inlined &= inlined;
                            edge.residual |= residual;
                        }
                    }
                    caller = Some(callee);
                    residual = false;
                }
            }
        }
        edges
    }
}

impl NodeKey<'_> {
    /// The name as a table shows it: the function's, else the object file's in brackets.
    pub(super) fn printable(&self) -> String {
        if !self.name.is_empty() {
            self.name.to_owned()
        } else if self.object.is_empty() {
            "<unknown>".to_owned()
        } else {
            let file = self.object.trim_end_matches('/');
            format!("[{}]", file.rsplit('/').next().unwrap_or(file))
        }
    }
}
