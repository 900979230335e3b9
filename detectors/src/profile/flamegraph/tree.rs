use std::collections::BTreeMap;

use crate::profile::Profile;
use crate::profile::stack::{frames, merged_samples};

/// Bounds the memory that a hostile profile could ask for; no drawing has room for as many.
const NODES_MAX: usize = 4_000_000;

/// All stacks laid over one another from the root.
pub(super) struct Tree<'a> {
    nodes: Vec<Node<'a>>,
    /// What was left out because it is below zero, as a positive amount.
    pub(super) shrunk: i64,
    /// Whether frames were left out since there were too many.
    pub(super) too_deep: bool,
}

pub(super) struct Node<'a> {
    pub(super) name: &'a str,
    /// What it and what it called allocated.
    pub(super) value: i64,
    /// By name, so that the same program is drawn the same way every time.
    pub(super) children: BTreeMap<&'a str, usize>,
}

impl<'a> Node<'a> {
    fn new(name: &'a str) -> Self {
        Self {
            name,
            value: 0,
            children: BTreeMap::new(),
        }
    }
}

impl<'a> Tree<'a> {
    pub(super) fn new(profile: &'a Profile, index: usize, depth_max: usize) -> Self {
        let mut tree = Self {
            nodes: vec![Node::new("all")],
            shrunk: 0,
            too_deep: false,
        };
        for sample in merged_samples(profile) {
            let value = sample.value[index];
            if value < 0 {
                tree.shrunk = tree.shrunk.saturating_add(value.saturating_abs());
            }
            if value <= 0 {
                continue;
            }
            let mut at = 0;
            tree.add(at, value);
            let stack = frames(profile, sample.location_id);
            tree.too_deep |= stack.len() > depth_max;
            for frame in stack.iter().rev().take(depth_max) {
                let Some(child) = tree.child(at, frame.function) else {
                    tree.too_deep = true;
                    break;
                };
                at = child;
                tree.add(at, value);
            }
        }
        tree
    }

    pub(super) fn root(&self) -> &Node<'a> {
        &self.nodes[0]
    }

    pub(super) fn node(&self, at: usize) -> &Node<'a> {
        &self.nodes[at]
    }

    fn add(&mut self, at: usize, value: i64) {
        let sum = &mut self.nodes[at].value;
        *sum = sum.saturating_add(value);
    }

    fn child(&mut self, parent: usize, name: &'a str) -> Option<usize> {
        let next = self.nodes.len();
        if next == NODES_MAX {
            return self.nodes[parent].children.get(name).copied();
        }
        let child = *self.nodes[parent].children.entry(name).or_insert(next);
        if child == next {
            self.nodes.push(Node::new(name));
        }
        Some(child)
    }
}
