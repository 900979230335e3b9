//! A port of its own, and who may ask on it.

use super::answers::Refusal;
use super::token::Token;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use tokio::net::{TcpListener, ToSocketAddrs};

/// The debug endpoints on a port of their own. See the [module](super) for what they tell.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    token: Option<Token>,
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
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until the runtime ends or this is dropped.
    ///
    /// # Errors
    ///
    /// When the system takes the port away.
    pub async fn serve(self) -> io::Result<()> {
        let check = middleware::from_fn_with_state(self.token, may_ask);
        let router = super::router().layer(check);
        let socket = self.socket.tap_io(|connection| {
            // An answer is one piece; it needs no company.
            let _ = connection.set_nodelay(true);
        });
        axum::serve(socket, router).await
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

async fn may_ask(State(token): State<Option<Token>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let refused = match &token {
        Some(token) => without_token(token, headers),
        None => from_elsewhere(headers),
    };
    match refused {
        Some(refusal) => refusal,
        None => next.run(request).await,
    }
}

fn without_token(token: &Token, headers: &HeaderMap) -> Option<Response> {
    if brought(headers).is_some_and(|brought| token.is(&brought)) {
        return None;
    }
    let text = "this needs the token: `Authorization: Bearer TOKEN`, or http://any:TOKEN@host/ for `go tool pprof`";
    let asks = (header::WWW_AUTHENTICATE, "Basic realm=\"debug\"");
    let refusal = Refusal::new(StatusCode::UNAUTHORIZED, text);
    Some(([asks], refusal).into_response())
}

/// The token that a request brings.
fn brought(headers: &HeaderMap) -> Option<Vec<u8>> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Some(rest.trim().as_bytes().to_vec())
    } else if scheme.eq_ignore_ascii_case("basic") {
        let pair = STANDARD.decode(rest.trim()).ok()?;
        let colon = pair.iter().position(|byte| *byte == b':')?;
        Some(pair[colon + 1..].to_vec())
    } else {
        None
    }
}

/// What a page in a browser of this machine could send: it may have made its own name point to loopback, and it names its origin
/// with each request that changes something.
fn from_elsewhere(headers: &HeaderMap) -> Option<Response> {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let is_ours = host.is_some_and(is_this_machine);
    if is_ours && !headers.contains_key(header::ORIGIN) {
        return None;
    }
    let text = "this port answers this machine alone, by the name localhost or its address, and no web page";
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
    use super::is_this_machine;

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
