//! What became of the bodies of responses: held, dropped unread, or read to their end.
//!
//! A response holds its connection until its body is read to the end or dropped. Read, the connection goes back to the client's
//! pool. Dropped, it is closed, since nobody knows where the next answer would begin. Held, it stays, with its buffers, its task
//! and its socket.
//!
//! | outcome | sockets that stay | connections that the server accepted | what it costs |
//! |---|---|---|---|
//! | [`Held`](Outcome::Held) | one a request | one a request | a leak: sockets, tasks, memory |
//! | [`DroppedUnread`](Outcome::DroppedUnread) | none | one a request | churn: a new connection each time |
//! | [`Idle`](Outcome::Idle) | those of the pool | those of the pool | nothing |
//!
//! # In a service's tests
//!
//! ```
//! use detectors::bodies::{BodyCheck, Outcome, Requests};
//! # use std::io::{Read, Write};
//! # use std::sync::{Arc, atomic::{AtomicU64, Ordering::SeqCst}};
//! # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! # let server = listener.local_addr()?;
//! # let accepted = Arc::new(AtomicU64::new(0));
//! # let counter = Arc::clone(&accepted);
//! # std::thread::spawn(move || for stream in listener.incoming().flatten() {
//! #     counter.fetch_add(1, SeqCst);
//! #     std::thread::spawn(move || {
//! #         let (mut stream, mut request) = (stream, [0; 4_096]);
//! #         while stream.read(&mut request).is_ok_and(|read| read > 0) {
//! #             let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nwell");
//! #         }
//! #     });
//! # });
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! let client = reqwest::Client::new();
//! let check = BodyCheck::new("the probe", server)?;
//! for _ in 0..20 {
//!     let response = client.get(format!("http://{server}/")).send().await?;
//!     response.bytes().await?;
//! }
//! let accepted = accepted.load(SeqCst); // the test's own server counts them
//! let found = check.find_async(Requests::new(20).accepted(accepted)).await?;
//! assert_eq!(found.assert_idle().outcome(), Outcome::Idle);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).map_err(|error| std::io::Error::other(error.to_string()))?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Where it can mislead you
//!
//! - HTTP/2 sends all requests over one connection. A held body shows there as memory and as a stalled neighbour, and not here.
//! - It sees the whole process. Another client of the same server is part of what it sees.
//! - Through a proxy the server's address is the proxy's.
//! - A server that closes connections itself, as with `connection: close`, makes churn that isn't the client's. Where it runs on
//!   this machine, the kernel tells who closed first; else a reader must know.

use crate::model::class::Class;
use crate::model::complaint::{Complaint, Concept, passed};
use crate::model::this_test;
use crate::model::verdict::Verdict;
use crate::model::words::{count, grouped, wrapped};
use crate::readings::kernel;
use crate::readings::process::{self, TcpState, Waits};
use std::fmt::{self, Display, Formatter};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// How long connections may take to close, unless told otherwise.
const WITHIN: Duration = Duration::from_secs(1);

/// Lost connections that are fewer than this share of the requests are a pool's own: it closes what was idle for long.
const CHURN_FROM: f64 = 0.05;

/// What became of the bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// Somebody keeps responses whose bodies aren't read: their connections stay. A leak.
    Held,
    /// Responses are dropped before their bodies are read: their connections are lost. Churn, and no leak.
    DroppedUnread,
    /// Bodies are read to their end: what stays is a pool's idle connections. Healthy.
    Idle,
    /// What could be read doesn't tell.
    Inconclusive,
}

impl Outcome {
    fn words(self) -> &'static str {
        match self {
            Outcome::Held => "held",
            Outcome::DroppedUnread => "dropped unread",
            Outcome::Idle => "idle",
            Outcome::Inconclusive => "inconclusive",
        }
    }
}

/// `held`, `dropped unread`, `idle`, `inconclusive`.
impl Display for Outcome {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// What was asked since the check's baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Requests {
    /// How many requests were answered.
    pub made: u64,
    /// How many connections the server accepted meanwhile; `None` where it doesn't tell. Without, dropped and read look the same.
    pub accepted: Option<u64>,
}

impl Requests {
    /// So many requests were answered.
    pub fn new(made: u64) -> Self {
        Requests {
            made,
            accepted: None,
        }
    }

    /// The server accepted so many connections meanwhile.
    #[must_use]
    pub fn accepted(mut self, connections: impl Into<Option<u64>>) -> Self {
        self.accepted = connections.into();
        self
    }
}

