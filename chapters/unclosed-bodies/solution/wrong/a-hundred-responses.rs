//! Not a solution: the list is bounded by a hundred, and each entry still has its response: a hundred connections.

use reqwest::{Client, Response};
use std::collections::VecDeque;

/// Pages above this are read later.
pub const PAGE_BYTES_MAX: u64 = 16 << 10;

/// What is known of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub url: String,
    pub status: u16,
    /// `None` for a page whose length isn't known.
    pub length: Option<u64>,
}

/// Checks links.
#[derive(Default)]
pub struct Checker {
    client: Client,
    later: VecDeque<(Link, Response)>,
}

impl Checker {
    /// Asks for a link, and notes what came.
    pub async fn check(&mut self, url: &str) -> reqwest::Result<Link> {
        let response = self.client.get(url).send().await?;
        let link = Link {
            url: url.to_owned(),
            status: response.status().as_u16(),
            length: response.content_length(),
        };
        if link.length.is_some_and(|length| length <= PAGE_BYTES_MAX) {
            response.bytes().await?;
        } else {
            if self.later.len() == 100 {
                self.later.pop_front();
            }
            self.later.push_back((link.clone(), response));
        }
        Ok(link)
    }

    /// The links whose pages are to be read later, the oldest first: at most the last hundred.
    pub fn put_aside(&self) -> Vec<Link> {
        let links = self.later.iter().map(|(link, _)| link.clone());
        let too_many = self.later.len().saturating_sub(100);
        links.skip(too_many).collect()
    }
}
