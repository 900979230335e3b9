//! moka: pages are cached by weight and for some time, and threads share the cache.

use crate::Observer;
use crate::random::{bytes, key};
use crate::workers::Workers;
use fastrand::Rng;
use moka::sync::Cache;
use std::sync::Arc;
use std::time::Duration;

const REQUESTS: usize = 4;
const LOOKUPS: usize = 25;

/// Four requests an iteration, each of which looks up a few pages of 10,000. Nobody asks the cache to tidy up.
pub fn run<O: Observer>(observer: O) -> O::Says {
    let pages: Cache<String, Arc<[u8]>> = Cache::builder()
        .weigher(|key: &String, page: &Arc<[u8]>| {
            u32::try_from(key.len() + page.len()).unwrap_or(u32::MAX)
        })
        .max_capacity(256 << 10)
        .time_to_live(Duration::from_millis(200))
        .build();
    let workers = Workers::start(2);
    observer.of_calls(|| {
        || {
            workers.answer((0..REQUESTS).map(|_| {
                let pages = pages.clone();
                move || look_up(&pages)
            }));
        }
    })
}

fn look_up(pages: &Cache<String, Arc<[u8]>>) {
    let mut random = Rng::new();
    for _ in 0..LOOKUPS {
        let number = key(&mut random, 10_000);
        let page = pages.get_with(format!("/pages/{number}"), || {
            bytes(&mut random, 50, 2_000).into()
        });
        assert!(page.len() >= 50);
        if random.u8(..) < 5 {
            pages.invalidate(&format!("/pages/{number}"));
        }
    }
}
