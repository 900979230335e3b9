//! Asks the program's own debug port for a profile of the processor's time, while a thread works.

use crate::shop::Shop;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub fn cpu_profile(file: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let port = runtime.block_on(detectors::debug::Listener::bind("127.0.0.1:0", None))?;
    let address = port.address();
    runtime.spawn(port.serve());
    let ends = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&ends);
    let worker = std::thread::spawn(move || Shop.works(&seen));

    let mut connection = TcpStream::connect(address)?;
    // In the older protocol an answer comes in one piece.
    write!(connection, "GET /debug/pprof/profile?seconds=1 HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer)?;
    ends.store(true, Ordering::Relaxed);
    worker.join().map_err(|_| "it doesn't panic")?;

    let head = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or("an answer has a head")?;
    if !answer.starts_with(b"HTTP/1.0 200") {
        return Err(String::from_utf8_lossy(&answer).into());
    }
    Ok(std::fs::write(file, &answer[head + 4..])?)
}
