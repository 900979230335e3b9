//! Nobody may accuse healthy code: ten kinds of it by real crates, each under the work that a service gives it and beside a thread that
//! allocates and frees all the while. Calm is right, and so is `inconclusive` where the neighbour drowns the signal.
//!
//! `cargo test --manifest-path tests/healthy/Cargo.toml` runs each once. The database client needs `redis-server`.

mod neighbour;

use detectors::{Evidence, Verdict, Watch};
use neighbour::Busy;
use std::convert::Infallible;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();

/// Says the word, for whoever counts the words of many runs, and fails on an accusation.
fn is_not_accused(evidence: &Evidence) {
    println!("{}: {}", evidence.name, evidence.verdict);
    let words = [Verdict::Steady, Verdict::WarmingUp, Verdict::Inconclusive];
    assert!(
        words.contains(&evidence.verdict),
        "{}: {}, {}\n{}{}",
        evidence.name,
        evidence.verdict,
        evidence.because,
        evidence.windows_table(),
        evidence.findings_list()
    );
}

/// Numbers that look random, and are the same in each run.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

detectors::tests! {
    fn a_cache() {
        let _busy = Busy::start();
        is_not_accused(&Watch::new("a cache").run(|| {
            let cache = moka::sync::Cache::builder().max_capacity(300).time_to_live(Duration::from_secs(60)).build();
            let mut seed = 7;
            move || {
                for _ in 0..4 {
                    let key = next(&mut seed) % 1_000;
                    cache.get_with(key, || vec![7_u8; 200]);
                }
                cache.run_pending_tasks();
            }
        }));
    }

    fn a_pool_of_connections() {
        let _busy = Busy::start();
        is_not_accused(&Watch::new("a pool of connections").warm_up(16).run_async(async || {
            let (server, at) = echo_server().await;
            let pool = deadpool::managed::Pool::<Connections>::builder(Connections(at)).max_size(4).build().expect("a pool");
            async move || {
                let _ = &server;
                let asks = (0..3).map(|_| async {
                    let mut connection = pool.get().await.expect("a connection");
                    echo(&mut connection).await;
                });
                futures_util::future::join_all(asks).await;
            }
        }));
    }

    fn a_parser() {
        let _busy = Busy::start();
        is_not_accused(&Watch::new("a parser").run(|| {
            let page = "# A page\n\nWith *words*, [links](https://example.com) and\n\n- a list\n- of `code`\n".repeat(20);
            move || {
                let mut html = String::new();
                pulldown_cmark::html::push_html(&mut html, pulldown_cmark::Parser::new(&page));
                assert!(html.contains("<em>"));
            }
        }));
    }

    fn an_http_client_and_server() {
        let _busy = Busy::start();
        is_not_accused(&Watch::new("an HTTP client and server").warm_up(16).run_async(async || {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback");
            let at = listener.local_addr().expect("bound");
            let routes = axum::Router::new().route("/", axum::routing::post(async |axum::Json(body): axum::Json<serde_json::Value>| axum::Json(body)));
            let server = Aborted(tokio::spawn(async move { axum::serve(listener, routes).await }));
            let client = reqwest::Client::builder().no_proxy().build().expect("a client");
            async move || {
                let _ = &server;
                let body = serde_json::json!({ "names": ["a", "b", "c"], "number": 7 });
                let answer = client.post(format!("http://{at}/")).json(&body).send().await.expect("an answer");
                assert_eq!(answer.json::<serde_json::Value>().await.expect("JSON"), body);
            }
        }));
    }

    fn a_broker() {
        use zeromq::{Socket, SocketRecv, SocketSend};
        let _busy = Busy::start();
        is_not_accused(&Watch::new("a broker").warm_up(16).run_async(async || {
            let mut answers = zeromq::RepSocket::new();
            let at = answers.bind("tcp://127.0.0.1:0").await.expect("loopback").to_string();
            let server = Aborted(tokio::spawn(async move {
                while let Ok(asked) = answers.recv().await {
                    if answers.send(asked).await.is_err() {
                        break;
                    }
                }
            }));
            let mut asks = zeromq::ReqSocket::new();
            asks.connect(&at).await.expect("a broker");
            let asks = std::rc::Rc::new(tokio::sync::Mutex::new(asks));
            async move || {
                let _ = &server;
                let mut asks = asks.lock().await;
                asks.send("a message".into()).await.expect("sent");
                asks.recv().await.expect("an answer");
            }
        }));
    }

    fn a_timer_wheel() {
        use futures_util::StreamExt;
        let _busy = Busy::start();
        is_not_accused(&Watch::new("a timer wheel").warm_up(16).run_async(async || {
            let timers = std::rc::Rc::new(tokio::sync::Mutex::new(tokio_util::time::DelayQueue::new()));
            async move || {
                let mut timers = timers.lock().await;
                let kept: Vec<_> = (0..8).map(|n| timers.insert(n, Duration::from_secs(60))).collect();
                timers.insert(100, Duration::ZERO);
                assert_eq!(timers.next().await.expect("due").into_inner(), 100);
                for key in kept {
                    timers.remove(&key);
                }
            }
        }));
    }

    fn a_search_index() {
        let _busy = Busy::start();
        is_not_accused(&Watch::new("a search index").warm_up(16).run(|| {
            let mut schema = tantivy::schema::Schema::builder();
            let text = schema.add_text_field("text", tantivy::schema::TEXT);
            let index = tantivy::Index::create_in_ram(schema.build());
            let mut writer = index.writer_with_num_threads(1, 16 << 20).expect("a writer");
            for number in 0..200 {
                let document = tantivy::doc!(text => format!("document {number} about leaks and memory"));
                writer.add_document(document).expect("added");
            }
            writer.commit().expect("committed");
            drop(writer);
            let reader = index.reader().expect("a reader");
            let query = tantivy::query::QueryParser::for_index(&index, vec![text]);
            move || {
                let query = query.parse_query("memory").expect("a query");
                let found = reader.searcher().search(&query, &tantivy::collector::TopDocs::with_limit(10).order_by_score()).expect("found");
                assert_eq!(found.len(), 10);
            }
        }));
    }

    fn a_web_socket_echo() {
        use futures_util::{SinkExt, StreamExt};
        use tokio_tungstenite::tungstenite::Message;
        let _busy = Busy::start();
        is_not_accused(&Watch::new("a web socket echo").warm_up(16).run_async(async || {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback");
            let at = listener.local_addr().expect("bound");
            let server = Aborted(tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let mut socket = tokio_tungstenite::accept_async(stream).await.expect("a handshake");
                    while let Some(Ok(message)) = socket.next().await {
                        if message.is_close() || socket.send(message).await.is_err() {
                            break;
                        }
                    }
                }
            }));
            async move || {
                let _ = &server;
                let (mut socket, _) = tokio_tungstenite::connect_async(format!("ws://{at}/")).await.expect("connected");
                for _ in 0..3 {
                    socket.send(Message::text("seven")).await.expect("sent");
                    assert_eq!(socket.next().await.expect("an answer").expect("whole"), Message::text("seven"));
                }
                socket.close(None).await.expect("closed");
                while socket.next().await.is_some() {}
            }
        }));
    }

    fn a_logger() {
        let _busy = Busy::start();
        is_not_accused(&Watch::new("a logger").run(|| {
            let (writer, guard) = tracing_appender::non_blocking(std::io::sink());
            let subscriber = tracing_subscriber::fmt().with_writer(writer).finish();
            let dispatch = tracing::Dispatch::new(subscriber);
            move || {
                let _ = &guard;
                tracing::dispatcher::with_default(&dispatch, || {
                    let span = tracing::info_span!("request", id = 7);
                    let _entered = span.enter();
                    for step in 0..5 {
                        tracing::info!(step, "a step was taken");
                    }
                });
            }
        }));
    }

    fn a_database_client() {
        let _busy = Busy::start();
        let server = neighbour::Redis::start();
        is_not_accused(&Watch::new("a database client").warm_up(16).run_async(async || {
            let client = redis::Client::open(server.url()).expect("an address");
            let connection = client.get_multiplexed_async_connection().await.expect("redis-server answers");
            async move || {
                let mut connection = connection.clone();
                for key in 0..5 {
                    let () = redis::cmd("SET").arg(key).arg("a value").query_async(&mut connection).await.expect("set");
                    let value: String = redis::cmd("GET").arg(key).query_async(&mut connection).await.expect("got");
                    assert_eq!(value, "a value");
                }
            }
        }));
    }
}

/// Ends its task when it goes.
struct Aborted<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for Aborted<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn echo_server() -> (Aborted<()>, std::net::SocketAddr) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback");
    let at = listener.local_addr().expect("bound");
    let server = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut bytes = [0; 64];
                while let Ok(read @ 1..) = stream.read(&mut bytes).await {
                    if stream.write_all(&bytes[..read]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    (Aborted(server), at)
}

struct Connections(std::net::SocketAddr);

impl deadpool::managed::Manager for Connections {
    type Type = tokio::net::TcpStream;
    type Error = Infallible;

    async fn create(&self) -> Result<tokio::net::TcpStream, Infallible> {
        Ok(tokio::net::TcpStream::connect(self.0)
            .await
            .expect("the server is there"))
    }

    async fn recycle(
        &self,
        _: &mut tokio::net::TcpStream,
        _: &deadpool::managed::Metrics,
    ) -> deadpool::managed::RecycleResult<Infallible> {
        Ok(())
    }
}

async fn echo(connection: &mut tokio::net::TcpStream) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    connection.write_all(b"seven").await.expect("sent");
    let mut answer = [0; 5];
    connection.read_exact(&mut answer).await.expect("answered");
    assert_eq!(&answer, b"seven");
}
