//! The names that Go's text tells below each stack, in lines of comment.
//!
//! Go leaves out two kinds of frames there: the runtime's own at the leaf, and `runtime.goexit` at the root.

use super::text::hexadecimal;

/// What stands for a frame at the leaf that the text doesn't name.
const HIDDEN: &str = "runtime.(hidden)";
const ROOT: &str = "runtime.goexit";

/// One call, as a comment tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    address: u64,
    pub(super) function: &'a str,
    pub(super) file: &'a str,
    pub(super) line: i64,
}

/// The calls below one stack, in the text's order: the leaf first, and an inlined call before the one that it is in.
#[derive(Debug, Default)]
pub(super) struct Told<'a>(Vec<Frame<'a>>);

impl<'a> Told<'a> {
    /// Takes a line of comment, such as one that has `0x4b911c`, `main.keep+0x5c` and `/shop/main.go:26` between tabs. Whether it was
    /// one that names a call.
    pub(super) fn take(&mut self, line: &'a str) -> bool {
        let frame = frame(line);
        self.0.extend(frame);
        frame.is_some()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The calls at each of a stack's locations, which come as ids with addresses.
    pub(super) fn frames(&self, stack: &[(u64, u64)]) -> Vec<(u64, Vec<Frame<'a>>)> {
        let mut named = Vec::new();
        let mut rest = &self.0[..];
        let mut is_leaf = true;
        let mut at = 0;
        while let Some(&(id, address)) = stack.get(at) {
            // A function that calls itself has one address several times, and as many comments.
            let times = stack[at..].iter().take_while(|other| other.0 == id).count();
            // The text has an address inside of the call, and so has the stack but for its leaf.
            let is_here = |frame: &&Frame<'_>| {
                frame.address == address || frame.address.checked_add(1) == Some(address)
            };
            let here = rest.iter().take_while(is_here).count();
            let frames = match here {
                0 if rest.is_empty() => vec![Frame::of(ROOT)],
                0 if is_leaf => vec![Frame::of(HIDDEN)],
                0 => Vec::new(),
                here => rest[..here.div_ceil(times)].to_vec(),
            };
            is_leaf &= here == 0;
            named.push((id, frames));
            rest = &rest[here..];
            at += times;
        }
        named
    }
}

impl Frame<'static> {
    fn of(function: &'static str) -> Self {
        Self {
            address: 0,
            function,
            file: "",
            line: 0,
        }
    }
}

fn frame(line: &str) -> Option<Frame<'_>> {
    let mut cells = line
        .strip_prefix('#')?
        .split('\t')
        .map(str::trim)
        .filter(|cell| !cell.is_empty());
    let address = hexadecimal(cells.next()?.strip_prefix("0x")?)?;
    let (function, _) = cells.next()?.rsplit_once('+')?;
    let (file, line) = cells.next()?.rsplit_once(':')?;
    Some(Frame {
        address,
        function,
        file,
        line: line.parse().ok()?,
    })
}
