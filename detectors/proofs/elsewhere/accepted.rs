//! A service with one old leak: what is known and accepted may stay, and what is new fails.

use detectors::{Evidence, Verdict, Watch};
use std::path::Path;
use std::sync::Mutex;

static AUDIT: Mutex<Vec<String>> = Mutex::new(Vec::new());
static SESSIONS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The old leak.
#[inline(never)]
fn audit() {
    AUDIT.lock().expect("nobody panicked").push("x".repeat(400));
}

/// The new one.
#[inline(never)]
fn log_in() {
    SESSIONS
        .lock()
        .expect("nobody panicked")
        .push("x".repeat(8));
}

fn watch() -> Watch {
    Watch::new("a service").warm_up(16)
}

/// Each growing site's function.
fn sites(evidence: &Evidence) -> Vec<&str> {
    let sites = evidence
        .findings
        .iter()
        .filter_map(|finding| finding.at.as_ref());
    let mut sites: Vec<&str> = sites.map(|at| at.frame.function.as_str()).collect();
    sites.dedup();
    sites
}

fn baseline(folder: &Path, evidence_of: impl Fn(Watch) -> Evidence) -> Evidence {
    evidence_of(watch().baseline(folder.join("baseline.json")))
}

detectors::tests! {
    fn what_is_accepted_is_told_and_passes() {
        let evidence = watch().accept("accepted::audit", "it goes with version 3").run(|| audit);
        evidence.assert_steady();
        assert_eq!(evidence.class, None);
        assert!(
            evidence.because.starts_with("nothing grows but what is accepted: "),
            "{}",
            evidence.because
        );
        assert!(evidence.because.contains("it goes with version 3"), "{}", evidence.because);
        assert!((400.0..440.0).contains(&evidence.accepted[0].per_iteration));
    }

    fn what_is_new_fails_beside_it() {
        let evidence = watch().accept("accepted::audit", "it goes with version 3").run(|| || {
            audit();
            log_in();
        });
        assert_eq!(evidence.verdict, Verdict::Leak, "{}", evidence.because);
        assert_eq!(sites(&evidence), ["elsewhere::accepted::log_in"]);
        assert!(evidence.holders.iter().all(|held| held.site.contains("log_in")));
    }

    fn a_reason_for_another_site_accepts_nothing() {
        let evidence = watch().accept("accepted::log_in", "another").run(|| audit);
        assert_eq!(evidence.verdict, Verdict::Leak, "{}", evidence.because);
    }

    fn a_baseline_is_written_once_and_then_holds() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let old = |watch: Watch| watch.run(|| audit);
        let new = |watch: Watch| watch.run(|| || {
            audit();
            log_in();
        });
        let faster = |watch: Watch| watch.run(|| || {
            audit();
            audit();
        });
        let before = baseline(folder.path(), old);
        assert_eq!(before.verdict, Verdict::Leak, "a file that isn't there accepts nothing");
        assert!(before.because.contains("DETECTORS_BASELINE=write"), "{}", before.because);

        // SAFETY: this test has its process for itself, and no other thread reads the environment.
        unsafe { std::env::set_var("DETECTORS_BASELINE", "write") };
        baseline(folder.path(), old).assert_steady();
        // SAFETY: as above.
        unsafe { std::env::remove_var("DETECTORS_BASELINE") };
        let written = std::fs::read_to_string(folder.path().join("baseline.json")).expect("it was written");
        assert!(written.contains("\"elsewhere::accepted::audit\""), "{written}");
        assert!(written.contains("\"elsewhere/accepted.rs\""), "relative to the package: {written}");
        assert!(written.contains("\"not reviewed yet\""), "{written}");

        baseline(folder.path(), old).assert_steady();
        assert_eq!(sites(&baseline(folder.path(), new)), ["elsewhere::accepted::log_in"]);
        assert_eq!(baseline(folder.path(), faster).verdict, Verdict::Leak, "twice as fast");
    }

    fn a_baseline_that_cannot_be_read_settles_nothing() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("baseline.json"), "[{\"function\": 7}]").expect("room for it");
        let evidence = baseline(folder.path(), |watch| watch.run(|| || {}));
        assert_eq!(evidence.verdict, Verdict::Inconclusive);
        assert!(evidence.because.contains("baseline.json can't be read"), "{}", evidence.because);
    }
}