/// Tells what becomes of the bodies that a client is sent: taken before the requests, asked after them.
#[derive(Debug, Clone)]
pub struct BodyCheck {
    name: String,
    server: SocketAddr,
    at_once: u64,
    within: Duration,
    sockets: u64,
    closed_by_server: u64,
    #[cfg(feature = "tokio")]
    tasks: Option<(tokio::runtime::Handle, u64)>,
}

impl BodyCheck {
    /// A check of requests to that server, with what is open to it now as the baseline. The name goes into the failure's text.
    ///
    /// # Errors
    ///
    /// Where the system doesn't tell: on Linux when `/proc` isn't mounted, elsewhere always.
    pub fn new(name: impl Into<String>, server: SocketAddr) -> io::Result<Self> {
        Ok(BodyCheck {
            name: name.into(),
            server,
            at_once: 1,
            within: WITHIN,
            sockets: sockets_to(server)?,
            closed_by_server: kernel::closed_by(server)?,
            #[cfg(feature = "tokio")]
            tasks: None,
        })
    }

    /// How many requests are under way at the same time, at most: one unless told otherwise. A pool may keep twice as many
    /// connections, since a client connects anew while it waits for one that is about to be free.
    ///
    /// # Panics
    ///
    /// With none.
    #[must_use]
    #[track_caller]
    pub fn at_once(mut self, requests: u64) -> Self {
        assert!(
            requests > 0,
            "detectors: without a request under way there is no body"
        );
        self.at_once = requests;
        self
    }

    /// How long connections may take to close; a second unless told otherwise. It waits only as long as more are open than a pool
    /// may keep.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.within = time;
        self
    }

    /// Looks at the runtime's tasks as well: the client runs one for each connection. A socket that stays without one is held by
    /// something else than a body, and the answer is `inconclusive`.
    #[cfg(feature = "tokio")]
    #[must_use]
    pub fn on(mut self, runtime: &tokio::runtime::Handle) -> Self {
        self.tasks = Some((
            runtime.clone(),
            crate::readings::tasks::alive(runtime) as u64,
        ));
        self
    }

    /// What became of the bodies, once what was about to close has closed. It blocks its thread: within a runtime use
    /// [`find_async`](BodyCheck::find_async).
    ///
    /// # Errors
    ///
    /// Where the system doesn't tell any more.
    pub fn find(&self, requests: Requests) -> io::Result<Found> {
        let mut waits = Waits::new(self.within);
        loop {
            let sockets = self.sockets_that_stay()?;
            match waits.next().filter(|_| sockets > self.pool()) {
                Some(wait) => std::thread::sleep(wait),
                None => return self.found(requests, sockets),
            }
        }
    }

    /// As [`find`](BodyCheck::find), while the runtime goes on: the tasks of its connections can end.
    ///
    /// # Errors
    ///
    /// As [`find`](BodyCheck::find).
    ///
    /// # Panics
    ///
    /// On a runtime without timers.
    #[cfg(feature = "tokio")]
    pub async fn find_async(&self, requests: Requests) -> io::Result<Found> {
        let mut waits = Waits::new(self.within);
        tokio::task::yield_now().await;
        loop {
            let sockets = self.sockets_that_stay()?;
            match waits.next().filter(|_| sockets > self.pool()) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return self.found(requests, sockets),
            }
        }
    }

    fn pool(&self) -> u64 {
        2 * self.at_once
    }

    fn sockets_that_stay(&self) -> io::Result<u64> {
        Ok(sockets_to(self.server)?.saturating_sub(self.sockets))
    }

    fn found(&self, requests: Requests, sockets: u64) -> io::Result<Found> {
        let closed_by_server = kernel::closed_by(self.server)?;
        Ok(Found {
            name: self.name.clone(),
            server: self.server,
            requests,
            pool: self.pool(),
            sockets,
            closed_by_server: closed_by_server.saturating_sub(self.closed_by_server),
            tasks: self.tasks(),
        })
    }

    #[cfg(feature = "tokio")]
    fn tasks(&self) -> Option<u64> {
        let (runtime, before) = self.tasks.as_ref()?;
        Some((crate::readings::tasks::alive(runtime) as u64).saturating_sub(*before))
    }

    #[cfg(not(feature = "tokio"))]
    #[expect(clippy::unused_self, reason = "with tokio it is the check that knows")]
    fn tasks(&self) -> Option<u64> {
        None
    }
}

/// The connections of this process to a server that are open at this end.
fn sockets_to(server: SocketAddr) -> io::Result<u64> {
    let sockets = process::sockets()?;
    let to_server = sockets
        .iter()
        .filter_map(|socket| socket.tcp)
        .filter(|tcp| tcp.peer == server && !tcp.is_accepted && tcp.state != TcpState::Listen);
    Ok(to_server.count() as u64)
}

