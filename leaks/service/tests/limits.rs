//! The service's own limits: what a client can take of it, however it behaves.

mod rude;

use domain_service::cluster::Cluster;
use domain_service::{Leaks, Options, Service};
use rude::Rude;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a test waits for what must happen.
const DEADLINE: Duration = Duration::from_mins(1);

fn on_a_runtime<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(work)
}

async fn serve(options: Options) -> Service {
    let started = Service::start(options, Leaks::default()).await;
    started.expect("a free port")
}

async fn is_ended_as_wanted(rude: Rude, service: &Service) {
    let seen = timeout(
        DEADLINE,
        rude.behave(service.address(), Duration::from_millis(5)),
    )
    .await;
    let seen = seen
        .unwrap_or_else(|_| panic!("{rude:?}: the service still has that client after a minute"));
    assert_eq!(seen, rude.wanted(), "{rude:?}");
}

#[test]
fn who_speaks_wrong_is_answered_and_sent_away() {
    on_a_runtime(async {
        let cluster = Cluster::start(0).await.expect("a free port");
        let service = serve(Options::new(cluster.url())).await;
        for rude in Rude::AT_ONCE {
            is_ended_as_wanted(rude, &service).await;
        }
    });
}

#[test]
fn who_is_slow_is_sent_away_in_time() {
    on_a_runtime(async {
        let cluster = Cluster::start(0).await.expect("a free port");
        let service = serve(Options {
            head_within: Duration::from_millis(100),
            ..Options::new(cluster.url())
        })
        .await;
        for rude in Rude::IN_TIME {
            is_ended_as_wanted(rude, &service).await;
        }
    });
}

/// A client that takes nothing of a large answer holds a connection, the answer, and where it is streamed one of the places.
#[test]
fn who_reads_nothing_keeps_nobody_else_from_being_answered() {
    on_a_runtime(async {
        let cluster = Cluster::start(0).await.expect("a free port");
        for is_streaming in [false, true] {
            for rude in Rude::COSTLY {
                let service = serve(Options {
                    is_streaming,
                    at_once: 1,
                    read_within: Duration::from_millis(300),
                    ..Options::new(cluster.url())
                })
                .await;
                is_ended_as_wanted(rude, &service).await;
                let url = format!("http://{}/apex/customer-0042.example", service.address());
                let answered = async {
                    while reqwest::get(&url).await.expect("it answers").status() != 200 {
                        tokio::task::yield_now().await; // 503 until the place is free again
                    }
                };
                timeout(DEADLINE, answered)
                    .await
                    .expect("the only place is free again");
            }
        }
    });
}

/// Each connection may hold buffers, so there is a bound on how many there are; who comes later waits, and is answered in the end.
#[test]
fn who_comes_when_all_connections_are_taken_waits_for_one() {
    on_a_runtime(async {
        let cluster = Cluster::start(0).await.expect("a free port");
        let service = serve(Options {
            connections: 2,
            ..Options::new(cluster.url())
        })
        .await;
        let mut taken = Kept::open(&service).await;
        let mut other = Kept::open(&service).await;
        taken.is_answered().await;
        other.is_answered().await;
        let mut waiting = Kept::open(&service).await;
        waiting.asks().await;
        // Long enough for the service to have answered it, if it could.
        for _ in 0..50 {
            taken.is_answered().await;
            other.is_answered().await;
        }
        assert!(!waiting.has_an_answer(), "a third connection was served");
        drop(taken);
        waiting.reads().await;
    });
}

/// A client that keeps its connection.
struct Kept {
    stream: TcpStream,
}

impl Kept {
    async fn open(service: &Service) -> Self {
        let stream = TcpStream::connect(service.address()).await;
        Kept {
            stream: stream.expect("the system's queue has room"),
        }
    }

    async fn is_answered(&mut self) {
        self.asks().await;
        self.reads().await;
    }

    async fn asks(&mut self) {
        let request = b"GET /no-such-page HTTP/1.1\r\nhost: here\r\n\r\n";
        self.stream.write_all(request).await.expect("it is open");
    }

    async fn reads(&mut self) {
        let mut answer = [0; 4_096];
        let read = timeout(DEADLINE, self.stream.read(&mut answer)).await;
        let read = read.expect("an answer in time").expect("it is open");
        assert!(answer[..read].starts_with(b"HTTP/1.1 404"), "{read} bytes");
    }

    fn has_an_answer(&self) -> bool {
        self.stream.try_read(&mut [0]).is_ok()
    }
}
