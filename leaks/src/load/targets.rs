//! Which URLs are asked, and by which addresses: of this machine alone, unless forced.

use reqwest::{Client, Url, redirect};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpStream;
use workbook::problem::{Problem, Result};
use workbook::say;

/// How long the first connection may take, which shows that a service is there.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// In a URL: the request's number, so that no two requests ask for the same.
const NUMBER: &str = "{n}";

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
    /// As it was typed, where the number of each request stands in it.
    pattern: Option<String>,
    /// The URL, of the first request.
    url: Url,
    /// Asked for once: what the name stands for later doesn't matter.
    addresses: Vec<SocketAddr>,
}

impl Targets {
    /// Looks up whom these URLs name. Fails if one isn't http, or could reach another machine, unless `forced`.
    pub(crate) async fn resolve(urls: &[String], forced: Forced) -> Result<Self> {
        let mut targets = Vec::new();
        for url in urls {
            targets.push(Target::resolve(url, forced).await?);
        }
        if targets.is_empty() {
            return Err(Problem::new("there is no URL to load").next("Give one: --url URL"));
        }
        Ok(Targets(targets))
    }

    /// The URL of the request with this number.
    pub(crate) fn url(&self, number: u64) -> Url {
        let index = number % self.0.len() as u64;
        self.0[usize::try_from(index).unwrap_or(0)].url_of(number)
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
        for Target { url, addresses, .. } in &self.0 {
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

/// Whether another machine may be loaded, and by which option that is agreed to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Forced {
    pub(crate) is_given: bool,
    pub(crate) option: &'static str,
}

impl Target {
    fn url_of(&self, number: u64) -> Url {
        let numbered = self
            .pattern
            .as_ref()
            .map(|pattern| numbered(pattern, number));
        let url = numbered.and_then(|text| Url::parse(&text).ok());
        url.unwrap_or_else(|| self.url.clone())
    }

    async fn resolve(text: &str, forced: Forced) -> Result<Self> {
        let problem = |why: String| Problem::new(format!("can't load {text:?}")).because(why);
        let example = "A URL looks like http://127.0.0.1:8080/apex/customer-0042.example";
        let parsed =
            |text: &str| Url::parse(text).map_err(|error| problem(error.to_string()).next(example));
        let url = parsed(&numbered(text, 0))?;
        // Whom it asks is looked up once.
        if parsed(&numbered(text, 1))?.authority() != url.authority() {
            let why = format!("the host can't have the request's number, {NUMBER}, in it");
            return Err(problem(why).next(example));
        }
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
        if !forced.is_given
            && let Some(address) = addresses.iter().find(elsewhere)
        {
            let why = format!("it loads a machine that isn't this one ({})", address.ip());
            return Err(problem(why).next(format!(
                "If that machine is yours to load, and whoever runs it knows: {}",
                forced.option
            )));
        }
        let pattern = text.contains(NUMBER).then(|| text.to_owned());
        Ok(Target {
            pattern,
            url,
            addresses,
        })
    }
}

fn numbered(text: &str, number: u64) -> String {
    text.replace(NUMBER, &number.to_string())
}

/// The host without the brackets of an IPv6 address.
fn host(url: &Url) -> &str {
    let host = url.host_str().unwrap_or_default();
    host.trim_start_matches('[').trim_end_matches(']')
}

#[cfg(test)]
mod tests {
    use super::{Forced, Targets};

    fn resolved(url: &str) -> Result<Targets, String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let targets = [url.to_owned()];
        let forced = Forced {
            is_given: false,
            option: "--force",
        };
        let found = runtime
            .expect("a runtime")
            .block_on(Targets::resolve(&targets, forced));
        found.map_err(|problem| problem.to_string())
    }

    #[test]
    fn each_request_has_its_number_where_the_url_asks_for_it() {
        let same = resolved("http://127.0.0.1:9/a").expect("a URL");
        assert_eq!(same.url(7).as_str(), "http://127.0.0.1:9/a");
        let numbered = resolved("http://127.0.0.1:9/a/{n}?at={n}").expect("a URL");
        assert_eq!(numbered.url(0).as_str(), "http://127.0.0.1:9/a/0?at=0");
        assert_eq!(numbered.url(41).as_str(), "http://127.0.0.1:9/a/41?at=41");
        let told = resolved("http://127.0.0.{n}:9/a").expect_err("another host each time");
        assert!(told.contains("{n}"), "{told}");
    }
}
