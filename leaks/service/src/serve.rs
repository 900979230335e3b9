//! `leaks serve`: the service of the story, with its debug port; and `leaks cluster`.

use crate::cluster::Cluster;
use crate::{Leaks, Options, Service};
use chapter::Chapter;
use clap::Args;
use detectors::debug::{Keeping, KeptProfiles, ListenError, Listener, Token};
use detectors::memory;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use workbook::duration::of_an_hour_at_most;
use workbook::problem::{Problem, Result};
use workbook::signals::asked_to_end;
use workbook::{Ending, say};

/// How long requests that are being answered may go on after Ctrl-C.
const GRACE: Duration = Duration::from_secs(10);

/// What `leaks serve` takes.
#[derive(Debug, Args)]
#[expect(
    clippy::doc_markdown,
    reason = "these comments are the help's text, which shows backticks as they are"
)]
pub struct ServeArgs {
    /// The service's port on 127.0.0.1; 0 takes any that is free
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// The debug endpoints' port on 127.0.0.1; 0 takes any that is free
    #[arg(long, default_value_t = 6060)]
    pub debug_port: u16,
    /// The debug endpoints' address, where others than this machine are to reach it; needs a token
    #[arg(long, value_name = "IP:PORT", conflicts_with = "debug_port")]
    pub debug_address: Option<std::net::SocketAddr>,
    /// A file with the token that debug requests must bring
    #[arg(long, value_name = "FILE")]
    pub debug_token_file: Option<PathBuf>,
    /// An environment variable with that token
    #[arg(long, value_name = "NAME", conflicts_with = "debug_token_file")]
    pub debug_token_variable: Option<String>,
    /// Leak in each request as this chapter's leaky code does; may be given again
    #[arg(long, value_name = "CLASS")]
    pub leak: Vec<String>,
    /// Answer page by page, in bounded memory
    #[arg(long)]
    pub streaming: bool,
    /// A search cluster that speaks Elasticsearch's _search, in place of the one that is built in
    #[arg(long, value_name = "URL")]
    pub search_url: Option<String>,
    /// Hosts that are asked for at once
    #[arg(long, default_value_t = 500, value_parser = page_size)]
    pub page_size: usize,
    /// Requests that are answered at the same time; more get 503
    #[arg(long, default_value_t = 32, value_parser = at_least_one)]
    pub at_once: usize,
    /// Keep the last answers, up to so many bytes, for whoever asks again
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    pub keep_answers: u64,
    /// How long an answer may take; then it is 504
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = of_an_hour_at_most)]
    pub within: Duration,
    /// The memory that it may have for itself, such as 300MB; beyond that it ends with a report of what it held
    ///
    /// Sets RLIMIT_DATA, which counts heap and stacks. RLIMIT_AS would count the program's file and addresses kept for later
    /// as well. 32 MiB are kept back for the report. The end is by SIGABRT, which a shell shows as status 134.
    #[arg(long, value_name = "BYTES", value_parser = memory_limit)]
    pub memory_limit: Option<u64>,
    /// Keep heap profiles in this folder, for when the service is killed: `leaks autopsy DIR` reads them
    ///
    /// One is written at once, then every --keep-every, at each new peak of live memory, and when a tenth of the memory limit is left.
    #[arg(long, value_name = "DIR")]
    pub keep_profiles: Option<PathBuf>,
    /// Keep one at least so often
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = of_an_hour_at_most, requires = "keep_profiles")]
    pub keep_every: Duration,
    /// Threads that answer [default: one for each core]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub threads: Option<usize>,
}

/// What `leaks cluster` takes.
#[derive(Debug, Args)]
pub struct ClusterArgs {
    /// The cluster's port on 127.0.0.1; 0 takes any that is free
    #[arg(long, default_value_t = 9200)]
    pub port: u16,
}