/// What a [`BodyCheck`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    name: String,
    server: SocketAddr,
    requests: Requests,
    /// How many connections a pool may keep.
    pool: u64,
    sockets: u64,
    closed_by_server: u64,
    tasks: Option<u64>,
}

impl Found {
    /// Sockets to the server that weren't there at the baseline and stay.
    pub fn sockets(&self) -> u64 {
        self.sockets
    }

    /// Tasks that weren't there at the baseline, where [`BodyCheck::on`] was told of the runtime.
    pub fn tasks(&self) -> Option<u64> {
        self.tasks
    }

    /// The outcome.
    pub fn outcome(&self) -> Outcome {
        self.reasoned().0
    }

    fn is_more_than_a_pool(&self) -> bool {
        self.sockets > self.pool
    }

    /// The outcome, why, and what would settle it.
    fn reasoned(&self) -> (Outcome, String, Option<&'static str>) {
        let Found { sockets, pool, .. } = *self;
        let made = count(self.requests.made.cast_signed(), "request");
        let stay = count(sockets.cast_signed(), "socket");
        if self.is_more_than_a_pool() {
            if let Some(tasks) = self.tasks.filter(|tasks| 2 * tasks < sockets) {
                let tasks = count(tasks.cast_signed(), "task");
                return (
                    Outcome::Inconclusive,
                    format!(
                        "{stay} of {made} stay, but {tasks} with them: it isn't bodies that hold them"
                    ),
                    Some("a Watch over the same code, which names who holds the growing blocks"),
                );
            }
            return (
                Outcome::Held,
                format!("{stay} of {made} stay, and a pool may keep {pool}"),
                None,
            );
        }
        if self.requests.made <= 2 * pool {
            return (
                Outcome::Inconclusive,
                format!("{made} are too few: a pool may keep {pool} connections by itself"),
                Some("more requests, one after the other"),
            );
        }
        let Some(accepted) = self.requests.accepted else {
            return (
                Outcome::Inconclusive,
                format!(
                    "{stay} of {made} stay, so no body is held; whether each was read, this end doesn't show"
                ),
                Some("the number of connections that the server accepted"),
            );
        };
        let lost = accepted.saturating_sub(sockets);
        let connections = count(accepted.cast_signed(), "connection");
        if lost <= pool || (lost as f64) < CHURN_FROM * self.requests.made as f64 {
            let because = format!(
                "{made} were made over {connections}, and {stay} stay, as a pool keeps them"
            );
            return (Outcome::Idle, because, None);
        }
        if 2 * self.closed_by_server >= lost {
            let closed = grouped(self.closed_by_server.cast_signed());
            return (
                Outcome::Inconclusive,
                format!("{connections} for {made}; {closed} of them the server closed first"),
                Some("a server that keeps its connections alive"),
            );
        }
        (
            Outcome::DroppedUnread,
            format!(
                "{connections} for {made}, and {stay} stay: each connection that was lost had a body unread"
            ),
            None,
        )
    }

    /// Whether the bodies were read to their end.
    ///
    /// # Errors
    ///
    /// With the failure's text: they weren't, or it couldn't be told.
    pub fn check_idle(&self) -> Result<(), Complaint> {
        match self.outcome() {
            Outcome::Idle => Ok(()),
            _ => Err(Complaint::new(self)),
        }
    }

    /// Fails the test unless the bodies were read to their end.
    ///
    /// # Panics
    ///
    /// With the text of [`check_idle`](Found::check_idle).
    #[track_caller]
    pub fn assert_idle(&self) -> &Self {
        passed(self, self.check_idle())
    }
}

/// The failure of a test, or two lines that say that all is well.
impl Display for Found {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (outcome, because, settle_by) = self.reasoned();
        let Found { name, server, .. } = self;
        let saw =
            format!("{name}: expected the bodies from {server} read to their end, saw {outcome}");
        writeln!(f, "{}", wrapped(&saw))?;
        writeln!(f, "{}", wrapped(&format!("because: {because}")))?;
        if let Some(settle_by) = settle_by {
            writeln!(
                f,
                "{}",
                wrapped(&format!("what would settle it: {settle_by}"))
            )?;
        }
        let concept: Concept = match outcome {
            Outcome::Idle => return Ok(()),
            Outcome::Inconclusive => Verdict::Inconclusive.into(),
            Outcome::Held | Outcome::DroppedUnread => Class::UnclosedBodies.into(),
        };
        writeln!(f, "\n{concept}")?;
        write!(f, "\nnext: run it again, alone\n  {}", this_test::again())
    }
}
