//! What the service answers: over real sockets, from the embedded cluster and from clusters that misbehave.

mod hostile;

use domain_service::cluster::Cluster;
use domain_service::{Leaks, Options, Service};
use hostile::{Answer, Hostile};
use reqwest::{Client, StatusCode};
use serde_json::Value;
use std::time::Duration;

const CUSTOMER: &str = "customer-0042.example";
const LARGE: &str = "large-07.example";

/// How long a test waits for what must happen.
const DEADLINE: Duration = Duration::from_mins(1);

fn on_a_runtime(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let ended = runtime
        .expect("a runtime")
        .block_on(async { tokio::time::timeout(DEADLINE, work).await });
    ended.expect("an answer within a minute");
}

async fn serve(options: Options) -> Service {
    Service::start(options, Leaks::default())
        .await
        .expect("a free port")
}

async fn get(service: &Service, apex: &str) -> (StatusCode, String) {
    let url = format!("http://{}/apex/{apex}", service.address());
    let answer = Client::new()
        .get(url)
        .send()
        .await
        .expect("the service answers");
    (answer.status(), answer.text().await.expect("whole"))
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn collected_and_streamed_the_answer_is_the_same() {
    on_a_runtime(async {
        let cluster = Cluster::start(0).await.expect("a free port");
        let collects = serve(Options::new(cluster.url())).await;
        for apex in [CUSTOMER, LARGE] {
            let (status, collected) = get(&collects, apex).await;
            assert_eq!(status, StatusCode::OK);
            let collected = json(&collected);
            let hosts = collected["hosts"].as_array().expect("a list");
            assert_eq!(collected["count"].as_u64(), Some(hosts.len() as u64));
            assert!(hosts.len() >= 20);
            assert_eq!(hosts[0]["name"], format!("h00000.{apex}"));
            // Pages so small that several are needed; and a full one, after which comes one that is empty.
            for page_size in [7, hosts.len()] {
                for is_streaming in [false, true] {
                    let options = Options {
                        is_streaming,
                        page_size,
                        ..Options::new(cluster.url())
                    };
                    let (status, paged) = get(&serve(options).await, apex).await;
                    assert_eq!(status, StatusCode::OK);
                    assert_eq!(json(&paged), collected, "{apex} by {page_size}");
                }
            }
        }
    });
}

#[test]
fn who_asks_wrong_is_told_so() {
    on_a_runtime(async {
        let cluster = Cluster::start(0).await.expect("a free port");
        for is_streaming in [false, true] {
            let service = serve(Options {
                is_streaming,
                ..Options::new(cluster.url())
            })
            .await;
            for (apex, status) in [
                ("nobody.example", StatusCode::NOT_FOUND),
                ("customer%200042", StatusCode::BAD_REQUEST),
                ("%00", StatusCode::BAD_REQUEST),
                (&*"a".repeat(254), StatusCode::BAD_REQUEST),
            ] {
                let (answered, text) = get(&service, apex).await;
                assert_eq!(answered, status, "{apex}: {text}");
                assert_eq!(json(&text)["status"], status.as_u16());
            }
        }
    });
}

#[test]
fn a_cluster_that_misbehaves_makes_a_502_with_a_reason() {
    on_a_runtime(async {
        for is_streaming in [false, true] {
            for answer in Answer::ALL {
                let hostile = Hostile::start(answer);
                let service = serve(Options {
                    is_streaming,
                    ..Options::new(hostile.url())
                })
                .await;
                let (status, text) = get(&service, CUSTOMER).await;
                assert_eq!(status, StatusCode::BAD_GATEWAY, "{answer:?}: {text}");
                let told = json(&text)["error"].as_str().expect("a reason").to_owned();
                assert!(told.starts_with("the search cluster"), "{told}");
                assert!(told.len() < 400, "{told}");
            }
        }
    });
}

#[test]
fn a_cluster_that_is_gone_and_comes_back_is_asked_again() {
    on_a_runtime(async {
        let cluster = Cluster::start(0).await.expect("a free port");
        let url = cluster.url();
        let service = serve(Options::new(&url)).await;
        assert_eq!(get(&service, CUSTOMER).await.0, StatusCode::OK);
        drop(cluster);
        let gone = loop {
            let (status, text) = get(&service, CUSTOMER).await;
            if status != StatusCode::OK {
                break (status, text); // its last connection may have lived a little longer
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(gone.0, StatusCode::BAD_GATEWAY, "{}", gone.1);
        let port: u16 = url
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok())
            .expect("a port");
        let _again = loop {
            match Cluster::start(port).await {
                Ok(cluster) => break cluster,
                Err(_) => tokio::task::yield_now().await, // until the system gives the port back
            }
        };
        assert_eq!(get(&service, CUSTOMER).await.0, StatusCode::OK);
    });
}

#[test]
fn more_than_may_be_answered_at_once_are_sent_away_in_time() {
    on_a_runtime(async {
        let hostile = Hostile::start(Answer::Never);
        let service = serve(Options {
            at_once: 1,
            ..Options::new(hostile.url())
        })
        .await;
        let url = format!("http://{}/apex/{CUSTOMER}", service.address());
        let waiting = tokio::spawn(Client::new().get(&url).send());
        hostile.asked().await;
        let answer = Client::new()
            .get(&url)
            .send()
            .await
            .expect("the service answers");
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.headers()["retry-after"], "1");
        waiting.abort();
    });
}

#[test]
fn it_lets_what_is_being_answered_end() {
    on_a_runtime(async {
        let cluster = Cluster::start(0).await.expect("a free port");
        let service = serve(Options {
            is_streaming: true,
            page_size: 50,
            ..Options::new(cluster.url())
        })
        .await;
        let url = format!("http://{}/apex/{LARGE}", service.address());
        let answer = Client::new()
            .get(&url)
            .send()
            .await
            .expect("the service answers");
        let ended = tokio::spawn(service.shut_down(Duration::from_mins(1)));
        let text = answer
            .text()
            .await
            .expect("whole, though the service is ending");
        assert!(json(&text)["count"].as_u64() >= Some(4_000));
        assert!(
            ended.await.expect("it doesn't panic"),
            "all ended by themselves"
        );
        assert!(
            Client::new().get(&url).send().await.is_err(),
            "nobody listens any more"
        );
    });
}
