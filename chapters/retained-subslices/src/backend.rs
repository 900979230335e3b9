//! The search cluster as the service sees it: pages of hits, each one buffer from the network.

use bytes::Bytes;
use serde::Deserialize;
use std::io::Write;
use std::sync::LazyLock;

/// Hits on a page.
pub const HITS_PER_PAGE: u64 = 20;

/// An id's length. The cluster makes ids of 16 characters.
pub const ID_BYTES: usize = 16;

/// A cluster whose answers depend on the page's number only: every page is new, and as long as the others.
#[derive(Debug, Default)]
pub struct SearchCluster {
    next_page: u64,
}

impl SearchCluster {
    /// The next page of hits, as it arrives: one buffer of JSON.
    pub fn next_page(&mut self) -> Bytes {
        let page = self.next_page;
        self.next_page += 1;
        receive(page)
    }
}

// ANCHOR: receive
/// Reads one answer from the wire into a buffer of its announced length.
fn receive(page: u64) -> Bytes {
    let mut body = Vec::with_capacity(content_length());
    write_page(&mut body, page);
    Bytes::from(body)
}
// ANCHOR_END: receive

/// The answer in Elasticsearch's form, in as far as this service reads it.
#[derive(Debug, Deserialize)]
pub struct Answer<'page> {
    #[serde(borrow)]
    hits: Hits<'page>,
}

#[derive(Debug, Deserialize)]
struct Hits<'page> {
    #[serde(borrow)]
    hits: Vec<Hit<'page>>,
}

/// One hit. Its texts are views into the page: nothing is copied while parsing.
#[derive(Debug, Deserialize)]
pub struct Hit<'page> {
    /// The document's id, of [`ID_BYTES`] characters.
    #[serde(rename = "_id")]
    pub id: &'page str,
}

impl<'page> Answer<'page> {
    /// Parses a page.
    ///
    /// # Errors
    ///
    /// When the page isn't an answer in this form.
    pub fn parse(page: &'page [u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(page)
    }

    /// The hits, in the cluster's order.
    pub fn hits(&self) -> &[Hit<'page>] {
        &self.hits.hits
    }
}

/// Every page is as long as the first.
fn content_length() -> usize {
    static LENGTH: LazyLock<usize> = LazyLock::new(|| {
        let mut body = Vec::new();
        write_page(&mut body, 0);
        body.len()
    });
    *LENGTH
}

fn write_page(body: &mut Vec<u8>, page: u64) {
    const TECHNOLOGIES: &str = "nginx,php,jquery,wordpress,cloud-edge,analytics,";
    body.extend_from_slice(br#"{"took":3,"timed_out":false,"hits":{"hits":["#);
    for hit in 0..HITS_PER_PAGE {
        if hit > 0 {
            body.push(b',');
        }
        let number = page * HITS_PER_PAGE + hit;
        // Spread over the whole range, so that ids look like ids; an odd factor keeps them distinct.
        let id = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        write!(
            body,
            r#"{{"_index":"domains","_id":"{id:016x}","_source":{{"host":"host-{id:016x}.shop.example","technologies":""#
        )
        .expect("a Vec takes any bytes");
        for _ in 0..14 {
            body.extend_from_slice(TECHNOLOGIES.as_bytes());
        }
        body.extend_from_slice(br#""}}"#);
    }
    body.extend_from_slice(b"]}}");
}
