//! Keeps its heap profiles, and asks its own debug port for the heap profile and the metrics.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::temp_dir().join(format!("debug-alone-{}", std::process::id()));
    drop(detectors::debug::KeptProfiles::new(&folder).start()?);
    println!("kept: {} file", std::fs::read_dir(&folder)?.count());
    std::fs::remove_dir_all(&folder)?;

    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build()?.block_on(async {
        let debug = detectors::debug::Listener::bind("127.0.0.1:0", None).await?;
        let address = debug.address();
        tokio::spawn(debug.serve());
        for path in ["/debug/pprof/heap", "/metrics"] {
            let mut connection = TcpStream::connect(address).await?;
            let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
            connection.write_all(request.as_bytes()).await?;
            let mut answer = Vec::new();
            connection.read_to_end(&mut answer).await?;
            assert!(answer.starts_with(b"HTTP/1.1 200"), "{path}: {}", String::from_utf8_lossy(&answer));
            println!("{path}: {} bytes", answer.len());
        }
        Ok(())
    })
}
