//! The checker of the exercise: what it must still do, and that it is steady. Used on the learner's file by
//! `tests/exercise.rs`, and on the author's by `tests/profiled/proof.rs`.

use super::exercise::{Checker, Link};
use chapter::patience;
use detectors::{Class, Evidence, Watch};
use tokio::runtime::{Builder, Runtime};
use unclosed_bodies::backend::Backend;
use unclosed_bodies::endless::{self, Endless};

/// What the exercise as shipped must be accused of.
#[allow(dead_code, reason = "the learner's check doesn't need it")]
pub const AS_SHIPPED: (Class, &str) = (Class::UnclosedBodies, "Checker::check");

/// How many pages are put aside.
const PUT_ASIDE_MAX: usize = 100;

fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime")
}

/// A link that is checked. Patience is only for an exercise that would read a page without an end.
async fn check(checker: &mut Checker, url: &str) -> Link {
    tokio::select! {
        biased;
        link = checker.check(url) => link.expect("an answer"),
        () = patience::runs_out() => panic!("a large page is put aside unread, but one that has no end was still being read"),
    }
}

/// Small pages are read, large ones are put aside by their link.
pub fn behaviour() {
    let backend = Backend::start();
    let endless = Endless::start();
    runtime().block_on(async {
        let mut checker = Checker::default();
        for _ in 0..20 {
            let small = check(&mut checker, &backend.url(true)).await;
            assert_eq!(
                (small.status, small.length),
                (200, Some(4)),
                "a link's status and length are noted"
            );
        }
        assert!(
            checker.put_aside().is_empty(),
            "a small page is not put aside"
        );
        assert_eq!(
            backend.accepted(),
            1,
            "a small page is read to its end: 20 of them need one connection"
        );
        for (has_length, length) in [(true, Some(endless::PAGE_BYTES)), (false, None)] {
            let large = check(&mut checker, &endless.url(has_length)).await;
            assert_eq!(
                (large.status, large.length),
                (200, length),
                "a link's status and length are noted"
            );
        }
        let urls = [endless.url(true), endless.url(false)];
        assert_eq!(
            urls_of(&checker),
            urls,
            "a page is put aside when it is large, and when its length isn't known"
        );

        let urls: Vec<String> = (0..120)
            .map(|number| format!("{}?page={number}", backend.url(false)))
            .collect();
        for url in &urls {
            let large = check(&mut checker, url).await;
            assert_eq!(large.status, 503, "a link's status and length are noted");
        }
        assert_eq!(
            urls_of(&checker),
            urls[urls.len() - PUT_ASIDE_MAX..],
            "the last hundred large pages are put aside by their links, the oldest first"
        );
    });
}

fn urls_of(checker: &Checker) -> Vec<String> {
    let aside = checker.put_aside().into_iter();
    aside.map(|link| link.url).collect()
}

/// Link after link to a large page.
pub fn memory() -> Evidence {
    Watch::new("the link checker")
        .warm_up(8)
        .windows(3)
        .run_async(async || {
            let backend = Backend::start();
            let mut checker = Checker::default();
            // As many as it ever puts aside.
            for _ in 0..PUT_ASIDE_MAX {
                let _ = checker.check(&backend.url(false)).await;
            }
            async move || {
                let _ = checker.check(&backend.url(false)).await;
            }
        })
}

/// A page that is put aside keeps no connection, not even one of the last hundred.
pub fn exactly() {
    let endless = Endless::start();
    runtime().block_on(async {
        let mut checker = Checker::default();
        for _ in 0..PUT_ASIDE_MAX / 2 {
            check(&mut checker, &endless.url(true)).await;
            check(&mut checker, &endless.url(false)).await;
        }
        // The other end learns of it a moment later.
        patience::comes(|| endless.open() == 0).await;
        assert_eq!(
            endless.open(),
            0,
            "connections that are open when {PUT_ASIDE_MAX} pages are put aside: a link is put aside, not its connection"
        );
        assert_eq!(checker.put_aside().len(), PUT_ASIDE_MAX);
    });
}
