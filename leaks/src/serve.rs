//! `leaks serve`: the service of the story, with its debug port.

use crate::args::ServeArgs;
use crate::problem::{Problem, Result};
use detectors::debug::{ListenError, Listener, Token};
use detectors::memory;
use domain_service::cluster::Cluster;
use domain_service::{Leaks, Options, Service};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use workbook::{Ending, say};

/// How long requests that are being answered may go on after Ctrl-C.
const GRACE: Duration = Duration::from_secs(10);

/// Serves until Ctrl-C.
pub(crate) fn serve(args: &ServeArgs, out: &mut dyn Write) -> Result<Ending> {
    // A service that ends for want of memory is to say what it held, whoever set the limit.
    memory::report_when_full(None).map_err(|error| {
        Problem::new("can't prepare the report of what is held when memory is full").because(error)
    })?;
    if let Some(limit) = args.memory_limit {
        memory::set_limit(limit)
            .map_err(|error| Problem::new("can't limit the memory").because(error))?;
    }
    // So that each task is known by the line that spawned it.
    let runtime = detectors::tasks::Builder::new_multi_thread().build();
    let runtime =
        runtime.map_err(|error| Problem::new("can't start the service").because(error))?;
    let ending = runtime.block_on(serving(args, out));
    // What a leak holds would be waited for: it may never end.
    runtime.shutdown_background();
    ending
}

async fn serving(args: &ServeArgs, out: &mut dyn Write) -> Result<Ending> {
    let leaks = Leaks::start(&args.leak).map_err(|unknown| {
        Problem::new(unknown.to_string())
            .next(format!("See what each one is: {}", say::command("list")))
    })?;
    let token = token(args)?;
    let debug_address = args
        .debug_address
        .unwrap_or_else(|| loopback(args.debug_port));
    let debug = Listener::bind(debug_address, token)
        .await
        .map_err(|error| {
            let next = match error {
                ListenError::NeedsToken(_) => {
                    "Give one: --debug-token-file FILE, or --debug-token-variable NAME."
                }
                _ => "Choose another port with --debug-port N; 0 takes any that is free.",
            };
            Problem::new("can't open the debug port")
                .because(error)
                .next(next)
        })?;
    let debug_address = debug.address();
    // Held until the end: the embedded cluster ends with its value.
    let cluster = match args.search_url {
        Some(_) => None,
        None => Some(Cluster::start(0).await.map_err(|error| {
            Problem::new("can't start the embedded search cluster").because(error)
        })?),
    };
    let search_url = match (&args.search_url, &cluster) {
        (Some(url), _) => url.clone(),
        (None, Some(cluster)) => cluster.url(),
        (None, None) => String::new(),
    };
    let options = Options {
        address: loopback(args.port),
        is_streaming: args.streaming,
        page_size: args.page_size,
        at_once: args.at_once,
        ..Options::new(search_url)
    };
    let service = Service::start(options, leaks)
        .await
        .map_err(|error| Problem::new("can't start the service").because(error))?;
    tokio::spawn(debug.serve());
    // Before anybody is told the address: whoever knows it may end the service at once.
    let asked_to_end = asked_to_end()?;
    writeln!(
        out,
        "The service is at     http://{}/apex/customer-0042.example\n\
         Its debug port is at  http://{debug_address}/debug/pprof/   (Ctrl-C ends both)",
        service.address()
    )?;
    out.flush()?;
    asked_to_end.await;
    say::note("Ending: requests that are being answered may go on for ten seconds.");
    if !service.shut_down(GRACE).await {
        say::note("Some requests were cut off.");
    }
    Ok(Ending::AsWanted)
}

/// Ends at Ctrl-C, or when an orchestrator asks for the end.
#[cfg(unix)]
fn asked_to_end() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let heard =
        |kind| signal(kind).map_err(|error| Problem::new("can't hear signals").because(error));
    let (mut interrupt, mut terminate) = (
        heard(SignalKind::interrupt())?,
        heard(SignalKind::terminate())?,
    );
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
fn asked_to_end() -> Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn token(args: &ServeArgs) -> Result<Option<Token>> {
    let token = match (&args.debug_token_file, &args.debug_token_variable) {
        (Some(file), _) => Token::from_file(file),
        (None, Some(name)) => Token::from_variable(name),
        (None, None) => return Ok(None),
    };
    token
        .map(Some)
        .map_err(|error| Problem::new("can't have the debug port's token").because(error))
}
