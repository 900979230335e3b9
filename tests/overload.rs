//! The service under several times the load that it can answer: each request gets its answer, or a 503 that says when to come
//! again. Nothing else, from neither kind of loop.
//!
//! A bounded number of requests; `SERVICE_OVERLOAD_SECONDS=30` makes it that long, as `.ci/soak` does.

mod driver;
mod served;

use driver::Workbook;
use served::{Answer, Served};

/// Requests that are answered at once; so many clients more make an overload.
const AT_ONCE: u64 = 4;

#[test]
fn overload_has_no_answer_but_200_and_503_with_a_time() {
    let at_once = AT_ONCE.to_string();
    let served = Served::start("overload", &["--debug-port", "0", "--at-once", &at_once]);
    let url = format!("http://{}/apex/customer-0042.example", served.service);
    let workbook = Workbook::copy("overload-load");
    let clients = (AT_ONCE * 16).to_string();
    let closed = ["--at-once", &clients];
    let open = ["--rate", "3000"];
    for pace in [&closed[..], &open] {
        let arguments = [
            &["load", "--url", &url, "--format", "json", "--within", "1m"],
            pace,
            &bound(),
        ]
        .concat();
        let report = workbook.leaks(arguments).exits(0).json();
        let load = &report["loads"][0];
        let requests = |answer: &str| load[answer]["requests"].as_u64().expect("a number");
        assert!(
            requests("200") > 0 && requests("503") > 0,
            "{pace:?}: it is no overload: {load:#}"
        );
        assert_eq!(load["without_retry_after"], 0, "{load:#}");
        assert_eq!(
            (requests("other"), requests("unanswered")),
            (0, 0),
            "{load:#}"
        );
        assert_eq!(load["failed"], serde_json::json!([]), "{load:#}");
    }
    let afterwards = Answer::to(&served.service, "GET /apex/customer-0042.example", &[]);
    assert_eq!(afterwards.status, 200, "well again: {}", afterwards.head);
}

fn bound() -> Vec<&'static str> {
    static SECONDS: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let seconds = SECONDS.get_or_init(|| {
        let seconds = std::env::var("SERVICE_OVERLOAD_SECONDS").ok()?;
        Some(format!("{seconds}s"))
    });
    match seconds {
        Some(seconds) => vec!["--for", seconds, "--count", "100000000"],
        None => vec!["--for", "1h", "--count", "3000"],
    }
}
