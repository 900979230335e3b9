//! What a process has open.

use super::Whose;
use super::file::{Entry, each_entry, link, numbers};
use crate::model::kind::Counts;
use std::io;
use std::path::PathBuf;

/// Sockets, other descriptors, and threads now; a kind that can't be read stays unread. Doesn't allocate.
pub(crate) fn counts(whose: Whose) -> Counts {
    let mut sockets = 0;
    let count = |entry: &Entry<'_>| {
        sockets += i64::from(match whose {
            Whose::Own => entry.is_own_socket(),
            Whose::Of(_) => entry.is_socket(),
        });
    };
    let all = each_entry(whose, "fd", count).ok();
    // The one that this reading needs.
    let of_this_reading = i64::from(whose == Whose::Own);
    Counts {
        tasks: None,
        sockets: all.map(|_| sockets),
        descriptors: all.map(|all| all - sockets - of_this_reading),
        threads: each_entry(whose, "task", |_| {}).ok(),
    }
}

/// Each descriptor with what it stands for: a path, or a word of the kernel's such as `socket:[4026]`.
///
/// # Errors
///
/// With the folder's path in front.
pub(crate) fn descriptors(whose: Whose) -> io::Result<Vec<(i32, PathBuf)>> {
    let mut open = Vec::new();
    for number in numbers(whose, "fd")? {
        // One that is closed meanwhile has no target: so has the one that the folder was read through.
        if let Ok(target) = link(whose, format_args!("fd/{number}")) {
            open.push((number, target));
        }
    }
    Ok(open)
}
