//! Keeps the watcher with the request: when the page goes, so does its task.

use crate::changes::{Change, Changes};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

// ANCHOR: watcher
/// What a request shows to its customer, and the task that works for it.
#[derive(Debug)]
pub struct Page {
    pub apex: String,
    news: mpsc::Receiver<Change>,
    /// A `JoinSet` aborts its tasks when it is dropped.
    _watcher: JoinSet<()>,
}

impl Page {
    /// Opens the page of an apex, and watches it for changes.
    pub fn open(apex: &str, changes: &Changes) -> Page {
        let (tell, news) = mpsc::channel(1);
        let mut heard = changes.listen();
        let wanted = apex.to_owned();
        let mut watcher = JoinSet::new();
        watcher.spawn(async move {
            while let Ok(change) = heard.recv().await {
                if change.apex == wanted && tell.send(change).await.is_err() {
                    break;
                }
            }
        });
        Page {
            apex: apex.to_owned(),
            news,
            _watcher: watcher,
        }
    }
    // ANCHOR_END: watcher

    /// The next change of this apex.
    pub async fn next_change(&mut self) -> Option<Change> {
        self.news.recv().await
    }
}

/// One iteration is one request: a customer opens a page and goes away.
pub async fn workload() -> impl AsyncFnMut() {
    let changes = Changes::new();
    let mut requests = 0;
    async move || {
        requests += 1;
        drop(Page::open(
            &format!("customer-{requests:06}.example"),
            &changes,
        ));
        tokio::task::yield_now().await;
    }
}
