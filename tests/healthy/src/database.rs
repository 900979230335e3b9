//! redis: a service's shared connection to a real server, with pipelines, a subscription, and calls that are given up.

use crate::Observer;
use crate::random::{key, text};
use fastrand::Rng;
use futures_util::StreamExt;
use redis::aio::ConnectionManager;
use redis::{AsyncCommands, Client, RedisResult};
use std::cell::RefCell;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How long the server may take to start.
const DEADLINE: Duration = Duration::from_secs(30);

/// Three requests an iteration over one connection, and a message to a subscriber. `None` without a server.
pub fn run<O: Observer>(observer: O) -> Option<O::Says> {
    let server = Server::start()?;
    let runtime = crate::runtime();
    let (connection, hears) = runtime.block_on(async {
        let client = Client::open(server.url()).expect("an address");
        let connection = client.get_connection_manager().await.expect("an answer");
        (connection, subscribe(&client).await)
    });
    let hears = RefCell::new(hears);
    let says = observer.of_futures(runtime.handle(), async || {
        async || {
            let requests = (0..3).map(|_| impatient(connection.clone()));
            futures_util::future::join_all(requests).await;
            let news = text(&mut Rng::new(), 1, 500);
            let () = connection
                .clone()
                .publish("news", &news)
                .await
                .expect("published");
            // Nobody else holds it: an iteration ends before the next begins.
            assert_eq!(hears.borrow_mut().recv().await, Some(news));
        }
    });
    Some(says)
}

/// A request that may be given up before it is answered.
async fn impatient(connection: ConnectionManager) {
    let patience = match fastrand::u8(..20) {
        0 => Duration::from_micros(fastrand::u64(..300)),
        _ => Duration::from_secs(60),
    };
    if let Ok(answer) = tokio::time::timeout(patience, request(connection)).await {
        answer.expect("an answer");
    }
}

/// A user's page is looked up, and written where it isn't there.
async fn request(mut connection: ConnectionManager) -> RedisResult<()> {
    let mut random = Rng::new();
    let user = key(&mut random, 2_000);
    let page: Option<String> = connection.get(format!("page:{user}")).await?;
    if page.is_none() {
        let page = text(&mut random, 50, 3_000);
        let visits: Vec<(String, u32)> = (0..random.u8(1..10))
            .map(|_| (text(&mut random, 4, 10), random.u32(..)))
            .collect();
        let (count, _): (u64, bool) = redis::pipe()
            .set_ex(format!("page:{user}"), page, 1)
            .ignore()
            .hset_multiple(format!("visits:{user}"), &visits)
            .ignore()
            .incr("misses", 1)
            .expire(format!("visits:{user}"), 1)
            .query_async(&mut connection)
            .await?;
        assert!(count > 0);
    }
    let visits: Vec<(String, u32)> = connection.hgetall(format!("visits:{user}")).await?;
    drop(visits);
    Ok(())
}

/// What is published, as it comes.
async fn subscribe(client: &Client) -> mpsc::Receiver<String> {
    let (heard, hears) = mpsc::channel(16);
    let mut subscription = client.get_async_pubsub().await.expect("an answer");
    subscription.subscribe("news").await.expect("subscribed");
    tokio::spawn(async move {
        let mut messages = subscription.into_on_message();
        while let Some(message) = messages.next().await {
            let text = message.get_payload().expect("a text");
            if heard.send(text).await.is_err() {
                break;
            }
        }
    });
    hears
}

/// A server on a port of its own, without a file.
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    /// `None` where it isn't installed.
    fn start() -> Option<Self> {
        let free = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let port = free.local_addr().expect("bound").port();
        drop(free);
        let process = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        let server = Server { process, port };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                started.elapsed() < DEADLINE,
                "redis-server doesn't answer on port {port}"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        Some(server)
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already; then there is nothing to end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
