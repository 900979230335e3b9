//! quick-xml: feeds of any size are parsed, and the newest articles are kept.

use crate::Observer;
use crate::random::text;
use fastrand::Rng;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, VecDeque};

const KEPT: usize = 300;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename = "feed")]
struct Feed {
    title: String,
    #[serde(default, rename = "entry")]
    entries: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    #[serde(rename = "@id")]
    id: u64,
    title: String,
    content: String,
    #[serde(default, rename = "category")]
    categories: Vec<String>,
}

/// The last articles, by their number.
#[derive(Default)]
struct Archive {
    articles: HashMap<u64, Entry>,
    order: VecDeque<u64>,
}

impl Archive {
    fn add(&mut self, entry: Entry) {
        let id = entry.id;
        if self.articles.insert(id, entry).is_none() {
            self.order.push_back(id);
        }
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.articles.remove(&oldest);
        }
    }
}

/// A feed an iteration. Most of its entries were there before.
pub fn run<O: Observer>(observer: O) -> O::Says {
    observer.of_calls(|| {
        let mut random = Rng::new();
        let mut archive = Archive::default();
        let mut newest = 0;
        move || {
            newest += random.u64(0..6);
            let document = feed(&mut random, newest);
            let feed: Feed = quick_xml::de::from_str(&document).expect("well formed");
            assert!(!feed.title.is_empty());
            for entry in feed.entries {
                archive.add(entry);
            }
        }
    })
}

/// What a site would answer.
fn feed(random: &mut Rng, newest: u64) -> String {
    let entries = random.u64(3..25);
    let entry = |id: u64| Entry {
        id,
        title: text(random, 10, 80),
        content: format!("<p>{} &amp; more</p>", text(random, 50, 900)),
        categories: (0..random.u8(..4)).map(|_| text(random, 3, 12)).collect(),
    };
    let feed = Feed {
        title: "news & views".to_owned(),
        entries: (newest.saturating_sub(entries)..newest)
            .map(entry)
            .collect(),
    };
    quick_xml::se::to_string(&feed).expect("it can be written")
}
