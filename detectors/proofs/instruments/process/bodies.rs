//! What becomes of response bodies, by real requests of reqwest.

use super::server::Server;
use detectors::bodies::{BodyCheck, Found, Outcome, Requests};
use reqwest::{Client, Response};
use std::net::TcpStream;
use std::time::Duration;
use tokio::runtime::Handle;

const REQUESTS: u64 = 40;

fn on_a_runtime<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(work)
}

fn check(server: &Server) -> BodyCheck {
    BodyCheck::new("the probe", server.address)
        .expect("Linux tells")
        .within(Duration::from_secs(5))
}

async fn ask(client: &Client, server: &Server) -> Response {
    client
        .get(server.url())
        .send()
        .await
        .expect("the server answers")
}

async fn found(check: &BodyCheck, accepted: Option<u64>) -> Found {
    let requests = Requests::new(REQUESTS).accepted(accepted);
    check.find_async(requests).await.expect("Linux tells")
}

#[track_caller]
fn is(found: &Found, outcome: Outcome) {
    assert_eq!(found.outcome(), outcome, "{found}");
    assert_eq!(found.check_idle().is_ok(), outcome == Outcome::Idle);
}

/// Held bodies are told apart without any word of the server's.
pub(crate) fn held() {
    on_a_runtime(async {
        let (server, client) = (Server::start(false), Client::new());
        let check = check(&server)
            .within(Duration::from_millis(1))
            .on(&Handle::current());
        let mut failures = Vec::new();
        for _ in 0..REQUESTS {
            failures.push(ask(&client, &server).await);
        }
        for accepted in [None, Some(server.accepted())] {
            let found = found(&check, accepted).await;
            is(&found, Outcome::Held);
            assert_eq!(found.sockets(), REQUESTS);
            assert!(found.tasks() >= Some(REQUESTS), "{:?}", found.tasks());
        }
        let text = found(&check, None).await.to_string();
        let text = text.replace(&server.address.to_string(), "127.0.0.1:PORT");
        insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => "snapshots" }, {
            insta::assert_snapshot!("bodies_held", text);
        });
        drop(failures);
    });
}

pub(crate) fn dropped_unread() {
    on_a_runtime(async {
        let (server, client) = (Server::start(false), Client::new());
        let check = check(&server).on(&Handle::current());
        for _ in 0..REQUESTS {
            drop(ask(&client, &server).await);
        }
        let found = found(&check, Some(server.accepted())).await;
        is(&found, Outcome::DroppedUnread);
        assert!(found.sockets() <= 2, "{found}");
    });
}

pub(crate) fn read() {
    on_a_runtime(async {
        let (server, client) = (Server::start(false), Client::new());
        let check = check(&server).on(&Handle::current());
        for _ in 0..REQUESTS {
            let body = ask(&client, &server).await.bytes().await;
            assert!(body.is_ok());
        }
        let found = found(&check, Some(server.accepted())).await;
        is(&found, Outcome::Idle);
        assert_eq!(found.sockets(), 1, "one connection for all");
        found.assert_idle();
    });
}

pub(crate) fn many_at_once() {
    on_a_runtime(async {
        let (server, client) = (Server::start(false), Client::new());
        let check = check(&server).at_once(4).on(&Handle::current());
        for _ in 0..REQUESTS / 4 {
            let requests = [(); 4].map(|()| async {
                assert!(ask(&client, &server).await.bytes().await.is_ok());
            });
            let [one, two, three, four] = requests;
            tokio::join!(one, two, three, four);
        }
        is(&found(&check, Some(server.accepted())).await, Outcome::Idle);
    });
}

pub(crate) fn not_told() {
    on_a_runtime(async {
        let (server, client) = (Server::start(false), Client::new());
        let check = check(&server);
        for _ in 0..REQUESTS {
            drop(ask(&client, &server).await);
        }
        let unknown = found(&check, None).await;
        is(&unknown, Outcome::Inconclusive);
        assert!(
            unknown
                .to_string()
                .contains("connections that the server accepted"),
            "{unknown}"
        );
        let few = Requests::new(2).accepted(2);
        is(
            &check.find_async(few).await.expect("Linux tells"),
            Outcome::Inconclusive,
        );
    });
}

pub(crate) fn closed_by_the_server() {
    on_a_runtime(async {
        let (server, client) = (Server::start(true), Client::new());
        let check = check(&server);
        for _ in 0..REQUESTS {
            let body = ask(&client, &server).await.bytes().await;
            assert!(body.is_ok());
        }
        let found = found(&check, Some(server.accepted())).await;
        is(&found, Outcome::Inconclusive);
        assert!(
            found.to_string().contains("the server closed first"),
            "{found}"
        );
    });
}

pub(crate) fn no_bodies() {
    on_a_runtime(async {
        let server = Server::start(false);
        let check = check(&server)
            .within(Duration::from_millis(1))
            .on(&Handle::current());
        let connections: Vec<TcpStream> = (0..REQUESTS)
            .map(|_| TcpStream::connect(server.address).expect("it listens"))
            .collect();
        is(
            &found(&check, Some(server.accepted())).await,
            Outcome::Inconclusive,
        );
        drop(connections);
    });
}
