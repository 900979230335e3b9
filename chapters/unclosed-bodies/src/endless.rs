//! A page that never ends, for the exercise: whoever reads it waits for ever.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// A server on loopback. It sends a status and headers, and then nothing.
#[derive(Debug)]
pub struct Endless {
    address: SocketAddr,
    open: Arc<AtomicUsize>,
}

impl Endless {
    /// Starts it on a free port. Its thread lives as long as the process.
    ///
    /// # Panics
    ///
    /// When the system refuses a port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback");
        let address = listener.local_addr().expect("it is bound");
        let open: Arc<AtomicUsize> = Arc::default();
        let counter = Arc::clone(&open);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                counter.fetch_add(1, Ordering::Relaxed);
                let counter = Arc::clone(&counter);
                thread::spawn(move || {
                    // A client that hangs up is what it waits for.
                    let _ = answer(&connection);
                    drop(connection);
                    counter.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        Endless { address, open }
    }

    /// The address of a page with a length, or of one without.
    pub fn url(&self, has_length: bool) -> String {
        let page = if has_length { "long" } else { "unknown" };
        format!("http://{}/{page}", self.address)
    }

    /// How many connections to it are open.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

/// How long the page says it is.
pub const PAGE_BYTES: u64 = 1 << 30;

fn answer(mut connection: &TcpStream) -> io::Result<()> {
    let mut request = BufReader::new(connection);
    let mut line = String::new();
    request.read_line(&mut line)?;
    let has_length = line.contains("/long");
    while line.trim_end() != "" {
        line.clear();
        request.read_line(&mut line)?;
    }
    let length = if has_length {
        format!("Content-Length: {PAGE_BYTES}")
    } else {
        "Transfer-Encoding: chunked".to_owned()
    };
    write!(connection, "HTTP/1.1 200 OK\r\n{length}\r\n\r\n")?;
    // Until the client hangs up.
    io::copy(&mut request, &mut io::sink())?;
    Ok(())
}
