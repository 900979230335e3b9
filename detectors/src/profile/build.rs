//! Puts a profile together; equal strings, functions, locations and stacks become one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::protos;

/// What the comment begins with: Go's tools show comments, but for those that begin like this.
pub(super) const OTHER_PACKAGE: &str = "# not the program's own: ";

/// Mapping, address, and functions with lines.
type LocationKey = (u64, u64, Vec<(u64, i64)>);

#[derive(Default)]
pub(super) struct Builder {
    message: protos::Profile,
    strings: HashMap<String, i64>,
    functions: HashMap<[i64; 4], u64>,
    mappings: HashMap<[i64; 2], u64>,
    locations: HashMap<LocationKey, u64>,
    samples: HashMap<(Vec<u64>, Vec<[i64; 4]>), usize>,
}

impl Builder {
    pub(super) fn new() -> Self {
        let mut builder = Self::default();
        builder.string("");
        builder
    }

    pub(super) fn string(&mut self, text: &str) -> i64 {
        if let Some(&index) = self.strings.get(text) {
            return index;
        }
        let index = i64::try_from(self.strings.len())
            .expect("a table in memory has fewer than 2^63 strings");
        self.message.string_table.push(text.to_owned());
        self.strings.insert(text.to_owned(), index);
        index
    }

    /// A comment that names the folder of a package that isn't the program's own.
    pub(super) fn package(&mut self, root: &str) -> i64 {
        self.string(&format!("{OTHER_PACKAGE}{root}"))
    }

    pub(super) fn value_type(&mut self, ty: &str, unit: &str) -> protos::ValueType {
        protos::ValueType {
            ty: self.string(ty),
            unit: self.string(unit),
        }
    }

    /// `details` carries the mapping's range and flags; its names are interned here.
    pub(super) fn mapping(&mut self, file: &str, build_id: &str, details: &protos::Mapping) -> u64 {
        let key = [self.string(file), self.string(build_id)];
        let next = self.message.mapping.len() as u64 + 1;
        match self.mappings.entry(key) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                self.message.mapping.push(protos::Mapping {
                    id: next,
                    filename: key[0],
                    build_id: key[1],
                    ..*details
                });
                *entry.insert(next)
            }
        }
    }

    pub(super) fn function(
        &mut self,
        name: &str,
        system_name: &str,
        file: &str,
        start_line: i64,
    ) -> u64 {
        let key = [
            self.string(name),
            self.string(system_name),
            self.string(file),
            start_line,
        ];
        let next = self.message.function.len() as u64 + 1;
        match self.functions.entry(key) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                self.message.function.push(protos::Function {
                    id: next,
                    name: key[0],
                    system_name: key[1],
                    filename: key[2],
                    start_line,
                });
                *entry.insert(next)
            }
        }
    }

    /// `lines` are functions with line numbers, the innermost inlined call first.
    pub(super) fn location(&mut self, mapping: u64, address: u64, lines: Vec<(u64, i64)>) -> u64 {
        let next = self.message.location.len() as u64 + 1;
        match self.locations.entry((mapping, address, lines)) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let line = entry.key().2.iter();
                self.message.location.push(protos::Location {
                    id: next,
                    mapping_id: mapping,
                    address,
                    line: line
                        .map(|&(function_id, line)| protos::Line { function_id, line })
                        .collect(),
                    is_folded: false,
                });
                *entry.insert(next)
            }
        }
    }

    /// Adds to the sample with this stack and these labels, or makes it.
    pub(super) fn sample(&mut self, stack: Vec<u64>, labels: Vec<protos::Label>, values: &[i64]) {
        let key = labels
            .iter()
            .map(|l| [l.key, l.str, l.num, l.num_unit])
            .collect();
        match self.samples.entry((stack, key)) {
            Entry::Occupied(entry) => {
                let sum = &mut self.message.sample[*entry.get()].value;
                for (sum, value) in sum.iter_mut().zip(values) {
                    *sum = sum.saturating_add(*value);
                }
            }
            Entry::Vacant(entry) => {
                self.message.sample.push(protos::Sample {
                    location_id: entry.key().0.clone(),
                    value: values.to_vec(),
                    label: labels,
                });
                entry.insert(self.message.sample.len() - 1);
            }
        }
    }

    /// The message, with everything that isn't a table taken from `header`.
    pub(super) fn finish(self, header: protos::Profile) -> protos::Profile {
        protos::Profile {
            sample: self.message.sample,
            mapping: self.message.mapping,
            location: self.message.location,
            function: self.message.function,
            string_table: self.message.string_table,
            ..header
        }
    }
}
