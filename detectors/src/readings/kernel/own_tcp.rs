//! This process' own TCP sockets, each asked by its descriptor: the kernel's tables have those of the whole network, and a walk through
//! them takes it milliseconds on a machine that has room for many.

use super::tcp::{Row, STATES, TcpState};
use std::mem::ManuallyDrop;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::fd::{FromRawFd, RawFd};

/// What a descriptor's socket is.
#[derive(Debug, PartialEq)]
pub(crate) enum Own {
    /// A TCP socket that the kernel's tables list.
    Tcp(Row),
    /// Another socket, or a TCP one that was never connected, or isn't any more.
    Other,
    /// It can't be told by the descriptor: the connection isn't made yet, say.
    Unknown,
}

/// Asks the socket of a descriptor of this process, whose number in `socket:[..]` is `inode`.
pub(crate) fn own(descriptor: RawFd, inode: u64) -> Own {
    match option(descriptor, libc::SOL_SOCKET, libc::SO_PROTOCOL) {
        Some(libc::IPPROTO_TCP) => {}
        Some(_) => return Own::Other,
        None => return Own::Unknown,
    }
    // The state is the first byte of what the kernel tells.
    let state = option(descriptor, libc::IPPROTO_TCP, libc::TCP_INFO)
        .and_then(|first| usize::from(first.to_ne_bytes()[0]).checked_sub(1))
        .and_then(|at| STATES.get(at).copied());
    let Some(state) = state else {
        return Own::Unknown;
    };
    if state == TcpState::Closed {
        return Own::Other;
    }
    // SAFETY: its addresses are asked for and nothing else; it is never dropped, so the descriptor stays its owner's. Should that one close
    // it meanwhile, the answers are errors, or those of the socket that has the number by then.
    let socket = ManuallyDrop::new(unsafe { TcpStream::from_raw_fd(descriptor) });
    let Ok(local) = socket.local_addr() else {
        return Own::Unknown;
    };
    let nobody = match local {
        SocketAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
    };
    let peer = match state {
        TcpState::Listen => Ok(SocketAddr::new(nobody, 0)),
        _ => socket.peer_addr(),
    };
    match peer {
        Ok(peer) => Own::Tcp(Row {
            local: canonical(local),
            peer: canonical(peer),
            state,
            inode,
        }),
        Err(_) => Own::Unknown,
    }
}

/// As the tables are read: an address of version 4 within one of version 6 is shown as it is.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// The first four bytes of a socket's option.
fn option(descriptor: RawFd, level: libc::c_int, name: libc::c_int) -> Option<libc::c_int> {
    let mut value: libc::c_int = 0;
    #[expect(clippy::cast_possible_truncation, reason = "four bytes")]
    let mut length = size_of_val(&value) as libc::socklen_t;
    // SAFETY: `value` has room for `length` bytes. The number is given to the kernel alone, which refuses what is no socket.
    let answered = unsafe {
        libc::getsockopt(
            descriptor,
            level,
            name,
            (&raw mut value).cast(),
            &raw mut length,
        )
    };
    (answered == 0).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::{Own, TcpState, own};
    use crate::readings::kernel::{Whose, descriptors, rows};
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

    fn inode_of(descriptor: RawFd) -> u64 {
        let all = descriptors(Whose::Own).expect("Linux tells");
        let (_, target) = all
            .iter()
            .find(|(number, _)| *number == descriptor)
            .expect("it is open");
        let target = target.to_str().expect("the kernel's words");
        let number = target
            .strip_prefix("socket:[")
            .and_then(|text| text.strip_suffix(']'));
        number
            .and_then(|number| number.parse().ok())
            .expect("a socket")
    }

    /// What a socket says of itself is what the kernel's tables have.
    #[track_caller]
    fn is_as_in_the_tables(descriptor: RawFd, state: TcpState) {
        let inode = inode_of(descriptor);
        let row = rows(Whose::Own)
            .expect("Linux tells")
            .into_iter()
            .find(|row| row.inode == inode);
        let row = row.expect("it is in a table");
        assert_eq!(row.state, state);
        assert_eq!(own(descriptor, inode), Own::Tcp(row));
    }

    #[test]
    fn each_state_of_a_connection_is_as_in_the_kernels_tables() {
        for address in ["127.0.0.1:0", "[::1]:0", "[::]:0"] {
            let Ok(listener) = TcpListener::bind(address) else {
                assert!(address.starts_with('['), "there is IPv4");
                continue; // a machine without IPv6
            };
            is_as_in_the_tables(listener.as_raw_fd(), TcpState::Listen);
            let port = listener.local_addr().expect("bound").port();
            // By version 4 to a listener of both: its end has an address within one of version 6.
            let to = if address == "[::1]:0" {
                "::1"
            } else {
                "127.0.0.1"
            };
            let client = TcpStream::connect((to, port)).expect("it listens");
            let (server, _) = listener.accept().expect("it connects");
            is_as_in_the_tables(client.as_raw_fd(), TcpState::Established);
            is_as_in_the_tables(server.as_raw_fd(), TcpState::Established);
            drop(client);
            let inode = inode_of(server.as_raw_fd());
            let has_come = || matches!(own(server.as_raw_fd(), inode), Own::Tcp(row) if row.state == TcpState::CloseWait);
            while !has_come() {
                std::thread::yield_now();
            }
            is_as_in_the_tables(server.as_raw_fd(), TcpState::CloseWait);
        }
    }

    #[test]
    fn what_the_tables_dont_have_is_another_socket() {
        let udp = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        assert_eq!(own(udp.as_raw_fd(), 1), Own::Other);
        // SAFETY: a plain call, whose descriptor has no other owner.
        let closed = unsafe {
            let descriptor = libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0);
            assert!(descriptor >= 0, "the system makes sockets");
            OwnedFd::from_raw_fd(descriptor)
        };
        assert_eq!(own(closed.as_raw_fd(), 1), Own::Other, "it has no address");
        let file = std::fs::File::open("/proc/self/stat").expect("Linux tells");
        assert_eq!(own(file.as_raw_fd(), 1), Own::Unknown);
    }
}
