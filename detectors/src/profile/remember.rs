//! Names that one look asks for several times: looked up once, and kept until the look ends.

use super::SourceFrame;
use super::symbols::resolve_all;
use std::cell::RefCell;
use std::collections::HashMap;

thread_local! {
    static KNOWN: RefCell<Option<HashMap<usize, Vec<SourceFrame>>>> = const { RefCell::new(None) };
}

/// While this lives, what this thread looks up of the program's code is kept: a watch asks for the same stacks to tell its sites, who
/// holds their blocks, and the profile. A service's port keeps nothing, so as to need little memory.
#[must_use = "names are forgotten with it"]
pub(crate) struct RememberNames {
    is_outermost: bool,
}

impl RememberNames {
    pub(crate) fn new() -> Self {
        let is_outermost = KNOWN.with_borrow_mut(|known| {
            let is_outermost = known.is_none();
            known.get_or_insert_default();
            is_outermost
        });
        RememberNames { is_outermost }
    }
}

impl Drop for RememberNames {
    fn drop(&mut self) {
        if self.is_outermost {
            drop(KNOWN.take());
        }
    }
}

/// The frames at return addresses of this process, as [`resolve_all`] finds them.
pub(super) fn frames_at(return_addresses: &[usize]) -> HashMap<usize, Vec<SourceFrame>> {
    KNOWN.with_borrow_mut(|known| {
        let Some(known) = known else {
            return resolve_all(return_addresses);
        };
        let is_new = |address: &&usize| !known.contains_key(*address);
        let new: Vec<usize> = return_addresses.iter().filter(is_new).copied().collect();
        if !new.is_empty() {
            known.extend(resolve_all(&new));
        }
        let wanted = return_addresses.iter();
        wanted
            .filter_map(|address| Some((*address, known.get(address)?.clone())))
            .collect()
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::{HashMap, KNOWN, RememberNames, frames_at};

    fn some_call() -> usize {
        let mut address = 0;
        backtrace::trace(|frame| {
            address = frame.ip() as usize;
            address == 0
        });
        address
    }

    fn are_kept() -> usize {
        KNOWN.with_borrow(|known| known.as_ref().map_or(0, HashMap::len))
    }

    #[test]
    fn what_was_looked_up_is_kept_until_the_outermost_look_ends() {
        let address = some_call();
        let alone = frames_at(&[address]);
        assert_eq!(are_kept(), 0);
        let outer = RememberNames::new();
        assert_eq!(frames_at(&[address]), alone);
        assert_eq!(are_kept(), 1);
        let inner = RememberNames::new();
        assert_eq!(
            frames_at(&[address, address + 1]).get(&address),
            alone.get(&address)
        );
        drop(inner);
        assert!(are_kept() > 0, "the outer look goes on");
        // What is kept is what is told.
        KNOWN.with_borrow_mut(|known| {
            let frames = known.as_mut().and_then(|known| known.get_mut(&address));
            frames.expect("it is kept").clear();
        });
        assert!(frames_at(&[address])[&address].is_empty());
        drop(outer);
        assert_eq!(are_kept(), 0);
        assert_eq!(frames_at(&[address]), alone);
    }
}
