use detectors::{DhatAllocator, Watch, tasks};
use std::future::pending;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: DhatAllocator = DhatAllocator;

detectors::tests! {
    fn dhat_reads_a_watch() {
        let evidence = Watch::new("words").run(|| || "a".repeat(100).len());
        assert_eq!(evidence.assert_steady().instrument.name, "dhat");
    }

    fn a_task_says_where_it_waits() {
        let runtime = tasks::Builder::new_current_thread().build().expect("a runtime");
        runtime.spawn(pending::<()>());
        let stacks = runtime.block_on(tasks::await_stacks(runtime.handle(), Duration::from_secs(10), 1));
        assert_eq!(stacks.expect("this build tells").len(), 1);
    }

    async fn the_debug_port_is_there() {
        let debug = detectors::debug::Listener::bind("127.0.0.1:0", None).await;
        assert!(debug.expect("a free port").address().ip().is_loopback());
    }
}
