//! A port of its own, and who may ask on it.

use super::answers::{self, Refusal};
use super::token::Token;
use crate::outside::withheld::WITHHELD;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::serve::Listener as Accepts;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{fmt, io};
use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;

/// Connections at the same time; the next ones wait in the system's queue.
const AT_ONCE: usize = 64;

/// How long a client may take for a request's head, say nothing, or leave unread what it asked for.
const PATIENCE: Duration = Duration::from_secs(10);

/// The debug endpoints on a port of their own. See the [module](super) for what they tell.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    token: Option<Token>,
    patience: Duration,
    withholds: Option<Arc<AtomicBool>>,
}

impl Listener {
    /// Takes a port: `127.0.0.1:6060`, or `127.0.0.1:0` for any that is free.
    ///
    /// # Errors
    ///
    /// When the address isn't loopback and there is no token, or when the system refuses it.
    pub async fn bind(
        address: impl ToSocketAddrs,
        token: Option<Token>,
    ) -> Result<Self, ListenError> {
        let addresses: Vec<SocketAddr> = tokio::net::lookup_host(address).await?.collect();
        // Each is looked at before any is bound: a name may stand for several.
        if token.is_none()
            && let Some(wide) = addresses.iter().find(|address| !is_loopback(address.ip()))
        {
            return Err(ListenError::NeedsToken(*wide));
        }
        let socket = TcpListener::bind(&*addresses).await?;
        let address = socket.local_addr()?;
        Ok(Listener {
            socket,
            address,
            token,
            patience: PATIENCE,
            withholds: None,
        })
    }

    /// Has it withhold who holds what, and how full tables are: `/holders` and `/tables` are refused, and the metrics say so in a comment,
    /// so that a [`Triage`](crate::triage::Triage) of this service names neither class, nor holder, nor line. It is for exercises in which a
    /// person is to find these.
    #[must_use]
    pub fn withholding(self) -> Self {
        self.withholding_while(Arc::new(AtomicBool::new(true)))
    }

    /// The same for as long as this is `true`: once the exercise is over, everything may be asked.
    #[must_use]
    pub fn withholding_while(mut self, it_goes_on: Arc<AtomicBool>) -> Self {
        self.withholds = Some(it_goes_on);
        self
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until the runtime ends or this is dropped. Who keeps it waiting for ten seconds is sent away; an answer may take
    /// as long as its `seconds` say.
    pub async fn serve(mut self) {
        let check = middleware::from_fn_with_state(self.token, may_ask);
        let mut router = super::router();
        if let Some(withholds) = self.withholds {
            router = router.layer(middleware::from_fn_with_state(withholds, withholding));
        }
        let service = TowerToHyperService::new(router.layer(check));
        // Only http/1: to find out which version a client speaks, a server waits for its first bytes, and that without a limit.
        let mut builder = Builder::new(TokioExecutor::new()).http1_only();
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.patience);
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            if connections.len() == AT_ONCE {
                connections.join_next().await;
            }
            // It tries again after an error, such as too many open descriptors.
            let (stream, _) = Accepts::accept(&mut self.socket).await;
            // An answer is one piece; it needs no company.
            let _ = stream.set_nodelay(true);
            let mut stream = TimeoutStream::new(stream);
            stream.set_write_timeout(Some(self.patience));
            let connection = builder
                .serve_connection(TokioIo::new(Box::pin(stream)), service.clone())
                .into_owned();
            connections.spawn(connection);
        }
    }
}

/// `::ffff:127.0.0.1` is loopback too.
fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// Why there is no listener.
#[derive(Debug)]
#[non_exhaustive]
pub enum ListenError {
    /// Others than this machine could reach that address, and there is no token.
    NeedsToken(SocketAddr),
    /// The system refuses the address.
    Refused(io::Error),
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListenError::NeedsToken(address) => write!(
                f,
                "{address} can be reached from other machines, and the debug endpoints tell whoever asks what the code does; \
                 listen on 127.0.0.1, or give a token"
            ),
            ListenError::Refused(error) => {
                write!(
                    f,
                    "the debug port can't be had: {error}; choose another, or 0 for any that is free"
                )
            }
        }
    }
}

impl std::error::Error for ListenError {}

impl From<io::Error> for ListenError {
    fn from(error: io::Error) -> Self {
        ListenError::Refused(error)
    }
}

