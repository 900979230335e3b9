//! A server of HTTP on loopback that counts what it accepts.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// More than a client reads ahead: who drops it unread loses the connection.
const BODY_BYTES: usize = 256 << 10;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    accepted: Arc<AtomicU64>,
}

impl Server {
    /// A thread for each connection; all of them end with the process.
    pub(crate) fn start(closes: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback");
        let address = listener.local_addr().expect("it is bound");
        let accepted = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&accepted);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counter.fetch_add(1, SeqCst);
                std::thread::spawn(move || answer(stream, closes));
            }
        });
        Server { address, accepted }
    }

    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(SeqCst)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

fn answer(mut stream: TcpStream, closes: bool) {
    let mut request = [0; 4_096];
    let connection = if closes { "close" } else { "keep-alive" };
    let head = format!(
        "HTTP/1.1 503 Unavailable\r\nconnection: {connection}\r\ncontent-length: {BODY_BYTES}\r\n\r\n"
    );
    let body = vec![b'!'; BODY_BYTES];
    while stream.read(&mut request).is_ok_and(|read| read > 0) {
        let sent = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(&body));
        if closes || sent.is_err() {
            return;
        }
    }
}

/// Waits for a condition, with a deadline.
#[track_caller]
pub(crate) fn ended(what: &str, is: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !is() {
        assert!(Instant::now() < deadline, "waited a minute for {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
