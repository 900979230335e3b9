//! What piles up within one call: each way beside one that cleans up as it goes. All of it is gone when the call returns.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A page of search hits, as it lies in memory while it is read.
pub const PAGE_BYTES: usize = 16 << 10;

/// One hit of it.
pub const HIT_BYTES: usize = 512;

/// Zone files to read.
#[derive(Debug)]
pub struct Zones {
    folder: TempDir,
}

impl Zones {
    /// Sixteen small files.
    ///
    /// # Errors
    ///
    /// When the system refuses them.
    pub fn new() -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        for number in 0..16 {
            let mut file = File::create(folder.path().join(format!("{number}.zone")))?;
            writeln!(file, "www\nmail")?;
        }
        Ok(Zones { folder })
    }

    fn path(&self, item: usize) -> PathBuf {
        self.folder.path().join(format!("{}.zone", item % 16))
    }

    // ANCHOR: loops
    /// Go's loop with `defer f.Close()`, word by word: the guards go when the function does.
    ///
    /// # Errors
    ///
    /// When a file can't be read.
    pub fn guards_until_the_end(&self, items: impl Iterator<Item = usize>) -> io::Result<usize> {
        let mut deferred = Vec::new();
        let mut hosts = 0;
        for item in items {
            let mut file = File::open(self.path(item))?;
            hosts += lines(&mut file)?;
            deferred.push(file);
        }
        Ok(hosts)
    }

    /// The same loop, as Rust would have it: the guard goes at the end of its turn.
    ///
    /// # Errors
    ///
    /// When a file can't be read.
    pub fn a_guard_for_each_turn(&self, items: impl Iterator<Item = usize>) -> io::Result<usize> {
        let mut hosts = 0;
        for item in items {
            let mut file = File::open(self.path(item))?;
            hosts += lines(&mut file)?;
        }
        Ok(hosts)
    }
    // ANCHOR_END: loops

    // ANCHOR: collect
    /// Opens them all to say early which one is missing, then reads.
    ///
    /// # Errors
    ///
    /// When a file can't be read.
    pub fn all_opened_first(&self, items: impl Iterator<Item = usize>) -> io::Result<usize> {
        let files = items.map(|item| File::open(self.path(item)));
        let mut open = files.collect::<io::Result<Vec<File>>>()?;
        open.iter_mut().map(lines).sum()
    }

    /// Opens and reads one after the other. Missing ones can be told from their metadata, which holds nothing open.
    ///
    /// # Errors
    ///
    /// When a file can't be read.
    pub fn one_after_the_other(&self, items: impl Iterator<Item = usize>) -> io::Result<usize> {
        items
            .map(|item| lines(&mut File::open(self.path(item))?))
            .sum()
    }
    // ANCHOR_END: collect
}

/// How many lines a file has.
fn lines(file: &mut File) -> io::Result<usize> {
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text.lines().count())
}

// ANCHOR: stack
/// What is to be done when the function ends, last first: Go's `defer` as a library.
#[derive(Default)]
pub struct Deferred(Vec<Box<dyn FnOnce()>>);

impl std::fmt::Debug for Deferred {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} deferred actions", self.0.len())
    }
}

impl Deferred {
    /// Puts an action on the stack.
    pub fn push(&mut self, action: impl FnOnce() + 'static) {
        self.0.push(Box::new(action));
    }
}

impl Drop for Deferred {
    fn drop(&mut self) {
        while let Some(action) = self.0.pop() {
            action();
        }
    }
}

/// Each scratch file is removed when all are done.
///
/// # Errors
///
/// When a file can't be written.
pub fn a_stack_of_cleanups(folder: &Path, items: impl Iterator<Item = usize>) -> io::Result<usize> {
    let mut deferred = Deferred::default();
    let mut written = 0;
    for item in items {
        let path = folder.join(format!("{item}.scratch"));
        let mut file = File::create(&path)?;
        written += file.write(b"www")?;
        deferred.push(move || {
            drop(file);
            // It is scratch: nobody misses it.
            let _ = std::fs::remove_file(&path);
        });
    }
    Ok(written)
}

/// A scratch file that is removed when its owner goes.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Each scratch file is removed before the next is made.
///
/// # Errors
///
/// When a file can't be written.
pub fn a_cleanup_for_each(folder: &Path, items: impl Iterator<Item = usize>) -> io::Result<usize> {
    let mut written = 0;
    for item in items {
        let scratch = Scratch(folder.join(format!("{item}.scratch")));
        written += File::create(&scratch.0)?.write(b"www")?;
    }
    Ok(written)
}
// ANCHOR_END: stack

// ANCHOR: await
/// Counts a page's hits and waits until customers may be told. The page lives in the future for as long as it waits.
async fn page_held_across(mut may_tell: watch::Receiver<bool>) -> usize {
    let page = fetch_page();
    let hits = page.len() / HIT_BYTES;
    may_tell.wait_for(|may| *may).await.expect("it is told");
    drop(page);
    hits
}

/// The same, and the page goes before the wait.
async fn page_dropped_before(mut may_tell: watch::Receiver<bool>) -> usize {
    let hits = {
        let page = fetch_page();
        page.len() / HIT_BYTES
    };
    may_tell.wait_for(|may| *may).await.expect("it is told");
    hits
}
// ANCHOR_END: await

fn fetch_page() -> Vec<u8> {
    vec![b'h'; PAGE_BYTES]
}

/// Runs one of the two for each item, all at once.
async fn tell<F>(
    items: impl Iterator<Item = usize>,
    one: impl Fn(watch::Receiver<bool>) -> F,
) -> usize
where
    F: Future<Output = usize> + Send + 'static,
{
    let (told, may_tell) = watch::channel(false);
    let mut waiting = JoinSet::new();
    for _ in items {
        waiting.spawn(one(may_tell.clone()));
        // So that it comes to its wait.
        tokio::task::yield_now().await;
    }
    told.send_replace(true);
    waiting.join_all().await.into_iter().sum()
}

/// Customers are told of pages that live until then. Returns the hits.
pub async fn pages_held_across_an_await(items: impl Iterator<Item = usize>) -> usize {
    tell(items, page_held_across).await
}

/// Customers are told of pages that are gone by then. Returns the hits.
pub async fn pages_dropped_before_an_await(items: impl Iterator<Item = usize>) -> usize {
    tell(items, page_dropped_before).await
}
