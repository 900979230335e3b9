//! A running service tells which of its tasks can never wake, on its debug port.

use super::world::Flavour;
use detectors::debug::Listener;
use detectors::triage::{Fetches, Triage, TriageEvidence};
use detectors::{Profile, ReadError};
use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

detectors::tests! {
    fn a_service_tells_its_stuck_tasks() { told(); }
    fn a_busy_services_healthy_tasks_are_never_accused() { healthy(); }
}

async fn get(address: SocketAddr, path: &str) -> (u16, Vec<u8>) {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("it answers");
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("a head");
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    (status.expect("a status"), answer[end + 4..].to_vec())
}

async fn text(address: SocketAddr, path: &str) -> String {
    let (status, body) = get(address, path).await;
    let body = String::from_utf8_lossy(&body).into_owned();
    assert_eq!(status, 200, "{body}");
    body
}

async fn listens() -> SocketAddr {
    let listener = Listener::bind("127.0.0.1:0", None)
        .await
        .expect("a free port");
    let address = listener.address();
    tokio::spawn(listener.serve());
    address
}

fn told() {
    let runtime = Flavour::Threads.runtime();
    runtime.block_on(async {
        let address = listens().await;
        let series = "tokio_tasks_stuck ";
        assert!(
            !text(address, "/metrics").await.contains(series),
            "nobody asked yet"
        );
        let (status, none) = get(address, "/debug/pprof/taskleak").await;
        let none = Profile::from_bytes("none", &none).expect("a profile");
        assert_eq!(
            (status, none.total("goroutineleak").expect("its type")),
            (200, 0)
        );
        for _ in 0..3 {
            detectors::tasks::spawn(pending::<()>());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        let told = text(address, "/debug/pprof/taskleak?debug=1").await;
        assert!(told.contains("3 tasks from"), "{told}");
        let (_, profile) = get(address, "/debug/pprof/goroutineleak").await;
        let profile = Profile::from_bytes("told", &profile).expect("a profile");
        assert_eq!(profile.total("goroutineleak").expect("its type"), 3);
        let metrics = text(address, "/metrics").await;
        assert!(metrics.contains(&format!("{series}3")), "{metrics}");
        let (status, _) = get(address, "/debug/pprof/taskleak?seconds=3").await;
        assert_eq!(status, 400);

        // Who looks from outside is told beside the verdict.
        let evidence = tokio::task::spawn_blocking(move || looked_at(address)).await;
        let evidence = evidence.expect("it doesn't panic");
        let stuck = evidence.never_wake.as_deref().expect("the service tells");
        assert_eq!(stuck.iter().map(|from| from.tasks).sum::<u64>(), 3);
        let told = evidence.to_string();
        assert!(told.contains("can never wake"), "{told}");
        assert!(stuck[0].site.contains("service.rs:"), "{told}");
    });
}

fn looked_at(address: SocketAddr) -> TriageEvidence {
    let triage = Triage::of_service("a service", Port(address));
    let triage = triage.expect("it answers").for_exactly(Duration::ZERO);
    { triage }.find().expect("it answers")
}

struct Port(SocketAddr);

impl Fetches for Port {
    fn ask(&self, path: &str) -> Result<Vec<u8>, ReadError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("the system gives a runtime its event queue");
        match runtime.block_on(get(self.0, path)) {
            (200, body) => Ok(body),
            (status, _) => Err(ReadError::new(
                format!("{path} is a {status}"),
                "look there",
            )),
        }
    }
}

/// So many looks, unless told otherwise.
const LOOKS: usize = 10;

/// One in so many tasks may be undecided.
const UNDECIDED: usize = 100;

/// Connections that are answered meanwhile, each by a task that asks another one.
fn healthy() {
    let told = std::env::var("DETECTORS_REPETITIONS").ok();
    let looks = told.map_or(LOOKS, |text| {
        text.parse().expect("DETECTORS_REPETITIONS is a number")
    });
    let runtime = Flavour::Threads.runtime();
    runtime.block_on(async {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = socket.local_addr().expect("it has one");
        tokio::spawn(serve(socket));
        for _ in 0..8 {
            tokio::spawn(async move {
                loop {
                    let mut stream = TcpStream::connect(address).await.expect("it listens");
                    for _ in 0..100 {
                        stream.write_all(b"apex").await.expect("it reads");
                        stream.read_exact(&mut [0; 4]).await.expect("it answers");
                    }
                }
            });
        }
        let (mut alive, mut undecided) = (0, 0);
        for look in 0..looks {
            let outlooks = detectors::tasks::outlooks(&tokio::runtime::Handle::current()).await;
            let outlooks = outlooks.expect("this is Linux");
            assert_eq!(outlooks.stuck().count(), 0, "look {look}: {outlooks:#?}");
            alive += outlooks.tasks().len();
            undecided += usize::try_from(outlooks.not_decided()).expect("few");
        }
        println!("{looks} looks at {alive} tasks: none accused, {undecided} not decided");
        assert!(undecided * UNDECIDED <= alive, "{undecided} of {alive}");
    });
}

async fn serve(socket: TcpListener) {
    loop {
        let (mut stream, _) = socket.accept().await.expect("a connection");
        tokio::spawn(async move {
            let mut word = [0; 4];
            while stream.read_exact(&mut word).await.is_ok() {
                let answer = tokio::spawn(async move {
                    tokio::task::yield_now().await;
                    word
                });
                let answer = answer.await.expect("it doesn't panic");
                if stream.write_all(&answer).await.is_err() {
                    return;
                }
            }
        });
    }
}
