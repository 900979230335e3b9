//! What the process has open, as the kernel tells it in `/proc/self`.

use super::Group;
use crate::evidence::{Counts, Kind};

/// Sockets, descriptors and threads now; a kind that can't be read stays unread. Doesn't allocate.
#[cfg(not(target_os = "linux"))]
pub(super) fn counts() -> Counts {
    Counts::default()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn groups(_kind: Kind) -> Vec<Group> {
    Vec::new()
}

#[cfg(target_os = "linux")]
pub(super) use linux::{counts, groups};

#[cfg(target_os = "linux")]
mod linux {
    use super::{Counts, Group, Kind};
    use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, openat, statat};
    use std::collections::HashMap;
    use std::ffi::CStr;
    use std::mem::MaybeUninit;
    use std::net::{IpAddr, SocketAddr};
    use std::os::fd::OwnedFd;

    pub(in crate::counters) fn counts() -> Counts {
        let (sockets, descriptors) = descriptors().unzip();
        Counts {
            tasks: None,
            sockets,
            descriptors,
            threads: each(c"/proc/self/task", |_, _| {}),
        }
    }

    /// Sockets, and all other descriptors but the one that this reading needs.
    fn descriptors() -> Option<(i64, i64)> {
        let mut sockets = 0;
        let all = each(c"/proc/self/fd", |folder, name| {
            let is_socket = statat(folder, name, AtFlags::empty())
                .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Socket);
            sockets += i64::from(is_socket);
        })?;
        Some((sockets, all - sockets - 1))
    }

    /// Visits each entry of a folder, and counts them.
    fn each(path: &CStr, mut visit: impl FnMut(&OwnedFd, &CStr)) -> Option<i64> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = openat(CWD, path, flags, Mode::empty()).ok()?;
        let mut buffer = [MaybeUninit::uninit(); 8_192];
        let mut entries = RawDir::new(&folder, &mut buffer);
        let mut count = 0;
        while let Some(entry) = entries.next() {
            let entry = entry.ok()?;
            let name = entry.file_name();
            if !name.to_bytes().starts_with(b".") {
                visit(&folder, name);
                count += 1;
            }
        }
        Some(count)
    }

    pub(in crate::counters) fn groups(kind: Kind) -> Vec<Group> {
        match kind {
            Kind::Descriptors => grouped(
                targets()
                    .filter(|target| !is_socket(target))
                    .map(|target| named(&target)),
            ),
            Kind::Sockets => sockets(),
            Kind::Threads => grouped(threads()),
            _ => Vec::new(),
        }
    }

    /// What each descriptor stands for: a path, or a word of the kernel's such as `socket:[4026]`.
    fn targets() -> impl Iterator<Item = String> {
        let entries = std::fs::read_dir("/proc/self/fd").into_iter().flatten();
        entries.flatten().filter_map(|entry| {
            let target = std::fs::read_link(entry.path()).ok()?;
            Some(target.to_string_lossy().into_owned())
        })
    }

    fn is_socket(target: &str) -> bool {
        target.starts_with("socket:")
    }

    /// `files in /var/spool`, `pipes`, `eventfd`: what is alike has one name.
    fn named(target: &str) -> String {
        if let Some((folder, _)) = target.rsplit_once('/') {
            let folder = if folder.is_empty() { "/" } else { folder };
            format!("files in {folder}")
        } else if target.starts_with("pipe:") {
            "pipes".to_owned()
        } else {
            let word = target.strip_prefix("anon_inode:").unwrap_or(target);
            word.trim_matches(['[', ']']).to_owned()
        }
    }

    fn threads() -> impl Iterator<Item = String> {
        let entries = std::fs::read_dir("/proc/self/task").into_iter().flatten();
        entries.flatten().filter_map(|entry| {
            let name = std::fs::read_to_string(entry.path().join("comm")).ok()?;
            Some(format!("threads named {}", name.trim_end()))
        })
    }

    fn grouped(names: impl Iterator<Item = String>) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for name in names {
            match groups.iter_mut().find(|group| group.name == name) {
                Some(group) => group.count += 1,
                None => groups.push(Group {
                    name,
                    at: None,
                    count: 1,
                }),
            }
        }
        groups
    }

    /// The process' own sockets, TCP ones by peer and state.
    fn sockets() -> Vec<Group> {
        let own: Vec<u64> = targets().filter_map(|target| inode(&target)).collect();
        let tcp = tcp_by_inode(&own);
        let name = |inode: u64| {
            let known = tcp.get(&inode).cloned();
            known.unwrap_or_else(|| "sockets other than TCP".to_owned())
        };
        grouped(own.iter().copied().map(name))
    }

    /// The number by which the kernel's tables know a socket.
    fn inode(target: &str) -> Option<u64> {
        target
            .strip_prefix("socket:[")?
            .strip_suffix(']')?
            .parse()
            .ok()
    }

    /// The process' own TCP sockets, each named by what it is connected to. The table has those of the whole network; a port that
    /// another process listens on says nothing here.
    fn tcp_by_inode(own: &[u64]) -> HashMap<u64, String> {
        let mut rows = Vec::new();
        for table in ["/proc/self/net/tcp", "/proc/self/net/tcp6"] {
            let text = std::fs::read_to_string(table).unwrap_or_default();
            rows.extend(text.lines().skip(1).filter_map(tcp_row));
        }
        rows.retain(|row| own.contains(&row.inode));
        let listening: Vec<u16> = rows
            .iter()
            .filter(|row| row.state == "LISTEN")
            .map(|row| row.local.port())
            .collect();
        let name = |row: &TcpRow| {
            let TcpRow {
                local, peer, state, ..
            } = row;
            if *state == "LISTEN" {
                format!("TCP listening on {local}")
            } else if listening.contains(&local.port()) {
                format!("TCP accepted on {local}, {state}")
            } else {
                format!("TCP to {peer}, {state}")
            }
        };
        rows.iter().map(|row| (row.inode, name(row))).collect()
    }

    #[derive(Debug, PartialEq)]
    struct TcpRow {
        local: SocketAddr,
        peer: SocketAddr,
        state: &'static str,
        inode: u64,
    }

    /// One line of `/proc/net/tcp`: addresses are hexadecimal, in the machine's byte order by groups of four bytes.
    fn tcp_row(line: &str) -> Option<TcpRow> {
        const STATES: [&str; 12] = [
            "ESTABLISHED",
            "SYN_SENT",
            "SYN_RECV",
            "FIN_WAIT1",
            "FIN_WAIT2",
            "TIME_WAIT",
            "CLOSE",
            "CLOSE_WAIT",
            "LAST_ACK",
            "LISTEN",
            "CLOSING",
            "NEW_SYN_RECV",
        ];
        let mut words = line.split_whitespace().skip(1);
        let local = address(words.next()?)?;
        let peer = address(words.next()?)?;
        let state = usize::from_str_radix(words.next()?, 16).ok()?;
        Some(TcpRow {
            local,
            peer,
            state: STATES.get(state.checked_sub(1)?)?,
            inode: words.nth(5)?.parse().ok()?,
        })
    }

    fn address(text: &str) -> Option<SocketAddr> {
        let (ip, port) = text.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        let mut groups = [0_u8; 16];
        let length = ip.len() / 2;
        if !ip.is_ascii() || !matches!(length, 4 | 16) || ip.len() % 8 != 0 {
            return None;
        }
        for (group, place) in ip.as_bytes().chunks(8).zip(groups.chunks_mut(4)) {
            let group = std::str::from_utf8(group).ok()?;
            place.copy_from_slice(&u32::from_str_radix(group, 16).ok()?.to_ne_bytes());
        }
        let ip = if length == 4 {
            IpAddr::from([groups[0], groups[1], groups[2], groups[3]])
        } else {
            IpAddr::from(groups).to_canonical()
        };
        Some(SocketAddr::new(ip, port))
    }

    #[cfg(test)]
    mod tests {
        use super::{TcpRow, named, tcp_row};

        #[test]
        fn a_row_of_the_kernels_table_is_read() {
            let line = "  0: 0100007F:1F90 0200A8C0:C5D2 01 00000000:00000000 00:00000000 00000000  1000 0 40261 1 0 20 4 30 10 -1";
            let expected = TcpRow {
                local: "127.0.0.1:8080".parse().expect("an address"),
                peer: "192.168.0.2:50642".parse().expect("an address"),
                state: "ESTABLISHED",
                inode: 40_261,
            };
            assert_eq!(tcp_row(line), Some(expected));
        }

        #[test]
        fn version_six_is_read_and_a_mapped_address_is_shown_as_it_is() {
            let line = "  1: 00000000000000000000000001000000:0050 0000000000000000FFFF00000100007F:0051 0A 0:0 0:0 0 0 0 7 1";
            let row = tcp_row(line).expect("a row");
            assert_eq!(row.local.to_string(), "[::1]:80");
            assert_eq!(row.peer.to_string(), "127.0.0.1:81");
            assert_eq!((row.state, row.inode), ("LISTEN", 7));
        }

        #[test]
        fn what_is_no_row_is_none() {
            for line in [
                "",
                "  0: 0100007F:1F90",
                "0: é00007F:1F90 0:0 01",
                "0: 0100007F:1F90 0100007F:1 FF 0 0 0 0 0 7",
            ] {
                assert_eq!(tcp_row(line), None, "{line:?}");
            }
        }

        #[test]
        fn descriptors_have_names_by_what_they_stand_for() {
            for (target, name) in [
                ("/var/spool/7.zone", "files in /var/spool"),
                ("/secret", "files in /"),
                ("pipe:[12]", "pipes"),
                ("anon_inode:[eventpoll]", "eventpoll"),
                ("anon_inode:inotify", "inotify"),
            ] {
                assert_eq!(named(target), name);
            }
        }
    }
}