/// Answers all but who holds what, and says so.
async fn withholding(
    State(withholds): State<Arc<AtomicBool>>,
    request: Request,
    next: Next,
) -> Response {
    match request.uri().path() {
        _ if !withholds.load(Ordering::Relaxed) => next.run(request).await,
        "/holders" | "/tables" => {
            Refusal::new(StatusCode::FORBIDDEN, WITHHELD.trim_start_matches("# ")).into_response()
        }
        "/metrics" => {
            let answer = next.run(request).await;
            let status = answer.status();
            match to_bytes(answer.into_body(), usize::MAX).await {
                Ok(metrics) => {
                    let metrics = String::from_utf8_lossy(&metrics);
                    (status, answers::text(format!("{metrics}{WITHHELD}\n"))).into_response()
                }
                Err(error) => Refusal::new(StatusCode::BAD_GATEWAY, error).into_response(),
            }
        }
        _ => next.run(request).await,
    }
}

async fn may_ask(State(token): State<Option<Token>>, request: Request, next: Next) -> Response {
    match refusal(token.as_ref(), request.headers()) {
        Some(refusal) => refusal,
        None => next.run(request).await,
    }
}

fn refusal(token: Option<&Token>, headers: &HeaderMap) -> Option<Response> {
    let Some(token) = token else {
        return of_another_name(headers).or_else(|| of_a_page(headers));
    };
    match brought(headers) {
        Some((by, bytes)) if token.is(&bytes) => match by {
            // No browser sends it unless a program tells it to, and from a page of another origin it asks the port first.
            Scheme::Bearer => None,
            // A browser keeps a password, and sends it with whatever a page asks for.
            Scheme::Basic => of_a_page(headers),
        },
        _ => Some(without_token()),
    }
}

fn without_token() -> Response {
    let text = "this needs the token: `Authorization: Bearer TOKEN`, or http://any:TOKEN@host/ for `go tool pprof`";
    let asks = (header::WWW_AUTHENTICATE, "Basic realm=\"debug\"");
    let refusal = Refusal::new(StatusCode::UNAUTHORIZED, text);
    ([asks], refusal).into_response()
}

/// How a token is brought.
#[derive(Debug, Clone, Copy)]
enum Scheme {
    Bearer,
    Basic,
}

/// The token that a request brings.
fn brought(headers: &HeaderMap) -> Option<(Scheme, Vec<u8>)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Some((Scheme::Bearer, rest.trim().as_bytes().to_vec()))
    } else if scheme.eq_ignore_ascii_case("basic") {
        let pair = STANDARD.decode(rest.trim()).ok()?;
        let colon = pair.iter().position(|byte| *byte == b':')?;
        Some((Scheme::Basic, pair[colon + 1..].to_vec()))
    } else {
        None
    }
}

/// A page may have made its own name point to this machine: to the browser it is then of this port's origin, and only the name
/// gives it away.
fn of_another_name(headers: &HeaderMap) -> Option<Response> {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    if host.is_some_and(is_this_machine) {
        return None;
    }
    let text = "this port answers this machine alone, by the name localhost or its address";
    Some(Refusal::new(StatusCode::FORBIDDEN, text).into_response())
}

/// What a page in a browser of this machine could send. A browser tells with each request whether it was made by a page of another
/// origin; an older one tells the origin alone, and that only with a request that changes something.
fn of_a_page(headers: &HeaderMap) -> Option<Response> {
    let is_own = |site: &HeaderValue| site == "none" || site == "same-origin";
    let is_foreign = !headers.get_all("sec-fetch-site").iter().all(is_own);
    if !is_foreign && !headers.contains_key(header::ORIGIN) {
        return None;
    }
    let text = "this port answers no web page, and no link on one: ask it by curl or `go tool pprof`, or type its address";
    Some(Refusal::new(StatusCode::FORBIDDEN, text).into_response())
}

/// Whether a `Host` header names loopback, with or without a port.
fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        // `[::1]` alone ends in a bracket.
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(is_loopback)
}

#[cfg(test)]
mod tests {
    use super::{AT_ONCE, Arc, AtomicBool, Listener, Ordering, is_this_machine};
    use std::io::ErrorKind;
    use std::net::SocketAddr;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::task::yield_now;
    use tokio::time::timeout;

    /// How long a test waits for what must happen.
    const DEADLINE: Duration = Duration::from_mins(1);

    /// What a test has the listener wait for its clients.
    const SHORT: Duration = Duration::from_millis(50);

    fn on_a_runtime(work: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let ended = runtime
            .expect("a runtime")
            .block_on(async { timeout(DEADLINE, work).await });
        ended.expect("within a minute");
    }

