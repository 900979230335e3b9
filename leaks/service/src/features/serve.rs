//! The service as it is deployed: told by its standard input what it needs, and ended when that ends. Whatever comes there later ends the
//! withholding of class, holder and line.

use super::rollout::Rollout;
use crate::connections::Connections;
use crate::{Options, features};
use detectors::debug::{KeptProfiles, Listener};
use std::io::{BufRead, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use workbook::Ending;
use workbook::problem::{Problem, Result};
use workbook::signals::asked_to_end;

/// How long requests may go on.
const GRACE: Duration = Duration::from_secs(1);

/// How often a profile is kept, where profiles are.
const KEEP_EVERY: Duration = Duration::from_secs(2);

/// Descriptors that it may have.
const DESCRIPTORS: u64 = 16_384;

/// What it is told, a line each.
#[derive(Debug)]
pub struct Told {
    /// Which changes are live.
    pub rollout: Rollout,
    /// Where the search cluster is.
    pub search_url: String,
    /// The folder for what is exported.
    pub folder: PathBuf,
    /// The folder in which heap profiles are kept; none for an empty line.
    pub kept: Option<PathBuf>,
}

impl Told {
    fn read(lines: &mut dyn BufRead) -> Result<Self> {
        let mut next = || -> Result<String> {
            let mut line = String::new();
            lines.read_line(&mut line)?;
            Ok(line.trim_end().to_owned())
        };
        let wrong = |what: &str| {
            Problem::new(format!("the standard input tells no {what}"))
                .next("Whoever deploys it tells it four lines: see `Told`.")
        };
        let rollout = Rollout::of(&next()?).ok_or_else(|| wrong("rollout"))?;
        let [search_url, folder, kept] = [next()?, next()?, next()?];
        if search_url.is_empty() || folder.is_empty() {
            return Err(wrong("cluster or folder"));
        }
        Ok(Told {
            rollout,
            search_url,
            folder: folder.into(),
            kept: (!kept.is_empty()).then(|| kept.into()),
        })
    }
}

/// Serves until the standard input ends, or Ctrl-C.
///
/// # Errors
///
/// In words, when it is told too little, or a port can't be had.
pub fn serve(out: &mut dyn Write) -> Result<Ending> {
    let mut input = std::io::stdin().lock();
    let told = Told::read(&mut input)?;
    drop(input);
    more_descriptors();
    let _keeping = match &told.kept {
        Some(folder) => {
            let kept = KeptProfiles::new(folder).every(KEEP_EVERY).start();
            Some(kept.map_err(|error| Problem::new("can't keep heap profiles").because(error))?)
        }
        None => None,
    };
    let runtime = detectors::tasks::Builder::new_multi_thread().build();
    let runtime =
        runtime.map_err(|error| Problem::new("can't start the service").because(error))?;
    let ending = runtime.block_on(serving(told, out));
    runtime.shutdown_background();
    ending
}

async fn serving(told: Told, out: &mut dyn Write) -> Result<Ending> {
    let failed = |error: std::io::Error| Problem::new("can't open a port").because(error);
    let debug = Listener::bind((Ipv4Addr::LOCALHOST, 0), None).await;
    let debug = debug.map_err(|error| Problem::new("can't open the debug port").because(error))?;
    let withholds = Arc::new(AtomicBool::new(true));
    let debug = debug.withholding_while(Arc::clone(&withholds));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .map_err(failed)?;
    let (address, debug_address): (SocketAddr, SocketAddr) =
        (listener.local_addr().map_err(failed)?, debug.address());
    let router = features::router(&told.search_url, told.folder, &told.rollout)
        .map_err(|error| Problem::new("can't start the service").because(error))?;
    let connections = Connections::serve(listener, router, &Options::new(told.search_url));
    tokio::spawn(debug.serve());
    let asked_to_end = asked_to_end()?;
    writeln!(out, "http://{address}\nhttp://{debug_address}")?;
    out.flush()?;
    tokio::select! {
        () = asked_to_end => {}
        () = input_ends(withholds) => {}
    }
    connections.shut_down(GRACE).await;
    Ok(Ending::AsWanted)
}

/// Who started it holds the other end, and goes with it. Until then, whatever is said there ends the withholding.
async fn input_ends(withholds: Arc<AtomicBool>) {
    let (tell, told) = oneshot::channel();
    let reads = move || {
        let mut rest = [0; 64];
        while std::io::stdin()
            .lock()
            .read(&mut rest)
            .is_ok_and(|length| length > 0)
        {
            withholds.store(false, Ordering::Relaxed);
        }
        tell.send(())
    };
    std::thread::spawn(reads);
    let _ = told.await; // it ends either way
}

/// As many as it may have, so that many clients can be served. Fewer are no error.
fn more_descriptors() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(DESCRIPTORS).min(DESCRIPTORS);
    if limit.current.is_some_and(|current| current < most) {
        limit.current = Some(most);
        let _ = setrlimit(Resource::Nofile, limit);
    }
}
