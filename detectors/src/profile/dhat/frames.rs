use std::collections::HashMap;
use std::rc::Rc;

use super::super::assemble::Call;
use super::super::symbols::resolve_here;
use super::super::trim::Role;
use super::super::{SourceFrame, Symbols};
use crate::model::sources;

/// dhat's table of frames, parsed once, and what is known about each address.
pub(super) struct Calls<'a> {
    table: Vec<Option<(u64, SourceFrame)>>,
    symbols: Symbols<'a>,
    known: HashMap<Vec<usize>, (Rc<[SourceFrame]>, Role)>,
}

impl<'a> Calls<'a> {
    pub(super) fn new(table: &[String], symbols: Symbols<'a>) -> Self {
        Self {
            table: table.iter().map(|text| parse(text)).collect(),
            symbols,
            known: HashMap::new(),
        }
    }

    /// The stack of these frames, leaf first, or the first position that the table doesn't have.
    pub(super) fn stack(&mut self, positions: &[usize]) -> Result<Vec<Call>, usize> {
        if let Some(&missing) = positions.iter().find(|&&at| at >= self.table.len()) {
            return Err(missing);
        }
        let mut stack = Vec::new();
        let mut rest = positions;
        while let Some((&first, tail)) = rest.split_first() {
            let Some((return_address, _)) = self.table[first] else {
                rest = tail;
                continue;
            };
            let same = rest
                .iter()
                .enumerate()
                .take_while(|&(place, at)| {
                    // A frame that comes again at its own address is a recursion, not an inlined call.
                    let fresh = !rest[..place].contains(at);
                    let at_address = self.table[*at]
                        .as_ref()
                        .is_some_and(|(ip, _)| *ip == return_address);
                    fresh && at_address
                })
                .count();
            let (here, next) = rest.split_at(same);
            rest = next;
            let (frames, role) = self.frames(return_address, here);
            stack.push(Call {
                frames,
                role,
                // The address after the call may be another line's; one less is inside the call.
                address: return_address.saturating_sub(1),
            });
        }
        Ok(stack)
    }

    fn frames(&mut self, return_address: u64, positions: &[usize]) -> (Rc<[SourceFrame]>, Role) {
        if let Some(known) = self.known.get(positions) {
            return known.clone();
        }
        let recorded: Vec<SourceFrame> = positions
            .iter()
            .filter_map(|&at| self.table[at].as_ref())
            .map(|(_, frame)| frame.clone())
            .collect();
        let resolved = match self.symbols {
            Symbols::Recorded => Vec::new(),
            Symbols::With(resolve) => resolve(return_address),
            Symbols::ThisProcess => {
                let mut frames = resolve_here(return_address);
                let agrees = |frame: &SourceFrame| {
                    recorded
                        .iter()
                        .any(|other| is_same(&other.function, &frame.function))
                };
                if !frames.iter().any(agrees) {
                    frames.clear();
                }
                frames
            }
        };
        let frames: Rc<[SourceFrame]> = if resolved.is_empty() {
            recorded
        } else {
            resolved
        }
        .into();
        let role = Role::of(&frames);
        self.known
            .insert(positions.to_vec(), (Rc::clone(&frames), role));
        (frames, role)
    }
}

/// Whether dhat's name and ours are of one function: where debug information has a bare name, dhat writes that.
fn is_same(recorded: &str, ours: &str) -> bool {
    recorded == ours
        || sources::is_bare(recorded) && {
            let bare = sources::without_types(recorded);
            let ours = match ours.find('<') {
                None | Some(0) => ours,
                Some(types) => &ours[..types],
            };
            let last = ours.rsplit("::").next().unwrap_or(ours);
            last == bare || bare.starts_with("{closure") && last == "{{closure}}"
        }
}

/// Parses `0x1234: function (path:line:column)`; dhat writes `???` and 0 for what it doesn't know.
fn parse(text: &str) -> Option<(u64, SourceFrame)> {
    let (address, rest) = text.strip_prefix("0x")?.split_once(": ")?;
    let address = u64::from_str_radix(address, 16).ok()?;
    let (function, place) = match rest.rsplit_once(" (") {
        Some((function, place)) => (function, place.strip_suffix(')').unwrap_or(place)),
        None => (rest, ""),
    };
    let mut parts = place.rsplitn(3, ':');
    let _column = parts.next();
    let line = parts.next().and_then(|line| line.parse().ok()).unwrap_or(0);
    let file = parts
        .next()
        .filter(|file| *file != "???")
        .unwrap_or_default();
    Some((
        address,
        SourceFrame {
            function: function.to_owned(),
            file: file.to_owned(),
            line,
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(function: &str, file: &str, line: u32) -> SourceFrame {
        SourceFrame {
            function: function.to_owned(),
            file: file.to_owned(),
            line,
        }
    }

    #[test]
    fn frames_are_read_whatever_their_names_hold() {
        for (text, expected) in [
            ("[root]", None),
            (
                "0x1f: a::b (src/a.rs:7:5)",
                Some((0x1f, frame("a::b", "src/a.rs", 7))),
            ),
            (
                "0x1: <fn(u8) as core::ops::Fn<(u8,)>>::call (C:\\a b\\c.rs:1:2)",
                Some((
                    1,
                    frame("<fn(u8) as core::ops::Fn<(u8,)>>::call", "C:\\a b\\c.rs", 1),
                )),
            ),
            ("0x2: ??? (???:0:0)", Some((2, frame("???", "", 0)))),
            ("0x3: main", Some((3, frame("main", "", 0)))),
            ("0xzz: main (a:1:1)", None),
            ("0x10000000000000000: main (a:1:1)", None),
            ("", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn inlined_calls_share_a_location_and_recursion_does_not() {
        let table = [
            "0x9: inner (a.rs:1:1)",
            "0x9: outer (a.rs:2:1)",
            "0x5: main (a.rs:3:1)",
        ]
        .map(str::to_owned);
        let mut calls = Calls::new(&table, Symbols::Recorded);
        let stack = calls
            .stack(&[0, 1, 0, 1, 2])
            .expect("all frames are in the table");
        let names: Vec<Vec<&str>> = stack
            .iter()
            .map(|call| {
                call.frames
                    .iter()
                    .map(|frame| frame.function.as_str())
                    .collect()
            })
            .collect();
        assert_eq!(
            names,
            [vec!["inner", "outer"], vec!["inner", "outer"], vec!["main"]]
        );
        assert_eq!(calls.stack(&[0, 7]), Err(7));
    }

    #[test]
    fn addresses_of_another_process_keep_what_dhat_wrote() {
        let here = resolve_here as *const () as usize + 1;
        let table = [format!(
            "{here:#x}: someone::elses (three/last/parts.rs:7:1)"
        )];
        let stack = Calls::new(&table, Symbols::ThisProcess)
            .stack(&[0])
            .expect("the frame is in the table");
        assert_eq!(
            stack[0].frames[..],
            [frame("someone::elses", "three/last/parts.rs", 7)]
        );
    }
}
