//! tokio-tungstenite: an echo whose clients come and go, some without a closing handshake.

use crate::Observer;
use crate::random::{bytes, text};
use fastrand::Rng;
use futures_util::{SinkExt, StreamExt};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{RwLock, watch};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, accept_async, connect_async};

/// Who is connected, with what they said last.
type Peers = Arc<RwLock<HashMap<SocketAddr, watch::Sender<String>>>>;
type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// An iteration: two clients that stay say something, and one comes and goes.
pub fn run<O: Observer>(observer: O) -> O::Says {
    let runtime = crate::runtime();
    let (url, stay) = runtime.block_on(async {
        let url = server().await;
        let stay = [connect(&url).await, connect(&url).await];
        (url, Mutex::new(stay))
    });
    observer.of_futures(runtime.handle(), async || {
        #[expect(
            clippy::await_holding_lock,
            reason = "an iteration ends before the next begins"
        )]
        async || {
            let mut random = Rng::new();
            let mut stay = stay.lock().expect("nobody panicked");
            for socket in &mut *stay {
                talk(socket, &mut random).await;
            }
            let mut guest = connect(&url).await;
            talk(&mut guest, &mut random).await;
            if random.u8(..4) != 0 {
                guest.close(None).await.expect("closed");
                while guest.next().await.is_some() {}
            }
        }
    })
}

async fn connect(url: &str) -> Socket {
    connect_async(url).await.expect("connected").0
}

/// A few messages, of which each is answered.
async fn talk(socket: &mut Socket, random: &mut Rng) {
    for _ in 0..random.u8(1..4) {
        let message = if random.bool() {
            Message::text(text(random, 1, 300))
        } else {
            Message::binary(bytes(random, 1, 20_000))
        };
        socket.send(message.clone()).await.expect("sent");
        let answer = socket.next().await.expect("an answer").expect("whole");
        assert_eq!(answer, message);
    }
}

async fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        let peers = Peers::default();
        while let Ok((stream, peer)) = listener.accept().await {
            tokio::spawn(echo(stream, peer, Arc::clone(&peers)));
        }
    });
    format!("ws://{address}/")
}

async fn echo(stream: TcpStream, peer: SocketAddr, peers: Peers) {
    let Ok(mut socket) = accept_async(stream).await else {
        return;
    };
    let (says, _) = watch::channel(String::new());
    peers.write().await.insert(peer, says);
    while let Some(Ok(message)) = socket.next().await {
        if let (Message::Text(text), Some(says)) = (&message, peers.read().await.get(&peer)) {
            says.send_replace(text.to_string());
        }
        if message.is_close() || socket.send(message).await.is_err() {
            break;
        }
    }
    peers.write().await.remove(&peer);
    // The handshake that a client began is ended.
    let _ = socket.close(None).await;
}
