//! The hosts that are probed: one server on loopback, on its own thread and runtime, for as long as its value lives.

use axum::Router;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// The body that a host sends when it isn't well: a page for people.
pub const PAGE_BYTES: usize = 64 << 10;

/// The server, and how often somebody connected to it.
#[derive(Debug)]
pub struct Backend {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    asked: Arc<AtomicUsize>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Backend {
    /// Starts a server on a free port of loopback.
    ///
    /// # Panics
    ///
    /// When the system refuses a port or a thread.
    pub fn start() -> Self {
        Self::counting(Arc::default())
    }

    /// The same, with a counter of connections that outlives it.
    ///
    /// # Panics
    ///
    /// When the system refuses a port or a thread.
    pub fn counting(accepted: Arc<AtomicUsize>) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port of loopback");
        listener.set_nonblocking(true).expect("a socket of ours");
        let address = listener.local_addr().expect("it is bound");
        let (stop, stopped) = oneshot::channel();
        let asked: Arc<AtomicUsize> = Arc::default();
        let (counter, requests) = (Arc::clone(&accepted), Arc::clone(&asked));
        let thread = std::thread::Builder::new()
            .name("backend".to_owned())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build();
                runtime.expect("a runtime").block_on(async {
                    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                    let listener = listener.tap_io(move |_| {
                        counter.fetch_add(1, Ordering::Relaxed);
                    });
                    let answers = Router::new().fallback(move |uri: Uri| async move {
                        requests.fetch_add(1, Ordering::Relaxed);
                        answer(&uri)
                    });
                    tokio::select! {
                        _ = axum::serve(listener, answers) => {}
                        _ = stopped => {}
                    }
                });
                // The runtime goes here, with whatever connection is still open.
            })
            .expect("a thread");
        Backend {
            address,
            accepted,
            asked,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of a host that is well, or of one that isn't.
    pub fn url(&self, is_well: bool) -> String {
        let host = if is_well { "well" } else { "unwell" };
        format!("http://{}/{host}", self.address)
    }

    /// The address of a host that sends many headers.
    pub fn url_with_headers(&self) -> String {
        format!("http://{}/headers", self.address)
    }

    /// How many connections were made to it.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    /// How many requests it has begun to answer.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        // Fails when the thread has ended by itself; then there is nothing to stop.
        let _ = self.stop.take().map(|stop| stop.send(()));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(uri: &Uri) -> Response {
    match uri.path() {
        "/unwell" => (StatusCode::SERVICE_UNAVAILABLE, vec![b'!'; PAGE_BYTES]).into_response(),
        "/headers" => {
            let mut response = "well".into_response();
            let headers = response.headers_mut();
            headers.insert("x-request-id", HeaderValue::from_static("0123456789abcdef"));
            let filling = HeaderValue::from_str(&"f".repeat(8 << 10)).expect("letters");
            for _ in 0..8 {
                headers.append("x-filling", filling.clone());
            }
            response
        }
        _ => "well".into_response(),
    }
}
