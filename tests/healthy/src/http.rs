//! axum and reqwest: sessions are made, read and given up, by clients of which some don't wait for their answer.

use crate::Observer;
use crate::random::{key, text};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use fastrand::Rng;
use reqwest::Client;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

const USERS: usize = 500;
const SESSIONS: usize = 200;

/// The sessions of so many users at most: who wasn't seen for longest is logged out.
#[derive(Default)]
struct Sessions {
    now: u64,
    by_user: HashMap<String, (u64, Value)>,
    by_last_use: BTreeMap<u64, String>,
}

type Shared = State<Arc<Mutex<Sessions>>>;

/// Three requests an iteration at a time.
pub fn run<O: Observer>(observer: O) -> O::Says {
    let runtime = crate::runtime();
    let address = runtime.block_on(server());
    let client = Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(4)
        .build()
        .expect("a client");
    observer.of_futures(runtime.handle(), async || {
        async || {
            let requests = (0..3).map(|_| visit(&client, &address));
            futures_util::future::join_all(requests).await;
        }
    })
}

/// Somebody logs in or looks around, and may lose patience.
async fn visit(client: &Client, address: &str) {
    let mut random = Rng::new();
    let url = format!("{address}/sessions/user-{}", key(&mut random, USERS));
    let request = if random.bool() {
        let basket: Vec<String> = (0..random.u8(..8))
            .map(|_| text(&mut random, 5, 60))
            .collect();
        client
            .post(url)
            .json(&json!({ "basket": basket, "seen": random.u32(..) }))
    } else {
        client.get(url)
    };
    let answer = async {
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success() || answer.status() == StatusCode::NOT_FOUND);
        answer.bytes().await.expect("a whole body").len()
    };
    let patience = match random.u8(..20) {
        0 => Duration::from_micros(random.u64(..500)),
        _ => Duration::from_secs(60),
    };
    let _ = tokio::time::timeout(patience, answer).await;
}

async fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("bound");
    let routes = Router::new()
        .route("/sessions/{user}", post(log_in))
        .route("/sessions/{user}", get(session))
        .with_state(Arc::new(Mutex::new(Sessions::default())));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    format!("http://{address}")
}

async fn log_in(
    State(sessions): Shared,
    Path(user): Path<String>,
    Json(session): Json<Value>,
) -> StatusCode {
    let mut sessions = sessions.lock().expect("nobody panicked");
    sessions.now += 1;
    let now = sessions.now;
    if let Some((before, _)) = sessions.by_user.insert(user.clone(), (now, session)) {
        sessions.by_last_use.remove(&before);
    }
    sessions.by_last_use.insert(now, user);
    if sessions.by_user.len() > SESSIONS
        && let Some((_, oldest)) = sessions.by_last_use.pop_first()
    {
        sessions.by_user.remove(&oldest);
    }
    StatusCode::CREATED
}

async fn session(
    State(sessions): Shared,
    Path(user): Path<String>,
) -> Result<Json<Value>, StatusCode> {
    let sessions = sessions.lock().expect("nobody panicked");
    let session = sessions.by_user.get(&user);
    session
        .map(|(_, session)| Json(session.clone()))
        .ok_or(StatusCode::NOT_FOUND)
}
