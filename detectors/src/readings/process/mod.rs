//! What the process has open: its descriptors, its sockets, its threads; and what a piece of code leaves open.
//!
//! A connection that nobody closes and a thread that never ends show little in the heap. The kernel has a list of both.
//!
//! | question | answer |
//! |---|---|
//! | which sockets, to whom, in which state? | [`sockets`]: what `netstat` shows, of this process alone |
//! | which files, pipes and other descriptors? | [`descriptors`] |
//! | which threads, and who started them? | [`threads`]; who, for those of [`spawn_thread`] |
//! | how many of each, to compare with later? | [`Open`] |
//! | what does this code leave open? | [`OpenCheck`] |
//! | what became of the bodies of these responses? | [`bodies`](crate::bodies) |
//!
//! A [`Watch`](crate::Watch) counts all three for each iteration, and names what grows.
//!
//! # In a service's tests
//!
//! ```
//! use detectors::process::OpenCheck;
//! use std::net::{TcpListener, TcpStream};
//!
//! let server = TcpListener::bind("127.0.0.1:0")?;
//! let check = OpenCheck::new("the probe")?;
//! let connection = TcpStream::connect(server.local_addr()?)?;
//! drop(connection);
//! check.find()?.assert_none();
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Where it can mislead you
//!
//! - All of it belongs to the whole process. Declare the test with [`tests!`](crate::tests!) to have a process for itself.
//! - A kept-alive connection of a pool is open and healthy. Let the code run once before a [`OpenCheck`] takes its baseline.
//! - It is read from Linux' `/proc`. On other systems each function returns an error that says so.

mod check;
mod listed;
mod open;
mod spawn;
mod waits;

pub use check::{LeftOpen, OpenCheck};
pub(crate) use open::groups;
pub use open::{Group, Open};
pub use spawn::{spawn_thread, spawn_thread_with};
pub(crate) use waits::Waits;

pub use crate::readings::kernel::TcpState;
use crate::readings::kernel::Whose;
use crate::readings::spawn_site::SpawnSite;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::{fmt, io};

/// An open descriptor of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Descriptor {
    /// Its number.
    pub number: i32,
    /// What it stands for.
    pub target: Target,
}

/// What a descriptor stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// A file, a folder or a device, by its path. A deleted file's ends in ` (deleted)`.
    Path(PathBuf),
    /// One end of a pipe.
    Pipe,
    /// A socket: see [`sockets`].
    Socket,
    /// What the kernel has no path for, by its word: `eventpoll`, `eventfd`, `timerfd`.
    Other(String),
}

/// What descriptors of this kind are counted under: `files in /var/spool`, `pipes`, `sockets`, `eventpoll`.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Path(path) => {
                let folder = path.parent().unwrap_or(path);
                write!(f, "files in {}", folder.display())
            }
            Target::Pipe => f.write_str("pipes"),
            Target::Socket => f.write_str("sockets"),
            Target::Other(word) => f.write_str(word),
        }
    }
}

/// An open socket of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Socket {
    /// Its descriptor's number.
    pub descriptor: i32,
    /// Its connection; `None` when it isn't TCP.
    pub tcp: Option<Tcp>,
}

/// The kernel's row for a TCP socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tcp {
    /// This end.
    pub local: SocketAddr,
    /// The other end; port 0 while listening.
    pub peer: SocketAddr,
    /// How far the connection has come.
    pub state: TcpState,
    /// Whether it was accepted here: this process listens on its local port. Else this process connected.
    pub is_accepted: bool,
}

/// What sockets of this kind are counted under: by peer and state, or by the address that listens.
impl fmt::Display for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tcp {
            None => f.write_str("sockets other than TCP"),
            Some(tcp) if tcp.state == TcpState::Listen => {
                write!(f, "TCP listening on {}", tcp.local)
            }
            Some(tcp) if tcp.is_accepted => {
                write!(f, "TCP accepted on {}, {}", tcp.local, tcp.state)
            }
            Some(tcp) => write!(f, "TCP to {}, {}", tcp.peer, tcp.state),
        }
    }
}

/// A thread of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Thread {
    /// The kernel's number for it.
    pub id: i32,
    /// Its name, as the kernel has it: of at most 15 bytes. A letter that was cut there is `\u{fffd}`. Empty for a thread that nobody
    /// named, which the kernel shows under the program's name.
    pub name: String,
    /// Who started it, where that was [`spawn_thread`].
    pub spawned_at: Option<SpawnSite>,
}

/// What threads of this kind are counted under: `threads named backend`, `threads without a name`.
impl fmt::Display for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.as_str() {
            "" => f.write_str("threads without a name"),
            name => write!(f, "threads named {name}"),
        }
    }
}

/// The process' open descriptors, sockets among them, by number; without the one that this reading needs.
///
/// ```
/// use detectors::process::{Target, descriptors};
///
/// let file = tempfile::NamedTempFile::new()?;
/// let opened = Target::Path(file.path().to_owned());
/// assert!(descriptors()?.iter().any(|descriptor| descriptor.target == opened));
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// Where the system doesn't tell: on Linux when `/proc` isn't mounted, elsewhere always.
pub fn descriptors() -> io::Result<Vec<Descriptor>> {
    listed::descriptors(Whose::Own)
}

/// The process' open sockets: what `netstat` shows, IPv4 and IPv6, of this process alone.
///
/// A descriptor that was duplicated shows as often as it is open.
///
/// # Errors
///
/// Where the system doesn't tell: on Linux when `/proc` isn't mounted, elsewhere always.
pub fn sockets() -> io::Result<Vec<Socket>> {
    listed::sockets(Whose::Own)
}

/// The process' threads, the main one first.
///
/// # Errors
///
/// Where the system doesn't tell: on Linux when `/proc` isn't mounted, elsewhere always.
pub fn threads() -> io::Result<Vec<Thread>> {
    let mut threads = listed::threads(Whose::Own)?;
    spawn::add_sites(&mut threads);
    Ok(threads)
}
