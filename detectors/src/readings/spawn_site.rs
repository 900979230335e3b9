//! Where tasks and threads are spawned: a line of the code, and how the program came there.

mod by_location;

use crate::model::place::{self, Frame, Site};
use crate::profile::{Symbols, resolve_stacks};
pub(crate) use by_location::ByLocation;
use std::fmt;
use std::panic::Location;
use std::path::Path;

/// A line that spawns tasks or threads.
///
/// Its function's name and its callers come from the stack of the first that was spawned there: another one may have come
/// by another way. They are looked up in the program's debug information when [`resolve`](SpawnSite::resolve) asks for them.
#[derive(Clone, Copy)]
pub struct SpawnSite(&'static Known);

struct Known {
    location: &'static Location<'static>,
    /// Return addresses, the innermost first.
    stack: Box<[usize]>,
}

/// Every line that has spawned what was counted.
static KNOWN: ByLocation<Known> = ByLocation::new();

impl SpawnSite {
    pub(crate) fn at(location: &'static Location<'static>) -> Self {
        SpawnSite(KNOWN.get(location, |location| Known {
            location,
            stack: crate::allocator::stack_here(),
        }))
    }

    /// A site that somebody tells of: nobody was there when it spawned. Its line is known, and what led there isn't.
    #[cfg(finds_stuck_tasks)]
    pub(crate) fn told(location: &'static Location<'static>) -> Self {
        SpawnSite(KNOWN.get(location, |location| Known {
            location,
            stack: Box::default(),
        }))
    }

    /// The source file, as the compiler was given it.
    pub fn file(&self) -> &'static str {
        self.0.location.file()
    }

    /// The line in that file.
    pub fn line(&self) -> u32 {
        self.0.location.line()
    }

    /// The column in that line: it tells two spawns of one line apart.
    pub fn column(&self) -> u32 {
        self.0.location.column()
    }

    /// The site with its function's name and its callers, as findings show it. Reads debug information: some milliseconds.
    pub fn resolve(&self) -> Site {
        place::site(stacks(&[*self]).pop().unwrap_or_default())
    }
}

/// As [`SpawnSite::resolve`], for many at once: the debug information is read once.
pub(crate) fn resolve(spawn_sites: &[SpawnSite]) -> Vec<Site> {
    stacks(spawn_sites).into_iter().map(place::site).collect()
}

/// The stacks of sites, the spawning line first.
pub(crate) fn stacks(spawn_sites: &[SpawnSite]) -> Vec<Vec<Frame>> {
    let addresses: Vec<&[usize]> = spawn_sites.iter().map(|site| &*site.0.stack).collect();
    resolve_stacks(&addresses, Symbols::ThisProcess)
        .into_iter()
        .zip(spawn_sites)
        .map(|(stack, site)| from_line(stack, *site))
        .collect()
}

/// The stack from the spawning line outwards: what lies further in is the instrument's and the runtime's.
fn from_line(stack: Vec<Frame>, site: SpawnSite) -> Vec<Frame> {
    let file = place::without_detours(site.file());
    let in_file = |frame: &Frame| Path::new(&frame.file).ends_with(&file);
    let at_line = |frame: &Frame| frame.line == site.line() && in_file(frame);
    let found = stack.iter().position(at_line);
    let found = found.or_else(|| stack.iter().position(in_file));
    let mut stack = stack;
    match found {
        Some(position) => {
            stack.drain(..position);
            stack[0].line = site.line();
        }
        // Without debug information the compiler's word is all there is.
        None => stack.insert(
            0,
            Frame {
                function: "an unknown function".to_owned(),
                file,
                line: site.line(),
            },
        ),
    }
    stack
}

/// Whether it is the same place, whatever address the compiler gave it.
impl PartialEq for SpawnSite {
    fn eq(&self, other: &Self) -> bool {
        self.0.location == other.0.location
    }
}

impl Eq for SpawnSite {}

impl PartialOrd for SpawnSite {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// By file, line and column.
impl Ord for SpawnSite {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.location.cmp(other.0.location)
    }
}

/// `file:line`.
impl fmt::Display for SpawnSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file(), self.line())
    }
}

impl fmt::Debug for SpawnSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpawnSite({})", self.0.location)
    }
}

#[cfg(test)]
mod tests {
    use super::SpawnSite;
    use std::panic::Location;

    /// Two lines, each seen twice.
    #[track_caller]
    fn here() -> SpawnSite {
        SpawnSite::at(Location::caller())
    }

    #[test]
    fn a_site_is_its_line_with_its_function() {
        let [first, second] = [here(), here()];
        assert_ne!(first, second, "two columns of one line");
        assert_eq!(first.line(), second.line());
        let site = first.resolve();
        assert!(
            site.frame
                .function
                .ends_with("a_site_is_its_line_with_its_function")
                && site.frame.file.ends_with("src/readings/spawn_site.rs")
                && site.frame.line == first.line(),
            "{site}"
        );
    }
}
