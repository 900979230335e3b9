use detectors::{Kind, Verdict, Watch, tasks};
use std::future::pending;

detectors::memory_tests! {
    async fn an_async_test_runs() {
        assert_eq!(tokio::spawn(async { 443 }).await.expect("it doesn't panic"), 443);
    }

    fn tasks_that_end_are_steady() {
        async fn look_up() {
            let _ = tokio::spawn(async { "a".repeat(100) }).await;
        }
        Watch::new("look up").run_async(async || look_up).assert_steady();
    }

    fn tasks_that_stay_are_told_by_their_line() {
        async fn forget() {
            drop(tasks::spawn(pending::<()>()));
        }
        let evidence = Watch::new("forget").run_async(async || forget);
        assert_eq!(evidence.verdict, Verdict::Leak, "{}", evidence.because);
        let tasks = evidence.findings.iter().find(|finding| finding.kind == Kind::Tasks);
        let site = tasks.and_then(|tasks| tasks.at.as_ref()).expect("tasks, with their site");
        assert!(site.frame.function.contains("forget"), "{site}");
    }
}
