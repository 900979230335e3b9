//! The kernel's own lists, as `/proc` has them: of this process, or of another one.

#[cfg(target_os = "linux")]
pub(crate) use linux::{
    closed_by, counts, counts_of, open, sockets, target, text, thread_id, threads,
};
#[cfg(not(target_os = "linux"))]
pub(crate) use unread::{
    closed_by, counts, counts_of, open, sockets, target, text, thread_id, threads,
};

use std::fmt;

/// Whose lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    Own,
    Of(u32),
}

/// The folder's name in `/proc`.
impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Whose::Own => f.write_str("self"),
            Whose::Of(id) => write!(f, "{id}"),
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod unread {
    use super::Whose;
    use crate::model::kind::Counts;
    use crate::readings::process::{Socket, Target, Thread};
    use std::io;
    use std::net::SocketAddr;
    use std::path::PathBuf;

    fn unsupported() -> io::Error {
        let why = "detectors reads what a process has open on Linux alone, from /proc";
        io::Error::new(io::ErrorKind::Unsupported, why)
    }

    pub(crate) fn counts() -> Counts {
        Counts::default()
    }

    pub(crate) fn counts_of(_id: u32) -> Counts {
        Counts::default()
    }

    pub(crate) fn text(_path: &str) -> io::Result<String> {
        Err(unsupported())
    }

    pub(crate) fn open(_whose: Whose) -> io::Result<Vec<(i32, PathBuf)>> {
        Err(unsupported())
    }

    pub(crate) fn target(target: PathBuf) -> Target {
        Target::Path(target)
    }

    pub(crate) fn sockets(_whose: Whose) -> io::Result<Vec<Socket>> {
        Err(unsupported())
    }

    pub(crate) fn threads(_whose: Whose) -> io::Result<Vec<Thread>> {
        Err(unsupported())
    }

    pub(crate) fn closed_by(_end: SocketAddr) -> io::Result<u64> {
        Err(unsupported())
    }

    pub(crate) fn thread_id() -> i32 {
        0
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::Whose;
    use crate::model::kind::Counts;
    use crate::readings::process::{Socket, Target, Tcp, TcpState, Thread};
    use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, openat, statat};
    use std::collections::HashMap;
    use std::ffi::{CStr, CString};
    use std::fs;
    use std::io;
    use std::mem::MaybeUninit;
    use std::net::{IpAddr, SocketAddr};
    use std::os::fd::OwnedFd;
    use std::path::{Path, PathBuf};

    /// Sockets, descriptors and threads now; a kind that can't be read stays unread. Doesn't allocate.
    pub(crate) fn counts() -> Counts {
        let counts = counts_in(c"/proc/self/fd", c"/proc/self/task", is_own_socket);
        Counts {
            // All but the one that this reading needs.
            descriptors: counts.descriptors.map(|descriptors| descriptors - 1),
            ..counts
        }
    }

    /// The same of another process.
    pub(crate) fn counts_of(id: u32) -> Counts {
        let folder = |name: &str| CString::new(format!("/proc/{id}/{name}"));
        match (folder("fd"), folder("task")) {
            (Ok(descriptors), Ok(threads)) => counts_in(&descriptors, &threads, is_socket),
            _ => Counts::default(), // never: there is no zero byte in them
        }
    }

    fn counts_in(
        descriptors: &CStr,
        threads: &CStr,
        is_socket: fn(&OwnedFd, &CStr) -> bool,
    ) -> Counts {
        let (sockets, descriptors) = count_descriptors(descriptors, is_socket).unzip();
        Counts {
            tasks: None,
            sockets,
            descriptors,
            threads: each(threads, |_, _| {}),
        }
    }

    /// Sockets, and all other descriptors.
    fn count_descriptors(
        folder: &CStr,
        is_socket: fn(&OwnedFd, &CStr) -> bool,
    ) -> Option<(i64, i64)> {
        let mut sockets = 0;
        let all = each(folder, |folder, name| {
            sockets += i64::from(is_socket(folder, name));
        })?;
        Some((sockets, all - sockets))
    }

    /// Whether an entry of a process' `fd` stands for a socket: by its path, which takes the kernel some microseconds.
    fn is_socket(folder: &OwnedFd, name: &CStr) -> bool {
        statat(folder, name, AtFlags::empty())
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Socket)
    }

    /// The same of this process' own, by its number: twenty times as fast, which counts where a thousand are open.
    fn is_own_socket(_folder: &OwnedFd, name: &CStr) -> bool {
        let Some(number) = name.to_str().ok().and_then(|name| name.parse().ok()) else {
            return false;
        };
        let mut stat = MaybeUninit::<libc::stat>::uninit();
        // SAFETY: `stat` has room for what is written. The number is given to the kernel alone: should another thread close it
        // meanwhile, the answer is an error, or is of the file that has it by then.
        let answered = unsafe { libc::fstat(number, stat.as_mut_ptr()) } == 0;
        // SAFETY: it is written when the call succeeds.
        answered && unsafe { stat.assume_init() }.st_mode & libc::S_IFMT == libc::S_IFSOCK
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

    /// What a file of `/proc` says. The names in it are whatever a program chose, and one that the kernel has cut may end inside
    /// a letter: so what is no text is shown as `\u{fffd}`, and the rest is read.
    pub(crate) fn text(path: &str) -> io::Result<String> {
        let text = String::from_utf8(fs::read(path)?);
        Ok(text.unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// Each descriptor with what it stands for: a path, or a word of the kernel's such as `socket:[4026]`.
    pub(crate) fn open(whose: Whose) -> io::Result<Vec<(i32, PathBuf)>> {
        let folder = format!("/proc/{whose}/fd");
        let mut open = Vec::new();
        for number in numbers(&folder)? {
            // One that is closed meanwhile has no target: so has the one that the folder was read through.
            if let Ok(target) = fs::read_link(Path::new(&folder).join(number.to_string())) {
                open.push((number, target));
            }
        }
        Ok(open)
    }

    /// The entries of a folder whose names are numbers, in order.
    fn numbers(folder: &str) -> io::Result<Vec<i32>> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{folder}: {error}"));
        let mut numbers = Vec::new();
        for entry in fs::read_dir(folder).map_err(named)? {
            let name = entry.map_err(named)?.file_name();
            numbers.extend(name.to_str().and_then(|name| name.parse::<i32>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    pub(crate) fn target(target: PathBuf) -> Target {
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

    pub(crate) fn thread_id() -> i32 {
        rustix::thread::gettid().as_raw_nonzero().get()
    }

    pub(crate) fn threads(whose: Whose) -> io::Result<Vec<Thread>> {
        let folder = format!("/proc/{whose}/task");
        let mut threads = Vec::new();
        for id in numbers(&folder)? {
            // One that has ended meanwhile has no name.
            if let Ok(name) = text(&format!("{folder}/{id}/comm")) {
                threads.push(Thread {
                    id,
                    name: name.trim_end().to_owned(),
                    spawned_at: None,
                });
            }
        }
        Ok(threads)
    }

    /// The process' own sockets. The kernel's tables have those of the whole network; a port that another process listens on says
    /// nothing here.
    pub(crate) fn sockets(whose: Whose) -> io::Result<Vec<Socket>> {
        let own: Vec<(i32, u64)> = open(whose)?
            .iter()
            .filter_map(|(number, target)| Some((*number, inode(target)?)))
            .collect();
        let rows: HashMap<u64, Row> = rows(whose)
            .into_iter()
            .map(|row| (row.inode, row))
            .collect();
        let listening: Vec<u16> = own
            .iter()
            .filter_map(|(_, inode)| rows.get(inode))
            .filter(|row| row.state == TcpState::Listen)
            .map(|row| row.local.port())
            .collect();
        let tcp = |row: &Row| Tcp {
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

    /// The number by which the kernel's tables know a socket.
    fn inode(target: &Path) -> Option<u64> {
        target
            .to_str()?
            .strip_prefix("socket:[")?
            .strip_suffix(']')?
            .parse()
            .ok()
    }

    /// How many connections of the last minute this end closed first: whoever does keeps `TIME_WAIT` for that long.
    pub(crate) fn closed_by(end: SocketAddr) -> io::Result<u64> {
        fs::metadata("/proc/self/net/tcp")?;
        let waits = |row: &&Row| row.state == TcpState::TimeWait && row.local == end;
        Ok(rows(Whose::Own).iter().filter(waits).count() as u64)
    }

    /// All TCP sockets of the process' network.
    fn rows(whose: Whose) -> Vec<Row> {
        let mut rows = Vec::new();
        // Without IPv6 there is no second table.
        for table in ["tcp", "tcp6"] {
            let table = format!("/proc/{whose}/net/{table}");
            let text = fs::read_to_string(table).unwrap_or_default();
            rows.extend(text.lines().skip(1).filter_map(row));
        }
        rows
    }

    #[derive(Debug, PartialEq)]
    struct Row {
        local: SocketAddr,
        peer: SocketAddr,
        state: TcpState,
        inode: u64,
    }

    /// The kernel's numbers for them, from 1 on; the twelfth is a half-open one.
    const STATES: [TcpState; 12] = [
        TcpState::Established,
        TcpState::SynSent,
        TcpState::SynReceived,
        TcpState::FinWait1,
        TcpState::FinWait2,
        TcpState::TimeWait,
        TcpState::Closed,
        TcpState::CloseWait,
        TcpState::LastAck,
        TcpState::Listen,
        TcpState::Closing,
        TcpState::SynReceived,
    ];

    /// One line of `/proc/net/tcp`: addresses are hexadecimal, in the machine's byte order by groups of four bytes.
    fn row(line: &str) -> Option<Row> {
        let mut words = line.split_whitespace().skip(1);
        let local = address(words.next()?)?;
        let peer = address(words.next()?)?;
        let state = usize::from_str_radix(words.next()?, 16).ok()?;
        Some(Row {
            local,
            peer,
            state: *STATES.get(state.checked_sub(1)?)?,
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
        use super::{Row, TcpState, row, target};

        #[test]
        fn a_row_of_the_kernels_table_is_read() {
            let line = "  0: 0100007F:1F90 0200A8C0:C5D2 01 00000000:00000000 00:00000000 00000000  1000 0 40261 1 0 20 4 30 10 -1";
            let expected = Row {
                local: "127.0.0.1:8080".parse().expect("an address"),
                peer: "192.168.0.2:50642".parse().expect("an address"),
                state: TcpState::Established,
                inode: 40_261,
            };
            assert_eq!(row(line), Some(expected));
        }

        #[test]
        fn version_six_is_read_and_a_mapped_address_is_shown_as_it_is() {
            let line = "  1: 00000000000000000000000001000000:0050 0000000000000000FFFF00000100007F:0051 0A 0:0 0:0 0 0 0 7 1";
            let row = row(line).expect("a row");
            assert_eq!(row.local.to_string(), "[::1]:80");
            assert_eq!(row.peer.to_string(), "127.0.0.1:81");
            assert_eq!((row.state, row.inode), (TcpState::Listen, 7));
        }

        #[test]
        fn what_is_no_row_is_none() {
            for line in [
                "",
                "  0: 0100007F:1F90",
                "0: é00007F:1F90 0:0 01",
                "0: 0100007F:1F90 0100007F:1 FF 0 0 0 0 0 7",
            ] {
                assert_eq!(row(line), None, "{line:?}");
            }
        }

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
                assert_eq!(target(word.into()).to_string(), name);
            }
        }
    }
}