/// Serves until Ctrl-C. `chapters` are those whose leaky code `--leak` can name.
///
/// # Errors
///
/// In words, when a port, a token or the cluster can't be had.
pub fn serve(
    args: &ServeArgs,
    chapters: &'static [Chapter],
    out: &mut dyn Write,
) -> Result<Ending> {
    // A service that ends for want of memory is to say what it held, whoever set the limit.
    memory::report_when_full(None).map_err(|error| {
        Problem::new("can't prepare the report of what is held when memory is full").because(error)
    })?;
    if let Some(limit) = args.memory_limit {
        memory::set_limit(limit)
            .map_err(|error| Problem::new("can't limit the memory").because(error))?;
    }
    // Held until the end: profiles are kept for as long.
    let _keeping = match &args.keep_profiles {
        Some(folder) => Some(keep_profiles(folder, args.keep_every)?),
        None => None,
    };
    // So that each task is known by the line that spawned it.
    let runtime = detectors::tasks::Builder::new_multi_thread().configure(|tokio| {
        if let Some(threads) = args.threads {
            tokio.worker_threads(threads);
        }
    });
    let runtime = runtime
        .build()
        .map_err(|error| Problem::new("can't start the service").because(error))?;
    let ending = runtime.block_on(serving(args, chapters, out));
    // What a leak holds would be waited for: it may never end.
    runtime.shutdown_background();
    ending
}

fn keep_profiles(folder: &Path, every: Duration) -> Result<Keeping> {
    let kept = KeptProfiles::new(folder).every(every);
    let kept = kept.telling(|problem| workbook::note!(problem));
    kept.start()
        .map_err(|error| Problem::new("can't keep heap profiles").because(error))
}

async fn serving(
    args: &ServeArgs,
    chapters: &'static [Chapter],
    out: &mut dyn Write,
) -> Result<Ending> {
    let leaks = Leaks::start(&args.leak, chapters).map_err(|unknown| {
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
        keep_answers: args.keep_answers,
        within: args.within,
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
    workbook::note!("Ending: requests that are being answered may go on for ten seconds.");
    if !service.shut_down(GRACE).await {
        workbook::note!("Some requests were cut off.");
    }
    Ok(Ending::AsWanted)
}

/// Runs the cluster until Ctrl-C.
///
/// # Errors
///
/// In words, when the port can't be had.
pub fn cluster(args: &ClusterArgs, out: &mut dyn Write) -> Result<Ending> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::new("can't start the cluster").because(error))?;
    runtime.block_on(async {
        let cluster = Cluster::start(args.port).await.map_err(|error| {
            Problem::new("can't start the search cluster")
                .because(error)
                .next("Choose another port with --port N; 0 takes any that is free.")
        })?;
        let asked_to_end = asked_to_end()?;
        writeln!(
            out,
            "The search cluster is at  {}   (Ctrl-C ends it)",
            cluster.url()
        )?;
        out.flush()?;
        asked_to_end.await;
        Ok(Ending::AsWanted)
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

fn page_size(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(size) if (1..=10_000).contains(&size) => Ok(size),
        _ => Err("a page has 1 to 10000 hosts".to_owned()),
    }
}

fn at_least_one(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(number) if (1..=10_000).contains(&number) => Ok(number),
        _ => Err("1 to 10000 requests can be answered at the same time".to_owned()),
    }
}

/// Below this the service couldn't even start.
const MEMORY_LIMIT_LEAST: u64 = 50_000_000;

fn memory_limit(text: &str) -> std::result::Result<u64, String> {
    const UNITS: [(&str, u64); 4] = [
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
    ];
    let (number, unit) = UNITS
        .iter()
        .find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)))
        .unwrap_or((text, 1));
    let bytes = number.trim().parse::<u64>().ok();
    bytes
        .and_then(|number| number.checked_mul(unit))
        .filter(|bytes| *bytes >= MEMORY_LIMIT_LEAST)
        .ok_or_else(|| "a limit is 50MB or more: 300MB, 1GiB, or a number of bytes".to_owned())
}
