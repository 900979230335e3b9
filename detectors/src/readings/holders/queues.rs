//! Queues: which one made a block, and whether it fills. Channels that pile up, each of them empty, are no queue that fills.

/// Paths of queues: what they made, or what hangs on that, waits to be taken out.
const QUEUES: [&str; 21] = [
    "tokio::sync::mpsc",
    "tokio::sync::broadcast",
    "tokio::task::join_set",
    "tokio::util::idle_notified_set",
    "tokio_util::task::join_map",
    "tokio_util::time::delay_queue",
    "std::sync::mpsc",
    "std::sync::mpmc",
    "crossbeam_channel",
    "crossbeam_queue",
    "crossbeam_deque",
    "async_channel",
    "async_broadcast",
    "concurrent_queue",
    "flume",
    "kanal",
    "futures_channel",
    "futures_util::stream::futures_unordered",
    "futures_util::stream::futures_ordered",
    "metrics_util::bucket",
    "thingbuf",
];

/// What a deque is called, as a queue.
pub(super) const DEQUE: &str = "std::collections::VecDeque";

/// Sets of tasks: what waits in them are tasks that run, or have ended and were not asked for their results.
const OF_TASKS: [&str; 3] = [
    "tokio::task::join_set",
    "tokio::util::idle_notified_set",
    "tokio_util::task::join_map",
];

/// Whose functions may say so: a function of the program's own that is generic over a queue isn't one.
const LIBRARIES: [&str; 14] = [
    "alloc::",
    "core::",
    "std::",
    "tokio::",
    "tokio_util::",
    "crossbeam",
    "async_channel::",
    "async_broadcast::",
    "concurrent_queue::",
    "flume::",
    "kanal::",
    "futures",
    "metrics_util::",
    "thingbuf::",
];

/// Functions that put something in.
const PUTS: [&str; 19] = [
    "send",
    "try_send",
    "send_timeout",
    "blocking_send",
    "force_send",
    "start_send",
    "unbounded_send",
    "do_send_nb",
    "queue_push_and_signal",
    "broadcast",
    "try_broadcast",
    "push",
    "push_back",
    "push_front",
    "insert",
    "insert_at",
    "insert_idle",
    "spawn",
    "spawn_on",
];

/// Functions that make one more end of a queue.
const MAKES_AN_END: [&str; 3] = ["clone", "subscribe", "new_receiver"];

/// Functions that make a queue with nothing in it.
const MAKES: [&str; 12] = [
    "channel",
    "unbounded_channel",
    "sync_channel",
    "bounded",
    "unbounded",
    "rendezvous",
    "broadcast",
    "new",
    "with_capacity",
    "default",
    "new_with_receiver_count",
    "with_flavor",
];

/// What a queue has to do with a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The queue made it for what waits there.
    Waits,
    /// It came with the queue itself.
    Empty,
    /// It came with one more end of a queue that was there.
    End,
}

/// The queue that made a block, as far as the functions on the block's stack tell: its path, and what it has to do with the block. A
/// generic function names its queue behind the crate that it is of: `<alloc::boxed::Box<std::sync::mpmc::list::Block<T>>>::new`.
pub(super) fn queue_among(functions: &[String]) -> Option<(&'static str, Role)> {
    let of_queue = |function: &String| -> Option<&'static str> {
        let path = function.trim_start_matches(['<', '&']);
        let is_of_library = LIBRARIES.iter().any(|library| path.starts_with(library));
        let is_of = |queue: &&&str| {
            function.match_indices(**queue).any(|(at, _)| {
                let before = function[..at].chars().next_back();
                before.is_none_or(|before| "<& ".contains(before))
            })
        };
        let mut queues = QUEUES.iter();
        queues.find(is_of).filter(|_| is_of_library).copied()
    };
    let mut path = None;
    let (mut puts, mut makes, mut makes_an_end) = (false, false, false);
    for (function, queue) in functions
        .iter()
        .filter_map(|function| Some((function, of_queue(function)?)))
    {
        path.get_or_insert(queue);
        puts |= calls(function, &PUTS);
        makes |= calls(function, &MAKES);
        makes_an_end |= calls(function, &MAKES_AN_END);
    }
    let role = match (puts, makes_an_end, makes) {
        (false, true, _) => Role::End,
        (false, false, true) => Role::Empty,
        _ => Role::Waits,
    };
    path.map(|path| (path, role))
}

/// Whether what waits in the queue are tasks.
pub(super) fn is_of_tasks(path: &str) -> bool {
    OF_TASKS.contains(&path)
}

/// Whether the function is one of these, or a closure within it.
fn calls(function: &str, names: &[&str]) -> bool {
    let mut depth = 0_u32;
    let plain: String = function
        .chars()
        .filter(|&letter| {
            let is_outside = depth == 0;
            match letter {
                '<' => depth += 1,
                '>' => depth = depth.saturating_sub(1),
                _ => return is_outside,
            }
            false
        })
        .collect();
    let mut parts = plain
        .rsplit("::")
        .filter(|part| !part.is_empty() && !part.starts_with('{'));
    parts.next().is_some_and(|last| names.contains(&last))
}

#[cfg(test)]
mod tests {
    use super::{Role, queue_among};

    fn told(functions: &[&str]) -> Option<(&'static str, Role)> {
        let functions: Vec<String> = functions.iter().map(|name| (*name).to_owned()).collect();
        queue_among(&functions)
    }

    #[test]
    fn what_is_sent_waits_and_a_fresh_channel_is_empty() {
        let block = "<tokio::sync::mpsc::block::Block<u64>>::new";
        assert_eq!(
            told(&[
                block,
                "<tokio::sync::mpsc::list::Tx<u64>>::push",
                "service::tell"
            ]),
            Some(("tokio::sync::mpsc", Role::Waits))
        );
        assert_eq!(
            told(&[
                block,
                "tokio::sync::mpsc::list::channel",
                "tokio::sync::mpsc::bounded::channel::<u64>"
            ]),
            Some(("tokio::sync::mpsc", Role::Empty))
        );
        assert_eq!(
            told(&[
                "<alloc::boxed::Box<std::sync::mpmc::list::Block<u64>>>::new",
                "<std::sync::mpsc::Sender<u64>>::send"
            ]),
            Some(("std::sync::mpmc", Role::Waits))
        );
    }

    #[test]
    fn one_more_end_of_a_channel_is_told_apart_from_the_channel() {
        assert_eq!(
            told(&[
                "alloc::sync::Arc<T>::new",
                "tokio::sync::broadcast::Sender<T>::subscribe",
                "service::accept"
            ]),
            Some(("tokio::sync::broadcast", Role::End))
        );
    }

    #[test]
    fn a_function_of_the_programs_own_is_no_queue() {
        assert_eq!(told(&["service::keep<std::sync::mpsc::Sender<u64>>"]), None);
        assert_eq!(told(&["<alloc::vec::Vec<u64>>::push"]), None);
    }
}
