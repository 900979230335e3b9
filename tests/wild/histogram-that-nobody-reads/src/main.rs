//! metrics-rs/metrics#467, 2024, and #245 before it: a histogram's samples wait until somebody asks for the metrics, and nobody does.
//!
//! GreptimeTeam/greptimedb#1906 and others met it in production. The recorder is built without the exporter's own upkeep; the
//! mended use runs that upkeep, as the documentation says since.

use metrics_exporter_prometheus::PrometheusBuilder;

wild::case!(requests_that_are_timed, requests_with_upkeep);

fn requests_that_are_timed() -> impl FnMut() {
    let recorder = PrometheusBuilder::new().build_recorder();
    move || {
        metrics::with_local_recorder(&recorder, || time_requests(0.2));
    }
}

fn requests_with_upkeep() -> impl FnMut() {
    let recorder = PrometheusBuilder::new().build_recorder();
    move || {
        metrics::with_local_recorder(&recorder, || time_requests(0.2));
        recorder.handle().run_upkeep();
    }
}

fn time_requests(seconds: f64) {
    for _ in 0..100 {
        metrics::histogram!("request_seconds").record(seconds); // <- the line
    }
}
