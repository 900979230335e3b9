//! The checker of the exercise: what it must still do, and that it is steady. Used on the learner's file by
//! `tests/exercise.rs`, and on the author's three by `tests/profiled/proof.rs`.

use super::exercise::Checker;
use detectors::{Class, Evidence, Watch};
use unclosed_bodies::backend::Backend;

/// What the exercise as shipped must be accused of.
#[allow(dead_code, reason = "the learner's check doesn't need it")]
pub const AS_SHIPPED: (Class, &str) = (Class::UnclosedBodies, "Checker::check");

/// Small pages are read, large ones are put aside by their link.
pub fn behaviour() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let backend = Backend::start();
    runtime.block_on(async {
        let mut checker = Checker::default();
        let small = checker.check(&backend.url(true)).await.expect("an answer");
        assert_eq!(
            (small.status, small.length),
            (200, Some(4)),
            "a link's status and length are noted"
        );
        assert!(
            checker.put_aside().is_empty(),
            "a small page is not put aside"
        );
        for _ in 0..120 {
            let large = checker.check(&backend.url(false)).await.expect("an answer");
            assert_eq!(large.status, 503, "a link's status and length are noted");
        }
        let aside = checker.put_aside();
        assert_eq!(
            aside.len(),
            100,
            "the last hundred large pages are put aside"
        );
        assert!(
            aside.iter().all(|link| link.url == backend.url(false)),
            "a page is put aside by its link"
        );
    });
}

/// Link after link to a large page.
pub fn memory() -> Evidence {
    Watch::new("the link checker")
        .warm_up(8)
        .windows(4)
        .run_async(async || {
            let backend = Backend::start();
            let mut checker = Checker::default();
            // As many as it ever puts aside.
            for _ in 0..100 {
                let _ = checker.check(&backend.url(false)).await;
            }
            async move || {
                let _ = checker.check(&backend.url(false)).await;
            }
        })
}
