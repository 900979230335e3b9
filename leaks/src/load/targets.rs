//! Which URLs are asked, and by which addresses: of this machine alone, unless forced.

use reqwest::{Client, Url, redirect};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpStream;
use workbook::problem::{Problem, Result};
use workbook::say;

/// How long the first connection may take, which shows that a service is there.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// What stands for this machine without a look into a list, which an empty container doesn't have.
pub(crate) const LOCALHOST: &str = "localhost";

/// Where that is.
pub(crate) fn loopback(port: u16) -> [SocketAddr; 2] {
    [
        SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        SocketAddr::from((Ipv6Addr::LOCALHOST, port)),
    ]
}

/// URLs that are asked in turn.
#[derive(Debug, Clone)]
pub(crate) struct Targets(Vec<Target>);

#[derive(Debug, Clone)]
struct Target {
    url: Url,
    /// Asked for once: what the name stands for later doesn't matter.
    addresses: Vec<SocketAddr>,
}

impl Targets {
    /// Looks up whom these URLs name. Fails if one isn't http, or could reach another machine, unless `is_forced`.
    pub(crate) async fn resolve(urls: &[String], is_forced: bool) -> Result<Self> {
        let mut targets = Vec::new();
        for url in urls {
            targets.push(Target::resolve(url, is_forced).await?);
        }
        if targets.is_empty() {
            return Err(Problem::new("there is no URL to load").next("Give one: --url URL"));
        }
        Ok(Targets(targets))
    }

    /// The URL of the request with this number.
    pub(crate) fn url(&self, number: u64) -> &Url {
        let index = number % self.0.len() as u64;
        &self.0[usize::try_from(index).unwrap_or(0)].url
    }

    /// Clients that connect to the addresses that were looked up, and nowhere else.
    pub(crate) fn client(&self, at_once: u16, within: Duration) -> Result<Client> {
        let mut builder = Client::builder()
            .timeout(within)
            .pool_max_idle_per_host(usize::from(at_once))
            // Either could lead the load to another machine.
            .redirect(redirect::Policy::none())
            .no_proxy();
        for target in &self.0 {
            builder = builder.resolve_to_addrs(host(&target.url), &target.addresses);
        }
        builder
            .build()
            .map_err(|error| Problem::new("can't make the clients").because(error))
    }

    /// Fails if nobody takes a connection for one of the URLs.
    pub(crate) async fn are_there(&self) -> Result<()> {
        for Target { url, addresses } in &self.0 {
            let connecting = TcpStream::connect(&**addresses);
            let why = match tokio::time::timeout(CONNECT_WITHIN, connecting).await {
                Ok(Ok(_)) => continue,
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no connection within {} s", CONNECT_WITHIN.as_secs()),
            };
            return Err(Problem::new(format!("no request can be sent to {url}"))
                .because(why)
                .next(format!(
                    "Start one in another terminal: {}",
                    say::command("serve")
                )));
        }
        Ok(())
    }
}

impl Target {
    async fn resolve(text: &str, is_forced: bool) -> Result<Self> {
        let problem = |why: String| Problem::new(format!("can't load {text:?}")).because(why);
        let example = "A URL looks like http://127.0.0.1:8080/apex/customer-0042.example";
        let url = Url::parse(text).map_err(|error| problem(error.to_string()).next(example))?;
        if url.scheme() != "http" {
            return Err(problem("this command speaks http alone".to_owned()).next(example));
        }
        let port = url.port_or_known_default().unwrap_or(80);
        let addresses = if host(&url) == LOCALHOST {
            loopback(port).to_vec()
        } else {
            let found = tokio::net::lookup_host((host(&url), port)).await;
            found.map_err(|error| problem(error.to_string()))?.collect()
        };
        // `::ffff:127.0.0.1` is loopback too.
        let elsewhere = |address: &&SocketAddr| !address.ip().to_canonical().is_loopback();
        if !is_forced && let Some(address) = addresses.iter().find(elsewhere) {
            let why = format!("it loads a machine that isn't this one ({})", address.ip());
            return Err(problem(why)
                .next("If that machine is yours to load, and whoever runs it knows: --force"));
        }
        Ok(Target { url, addresses })
    }
}

/// The host without the brackets of an IPv6 address.
fn host(url: &Url) -> &str {
    let host = url.host_str().unwrap_or_default();
    host.trim_start_matches('[').trim_end_matches(']')
}
