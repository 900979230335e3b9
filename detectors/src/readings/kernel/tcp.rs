//! The TCP sockets of a process' network: those of all processes in it.

use super::Whose;
use super::file::each_line;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};

/// The states of RFC 9293, with `netstat`'s names. `TimeWait` has no descriptor any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "RFC 9293 says what each one means")]
#[non_exhaustive]
pub enum TcpState {
    Established,
    SynSent,
    SynReceived,
    FinWait1,
    FinWait2,
    TimeWait,
    Closed,
    CloseWait,
    LastAck,
    Listen,
    Closing,
}

/// As `netstat` prints it.
impl fmt::Display for TcpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TcpState::Established => "ESTABLISHED",
            TcpState::SynSent => "SYN_SENT",
            TcpState::SynReceived => "SYN_RECV",
            TcpState::FinWait1 => "FIN_WAIT1",
            TcpState::FinWait2 => "FIN_WAIT2",
            TcpState::TimeWait => "TIME_WAIT",
            TcpState::Closed => "CLOSE",
            TcpState::CloseWait => "CLOSE_WAIT",
            TcpState::LastAck => "LAST_ACK",
            TcpState::Listen => "LISTEN",
            TcpState::Closing => "CLOSING",
        })
    }
}

/// One socket.
#[derive(Debug, PartialEq)]
pub(crate) struct Row {
    /// This end.
    pub(crate) local: SocketAddr,
    /// The other end; port 0 while listening.
    pub(crate) peer: SocketAddr,
    pub(crate) state: TcpState,
    /// The number in a descriptor's `socket:[..]`; 0 for one that has no descriptor any more.
    pub(crate) inode: u64,
}

/// All rows, of IPv4 and IPv6.
///
/// # Errors
///
/// When there is no table at all. Without IPv6 there is no second one.
pub(crate) fn rows(whose: Whose) -> io::Result<Vec<Row>> {
    let mut rows = Vec::new();
    let mut add = |line: &[u8]| rows.extend(std::str::from_utf8(line).ok().and_then(row));
    each_line(whose, "net/tcp", &mut add)?;
    let _without = each_line(whose, "net/tcp6", &mut add);
    Ok(rows)
}

/// How many connections of the last minute this end closed first: whoever does keeps `TIME_WAIT` for that long.
pub(crate) fn closed_by(end: SocketAddr) -> io::Result<u64> {
    let waits = |row: &&Row| row.state == TcpState::TimeWait && row.local == end;
    Ok(rows(Whose::Own)?.iter().filter(waits).count() as u64)
}

/// The kernel's numbers for them, from 1 on; the twelfth is a half-open one.
pub(super) const STATES: [TcpState; 12] = [
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

/// One line of a table: addresses are hexadecimal, in the machine's byte order by groups of four bytes.
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
    use super::{Row, TcpState, row};

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
}
