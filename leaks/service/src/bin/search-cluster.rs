//! The search cluster as a process of its own, so that it can be stopped and killed like a real one.
//!
//! ```sh
//! cargo run -p domain-service --bin search-cluster -- 9200
//! cargo run -- serve --search-url http://127.0.0.1:9200
//! ```

use domain_service::cluster::Cluster;
use std::io::Write;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let port = match std::env::args().nth(1).map(|port| port.parse()) {
        None => 0,
        Some(Ok(port)) => port,
        Some(Err(error)) => return refuse(format_args!("that is no port: {error}")),
    };
    match Cluster::start(port).await {
        Ok(cluster) => {
            // Nobody may be listening; the cluster is there all the same.
            let _ = writeln!(std::io::stdout(), "{}", cluster.url());
            std::future::pending().await
        }
        Err(error) => refuse(format_args!("can't listen on 127.0.0.1:{port}: {error}")),
    }
}

fn refuse(why: std::fmt::Arguments<'_>) -> ExitCode {
    eprintln!("{why}\n  Give a port, or none for any that is free: search-cluster 9200");
    ExitCode::from(2)
}