    async fn serve(patience: Duration) -> SocketAddr {
        let listener = Listener::bind("127.0.0.1:0", None).await;
        let listener = listener.expect("a port of loopback");
        let address = listener.address();
        tokio::spawn(
            Listener {
                patience,
                ..listener
            }
            .serve(),
        );
        address
    }

    async fn says(address: SocketAddr, text: &str) -> TcpStream {
        let mut client = TcpStream::connect(address).await.expect("it listens");
        client
            .write_all(text.as_bytes())
            .await
            .expect("it is there");
        client
    }

    /// All that it is told until the connection ends.
    async fn is_told(mut client: TcpStream) -> String {
        let mut told = String::new();
        client.read_to_string(&mut told).await.expect("text");
        told
    }

    fn get(path: &str) -> String {
        format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
    }

    async fn is_answered(address: SocketAddr, path: &str) {
        let told = is_told(says(address, &get(path)).await).await;
        assert!(told.starts_with("HTTP/1.1 200 "), "{told}");
    }

    #[test]
    fn who_says_too_little_is_sent_away() {
        on_a_runtime(async {
            let address = serve(SHORT).await;
            for head in ["", "G", "GET /metrics HTTP/1.1\r\nhost: localhost\r\n"] {
                assert_eq!(is_told(says(address, head).await).await, "", "{head:?}");
            }
            is_answered(address, "/debug/pprof/").await;
        });
    }

    #[test]
    fn who_reads_nothing_is_sent_away() {
        on_a_runtime(async {
            let address = serve(SHORT).await;
            let request = get("/debug/pprof/").replace("connection: close\r\n", "");
            let mut client = says(address, &request).await;
            // Writing shows that the other side has closed.
            while client.write_all(request.as_bytes()).await.is_ok() {}
            is_answered(address, "/debug/pprof/").await;
        });
    }

    #[test]
    fn who_withholds_refuses_who_holds_what_and_says_so_in_the_metrics() {
        on_a_runtime(async {
            let listener = Listener::bind("127.0.0.1:0", None).await;
            let goes_on = Arc::new(AtomicBool::new(true));
            let listener = listener.expect("a port of loopback");
            let listener = listener.withholding_while(Arc::clone(&goes_on));
            let address = listener.address();
            tokio::spawn(listener.serve());
            for (method, path) in [("POST", "/holders?seconds=1"), ("GET", "/tables")] {
                let request = get(path).replace("GET", method);
                let told = is_told(says(address, &request).await).await;
                assert!(told.starts_with("HTTP/1.1 403 "), "{told}");
                assert!(told.contains("withheld: class, holder and line"), "{told}");
            }
            let metrics = is_told(says(address, &get("/metrics")).await).await;
            assert!(metrics.contains("tokio_tasks_alive "), "{metrics}");
            assert!(metrics.contains("\n# withheld: class"), "{metrics}");
            is_answered(address, "/debug/pprof/").await;
            goes_on.store(false, Ordering::Relaxed);
            // There is nothing to tell of in this process, and that isn't withheld.
            let told = is_told(says(address, &get("/tables")).await).await;
            assert!(!told.starts_with("HTTP/1.1 403 "), "{told}");
            let metrics = is_told(says(address, &get("/metrics")).await).await;
            assert!(!metrics.contains("withheld"), "{metrics}");
        });
    }

    #[test]
    fn an_answer_may_take_longer_than_a_client() {
        on_a_runtime(async {
            let address = serve(SHORT).await;
            is_answered(address, "/debug/pprof/block?debug=1&seconds=1").await;
        });
    }

    #[test]
    fn connections_are_so_many_at_most_and_the_next_is_answered_once_one_has_gone() {
        on_a_runtime(async {
            let address = serve(DEADLINE * 2).await;
            let mut silent = Vec::new();
            for _ in 0..AT_ONCE {
                silent.push(says(address, "").await);
            }
            let next = says(address, &get("/debug/pprof/")).await;
            // Turns in which the listener would have answered.
            for _ in 0..10_000 {
                yield_now().await;
            }
            let told = next.try_read(&mut [0]).map_err(|error| error.kind());
            assert_eq!(told, Err(ErrorKind::WouldBlock));
            silent.pop();
            assert!(is_told(next).await.starts_with("HTTP/1.1 200 "));
        });
    }

    #[test]
    fn names_of_this_machine_are_known_with_and_without_a_port() {
        for host in [
            "localhost",
            "LocalHost:6060",
            "127.0.0.1",
            "127.0.0.2:1",
            "[::1]",
            "[::1]:6060",
        ] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:6060",
            "localhost.evil.example",
            "10.0.0.1",
            "[::2]:6060",
        ] {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
