//! Not a solution: every page is read to its end, however large.

use reqwest::Client;
use std::collections::VecDeque;

/// Pages above this are read later.
pub const PAGE_BYTES_MAX: u64 = 16 << 10;

/// How many links are put aside.
const PUT_ASIDE_MAX: usize = 100;

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
    later: VecDeque<Link>,
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
            response.bytes().await?;
            if self.later.len() == PUT_ASIDE_MAX {
                self.later.pop_front();
            }
            self.later.push_back(link.clone());
        }
        Ok(link)
    }

    /// The links whose pages are to be read later, the oldest first: at most the last hundred.
    pub fn put_aside(&self) -> Vec<Link> {
        self.later.iter().cloned().collect()
    }
}
