//! The service of the story: it tells which hosts a customer's domain has, by asking a search cluster page by page.
//!
//! `GET /apex/{apex}` is the incident's `GetByAPEX`. It collects all hosts and returns them in one answer, or streams them in
//! bounded memory. Started with a class of leaks, each request also does what that chapter's leaky code does.
//!
//! [`features`] is the same service with all that its operators have added, which `leaks drill` runs.
//!
//! [`cluster`] is the search backend: the same API as Elasticsearch's `_search`, over a corpus that is the same each time.

mod answers;
mod apex;
pub mod cluster;
mod connections;
mod corpus;
pub mod features;
mod leak;
mod search;
pub mod serve;

pub use leak::{Leaks, UnknownClass};

use apex::App;
use connections::Connections;
use search::Search;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;

/// How the service runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens; port 0 takes any that is free.
    pub address: SocketAddr,
    /// The search cluster: `http://127.0.0.1:9200`.
    pub search_url: String,
    /// Answers in bounded memory, page by page.
    pub is_streaming: bool,
    /// Hosts that are asked for at once.
    pub page_size: usize,
    /// Requests that are answered at the same time; more get 503.
    pub at_once: usize,
    /// Connections at the same time; the next ones wait in the system's queue.
    pub connections: usize,
    /// Bytes of answers that are kept for whoever asks again; 0 keeps none.
    pub keep_answers: u64,
    /// How long an answer may take.
    pub within: Duration,
    /// How long a client may take for a request's head, or say nothing.
    pub head_within: Duration,
    /// How long a client may leave unread what it asked for.
    pub read_within: Duration,
}

impl Options {
    /// Loopback, any free port; pages of 500 hosts, 32 requests at once on 1,024 connections, 30 seconds for each, and 10 for what a
    /// client has to do; no answer is kept.
    pub fn new(search_url: impl Into<String>) -> Self {
        Options {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            search_url: search_url.into(),
            is_streaming: false,
            page_size: 500,
            at_once: 32,
            connections: 1_024,
            keep_answers: 0,
            within: Duration::from_secs(30),
            head_within: Duration::from_secs(10),
            read_within: Duration::from_secs(10),
        }
    }
}

/// The running service.
#[derive(Debug)]
pub struct Service {
    address: SocketAddr,
    connections: Connections,
}

impl Service {
    /// Starts it on this runtime.
    ///
    /// # Errors
    ///
    /// When the search cluster's address is none, or the system refuses the port.
    pub async fn start(options: Options, leaks: Leaks) -> Result<Self, StartError> {
        let search = Search::new(&options.search_url, options.page_size, options.within)?;
        let listener = TcpListener::bind(options.address)
            .await
            .map_err(|error| StartError::Port(options.address, error))?;
        let address = listener
            .local_addr()
            .map_err(|error| StartError::Port(options.address, error))?;
        let router = apex::router(App::new(search, &options, leaks));
        Ok(Service {
            address,
            connections: Connections::serve(listener, router, &options),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no new connection, lets those that are being answered end, for at most so long. Returns whether all ended.
    pub async fn shut_down(self, within: Duration) -> bool {
        self.connections.shut_down(within).await
    }
}

/// Why the service can't start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The search cluster's address isn't one.
    SearchUrl(String, String),
    /// The system refuses the port.
    Port(SocketAddr, io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::SearchUrl(url, why) => {
                write!(
                    f,
                    "{url:?} is no address of a search cluster: {why}; it looks like http://127.0.0.1:9200"
                )
            }
            StartError::Port(address, error) => {
                write!(
                    f,
                    "can't listen on {address}: {error}; choose another port, or 0 for any that is free"
                )
            }
        }
    }
}

impl std::error::Error for StartError {}
