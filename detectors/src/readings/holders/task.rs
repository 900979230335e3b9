//! Which blocks are tasks of an async runtime: what is spawned, and lives until it has ended. And which are parts of the runtime.
//!
//! A task of tokio begins with its state, a link and a pointer to its table of functions; so says the source of tokio, no rule. A block
//! that looks like that is a task if tokio's function for a new one made it, so where functions have no names no task is known.

const WORD_BYTES: usize = size_of::<usize>();

/// So many functions from the allocation outwards, one of them makes the task. Further out stands whoever spawned it, which may be
/// another task.
const STEPS_MAX: usize = 16;

/// Whether a task at `start` would have its table of functions at `address`.
pub(super) fn has_table_at(start: usize, size: usize, address: usize) -> bool {
    // Tasks have cache lines of their own.
    address == start + 2 * WORD_BYTES && start.is_multiple_of(64) && size.is_multiple_of(64)
}

/// Whether an older task at `start` would have its table of functions at `address`: what an allocator has for a block is more than was
/// asked for.
pub(super) fn may_have_table_at(start: usize, address: usize) -> bool {
    has_table_at(start, 64, address)
}

/// Whether a table is a task's, by a function of it.
pub(super) fn is_of_task(name: &str) -> bool {
    name.trim_start_matches(['<', '&'])
        .starts_with("tokio::runtime::task::raw::")
}

/// Whether a runtime's function for a new task made the block. `functions`: from the allocation outwards.
pub(super) fn is_made_by(functions: &[String]) -> bool {
    let mut nearest = functions.iter().take(STEPS_MAX);
    nearest.any(|function| {
        let path = function.trim_start_matches('<');
        path.starts_with("tokio::runtime::task::")
            && (path.ends_with("::new") || path.ends_with("::new_task"))
    })
}

/// Whether the runtime made the block for itself: its lists of tasks, its timers, what it knows of a socket. `functions`: as above.
pub(super) fn is_part_of_runtime(functions: &[String]) -> bool {
    const LIBRARIES: [&str; 6] = [
        "alloc::",
        "core::",
        "std::",
        "tokio::",
        "hashbrown::",
        "slab::",
    ];
    let paths = functions
        .iter()
        .map(|function| function.trim_start_matches(['<', '&']));
    let mut nearest =
        paths.take_while(|path| LIBRARIES.iter().any(|library| path.starts_with(library)));
    nearest.any(|path| path.starts_with("tokio::runtime::")) && !is_made_by(functions)
}

#[cfg(test)]
mod tests {
    use super::{is_made_by, is_part_of_runtime};

    #[test]
    fn what_the_runtime_keeps_for_itself_is_a_part_of_it() {
        let of = |functions: &[&str]| {
            let functions: Vec<String> = functions.iter().map(|name| (*name).to_owned()).collect();
            is_part_of_runtime(&functions)
        };
        assert!(of(&[
            "alloc::sync::Arc<T>::new",
            "tokio::runtime::scheduler::current_thread::CurrentThread::new",
            "service::main",
        ]));
        assert!(!of(&[
            "alloc::vec::Vec<T>::push",
            "service::serve::{{closure}}",
            "tokio::runtime::task::core::Core<T,S>::poll",
        ]));
    }

    #[test]
    fn what_a_task_allocates_is_no_task() {
        let of = |functions: &[&str]| {
            let functions: Vec<String> = functions.iter().map(|name| (*name).to_owned()).collect();
            is_made_by(&functions)
        };
        assert!(of(&[
            "<alloc::boxed::Box<tokio::runtime::task::core::Cell<F, S>>>::new",
            "<tokio::runtime::task::core::Cell<F, S>>::new",
            "service::serve",
        ]));
        assert!(!of(&[
            "alloc::vec::Vec<T>::push",
            "service::serve::{{closure}}",
            "tokio::runtime::task::core::Core<T,S>::poll",
        ]));
    }
}
