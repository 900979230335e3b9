//! Right as well: a plain list of links that is cut from its beginning.

use reqwest::Client;

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
    later: Vec<Link>,
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
            // Dropped unread: this connection is lost, and that is all.
            drop(response);
            if self.later.len() == PUT_ASIDE_MAX {
                self.later.remove(0);
            }
            self.later.push(link.clone());
        }
        Ok(link)
    }

    /// The links whose pages are to be read later, the oldest first: at most the last hundred.
    pub fn put_aside(&self) -> Vec<Link> {
        self.later.clone()
    }
}
