//! What evidence says beyond its word: the site's signature, the holder's account, the peak.

use detectors::{Class, Evidence, Kept, Origin, Verdict, Watch};
use std::hint::black_box;

/// A holder of small copies, or of whole pages for one small view each; it means to keep 64 bytes an iteration.
fn holder(pins_pages: bool) -> impl FnMut() -> usize {
    let mut kept: Vec<Box<[u8]>> = Vec::with_capacity(10_000);
    move || {
        let page = vec![1_u8; black_box(4_096)];
        kept.push(if pins_pages {
            page.into_boxed_slice()
        } else {
            Box::from(&page[..64])
        });
        kept.len() * 64
    }
}

detectors::tests! {
    fn the_same_leak_has_the_same_signature_and_another_has_not() {
        let signature = |evidence: &Evidence| {
            let site = evidence.first_site().expect("a site");
            assert_eq!(site.origin, Origin::Own);
            assert!(site.frame.file.ends_with("tests/verdicts/findings.rs"), "{}", site.frame);
            site.signature.clone()
        };
        let of_holder = || signature(&Watch::new("a holder").run(|| holder(true)));
        let of_other = signature(&Watch::new("another").run(|| {
            let mut names = Vec::with_capacity(10_000);
            move || names.push(black_box("a").repeat(20))
        }));
        assert_eq!(of_holder(), of_holder());
        assert_ne!(of_holder(), of_other);
    }

    fn a_holder_that_accounts_for_what_grows_is_filling_below_its_bound() {
        let bounded = || {
            let mut iteration = holder(false);
            move || Kept::bytes(iteration()).of_at_most(10_000 * 64)
        };
        let evidence = Watch::new("copies, bounded").run(bounded);
        assert_eq!(evidence.verdict, Verdict::WarmingUp, "{}", evidence.because);
    }

    fn a_holder_without_a_bound_leaks_but_not_views() {
        let evidence = Watch::new("copies").run(|| holder(false));
        assert_eq!((evidence.verdict, evidence.class), (Verdict::Leak, None));
    }

    fn a_bound_does_not_excuse_what_is_pinned() {
        let bounded = || {
            let mut iteration = holder(true);
            move || Kept::bytes(iteration()).of_at_most(10_000 * 64)
        };
        Watch::new("pages, bounded")
            .run(bounded)
            .assert_leak(Class::RetainedSubslices, "findings.rs");
    }

    fn a_bound_that_is_passed_excuses_nothing() {
        let bounded = || {
            let mut iteration = holder(false);
            move || Kept::bytes(iteration()).of_at_most(100 * 64)
        };
        let evidence = Watch::new("copies, beyond their bound").run(bounded);
        assert_eq!(evidence.verdict, Verdict::Leak);
    }

    fn a_large_peak_that_leaves_nothing_is_pressure() {
        let evidence = Watch::new("parse at once")
            .pressure_from(1 << 20)
            .run(|| || drop(black_box(vec![0_u8; 2 << 20])));
        assert_eq!(evidence.verdict, Verdict::Pressure);
        assert_eq!(evidence.peak_bytes, 2 << 20);
        evidence.assert_peak(2 << 20);
        assert!(evidence.check_peak((2 << 20) - 1).is_err());
    }
}
