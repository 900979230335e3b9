//! From the kernel's lists to descriptors, sockets and threads.

use super::{Descriptor, Socket, Target, Tcp, TcpState, Thread};
use crate::readings::kernel::{self, Whose};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

pub(super) fn descriptors(whose: Whose) -> io::Result<Vec<Descriptor>> {
    let descriptors = kernel::descriptors(whose)?.into_iter();
    Ok(descriptors
        .map(|(number, target)| Descriptor {
            number,
            target: stands_for(target),
        })
        .collect())
}

fn stands_for(target: PathBuf) -> Target {
    if target.is_absolute() {
        return Target::Path(target);
    }
    let target = target.to_string_lossy();
    if target.starts_with("pipe:") {
        Target::Pipe
    } else if target.starts_with("socket:") {
        Target::Socket
    } else {
        let word = target.strip_prefix("anon_inode:").unwrap_or(&target);
        Target::Other(word.trim_matches(['[', ']']).to_owned())
    }
}

/// The process' own sockets. The kernel's tables have those of the whole network; a port that another process listens on says
/// nothing here.
pub(super) fn sockets(whose: Whose) -> io::Result<Vec<Socket>> {
    let own: Vec<(i32, u64)> = kernel::descriptors(whose)?
        .iter()
        .filter_map(|(number, target)| Some((*number, inode(target)?)))
        .collect();
    // A socket that no table has is one other than TCP.
    let rows: HashMap<u64, kernel::Row> = rows(whose, &own)
        .into_iter()
        .map(|row| (row.inode, row))
        .collect();
    let listening: Vec<u16> = own
        .iter()
        .filter_map(|(_, inode)| rows.get(inode))
        .filter(|row| row.state == TcpState::Listen)
        .map(|row| row.local.port())
        .collect();
    let tcp = |row: &kernel::Row| Tcp {
        local: row.local,
        peer: row.peer,
        state: row.state,
        is_accepted: row.state != TcpState::Listen && listening.contains(&row.local.port()),
    };
    Ok(own
        .iter()
        .map(|(descriptor, inode)| Socket {
            descriptor: *descriptor,
            tcp: rows.get(inode).map(tcp),
        })
        .collect())
}

/// The kernel's rows for these sockets, and for others maybe.
fn rows(whose: Whose, sockets: &[(i32, u64)]) -> Vec<kernel::Row> {
    let by_tables = || kernel::rows(whose).unwrap_or_default();
    #[cfg(target_os = "linux")]
    if whose == Whose::Own {
        let mut rows = Vec::with_capacity(sockets.len());
        for (descriptor, inode) in sockets {
            match kernel::own(*descriptor, *inode) {
                kernel::Own::Tcp(row) => rows.push(row),
                kernel::Own::Other => {}
                kernel::Own::Unknown => return by_tables(),
            }
        }
        return rows;
    }
    if sockets.is_empty() {
        Vec::new()
    } else {
        by_tables()
    }
}

/// The number by which the kernel's tables know a socket.
fn inode(target: &Path) -> Option<u64> {
    let target = target.to_str()?;
    let number = target.strip_prefix("socket:[")?.strip_suffix(']')?;
    number.parse().ok()
}

pub(super) fn threads(whose: Whose) -> io::Result<Vec<Thread>> {
    let threads = kernel::threads(whose)?;
    let mut names = threads.iter().map(|(_, name)| name.clone());
    // A thread that isn't given a name has its maker's, which is the program's where the main thread made it.
    let main = names.next().unwrap_or_default();
    Ok(threads
        .into_iter()
        .enumerate()
        .map(|(at, (id, name))| Thread {
            id,
            name: if at > 0 && name == main {
                String::new()
            } else {
                name
            },
            spawned_at: None,
        })
        .collect())
}

#[cfg(all(test, unix))]
mod tests {
    use super::stands_for;

    #[test]
    fn descriptors_have_names_by_what_they_stand_for() {
        for (word, name) in [
            ("/var/spool/7.zone", "files in /var/spool"),
            ("/secret", "files in /"),
            ("pipe:[12]", "pipes"),
            ("socket:[12]", "sockets"),
            ("anon_inode:[eventpoll]", "eventpoll"),
            ("anon_inode:inotify", "inotify"),
        ] {
            assert_eq!(stands_for(word.into()).to_string(), name);
        }
    }
}
