//! A service's debug port, asked over HTTP.

use super::options::TriageArgs;
use crate::load::{LOCALHOST, loopback};
use detectors::ReadError;
use detectors::triage::Fetches;
use reqwest::{Client, Method, StatusCode, Url};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use workbook::problem::{Problem, Result};
use workbook::say;

/// Longer than the longest answer takes by itself: a profile of changes is waited for as long as it was asked to watch.
const WITHIN: Duration = Duration::from_secs(20);

/// And for an answer that a copy of the service works out: the port ends the copy after a minute, and says so.
const WITHIN_BY_A_COPY: Duration = Duration::from_secs(80);

/// More than any profile has.
const BYTES_MAX: usize = 64 << 20;

pub(super) struct Port {
    url: Url,
    token: Option<String>,
    client: Client,
    runtime: Runtime,
}

impl Port {
    pub(super) fn new(url: &str, token: Option<String>) -> Result<Self> {
        let wrong = |why: String| {
            Problem::new(format!("`{url}` is no address of a debug port"))
                .because(why)
                .next("It looks like this: http://127.0.0.1:6060")
        };
        let url = Url::parse(url).map_err(|error| wrong(error.to_string()))?;
        if url.scheme() != "http" {
            return Err(wrong(format!(
                "it begins with {}:, and http: is what can be asked",
                url.scheme()
            )));
        }
        let failed = |why: String| Problem::new("can't ask the service").because(why);
        // The port is the URL's, whatever stands here.
        let client = Client::builder()
            .no_proxy()
            .resolve_to_addrs(LOCALHOST, &loopback(0))
            // A connection that a large profile came over keeps its room in the service for as long as it is open: 70 kB of live memory
            // that come and go, which a look would take for the service's own.
            .pool_max_idle_per_host(0)
            .build();
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        Ok(Port {
            url,
            token,
            client: client.map_err(|error| failed(error.to_string()))?,
            runtime: runtime.map_err(|error| failed(error.to_string()))?,
        })
    }

    async fn answer(&self, method: Method, path: &str) -> std::result::Result<Vec<u8>, String> {
        let url = self.url.join(path).map_err(|error| error.to_string())?;
        let mut request = self.client.request(method, url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let mut answer = request.send().await.map_err(|error| reason(&error))?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| reason(&error))? {
            if body.len() + chunk.len() > BYTES_MAX {
                return Err(format!("its answer is larger than {} MiB", BYTES_MAX >> 20));
            }
            body.extend_from_slice(&chunk);
        }
        match status {
            StatusCode::OK => Ok(body),
            StatusCode::UNAUTHORIZED => Err("it wants a token".to_owned()),
            // A refusal in words is worth its first line.
            status => match String::from_utf8_lossy(&body).lines().next() {
                Some(why) if !why.is_empty() && why.len() < 400 => Err(why.to_owned()),
                _ => Err(format!("it says {status}")),
            },
        }
    }
}

impl Fetches for Port {
    fn ask(&self, path: &str) -> std::result::Result<Vec<u8>, ReadError> {
        self.asked(Method::GET, path)
    }

    fn ask_to_do(&self, path: &str) -> std::result::Result<Vec<u8>, ReadError> {
        self.asked(Method::POST, path)
    }
}

impl Port {
    fn asked(&self, method: Method, path: &str) -> std::result::Result<Vec<u8>, ReadError> {
        let watched = path
            .split_once("seconds=")
            .and_then(|(_, seconds)| seconds.parse().ok());
        let within = if method == Method::POST {
            WITHIN_BY_A_COPY
        } else {
            WITHIN
        };
        let within = within + Duration::from_secs(watched.unwrap_or(0));
        let answer = self.runtime.block_on(async {
            tokio::time::timeout(within, self.answer(method, path))
                .await
                .unwrap_or_else(|_| Err(format!("nothing came within {} s", within.as_secs())))
        });
        answer.map_err(ReadError::from)
    }
}

/// The innermost reason: the outer ones repeat the address.
fn reason(error: &reqwest::Error) -> String {
    let mut reason: &dyn std::error::Error = error;
    while let Some(inner) = reason.source() {
        reason = inner;
    }
    reason.to_string()
}

/// The token that was named, if any.
pub(super) fn token(args: &TriageArgs) -> Result<Option<String>> {
    let token = match (&args.token_file, &args.token_variable) {
        (Some(file), _) => std::fs::read_to_string(file)
            .map_err(|error| Problem::file("read the token in", file, &error))?,
        (None, Some(name)) => std::env::var(name).map_err(|error| {
            Problem::new(format!("can't read the token in the variable {name}"))
                .because(error)
                .next(format!(
                    "Set it, or name a file: {}",
                    say::command("triage --token-file FILE ..")
                ))
        })?,
        (None, None) => return Ok(None),
    };
    Ok(Some(token.trim().to_owned()))
}
