//! tokio-util's timer wheel: sessions that are made, kept alive, closed, and end by themselves.

use crate::Observer;
use crate::random::{key, text};
use fastrand::Rng;
use futures_util::StreamExt;
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio_util::time::{DelayQueue, delay_queue::Key};

const CLIENTS: usize = 2_000;

enum Message {
    /// Begins a session, or keeps it alive.
    Seen(usize, String, Duration),
    Closed(usize),
    /// Asks how many there are.
    Count(oneshot::Sender<usize>),
}

/// Twenty messages an iteration, to the task that owns the sessions.
pub fn run<O: Observer>(observer: O) -> O::Says {
    observer.of_futures_alone(async || {
        let (messages, inbox) = mpsc::channel(32);
        tokio::spawn(own_the_sessions(inbox));
        let mut random = Rng::new();
        async move || {
            for _ in 0..20 {
                let client = key(&mut random, CLIENTS);
                let message = match random.u8(..10) {
                    0 => Message::Closed(client),
                    _ => Message::Seen(
                        client,
                        text(&mut random, 5, 200),
                        Duration::from_millis(random.u64(1..150)),
                    ),
                };
                messages.send(message).await.ok().expect("the owner lives");
            }
            let (answer, count) = oneshot::channel();
            messages
                .send(Message::Count(answer))
                .await
                .ok()
                .expect("the owner lives");
            assert!(count.await.expect("an answer") <= CLIENTS);
        }
    })
}

async fn own_the_sessions(mut inbox: mpsc::Receiver<Message>) {
    let mut sessions: HashMap<usize, (Key, String)> = HashMap::new();
    let mut ends: DelayQueue<usize> = DelayQueue::new();
    loop {
        tokio::select! {
            Some(ended) = ends.next(), if !ends.is_empty() => {
                sessions.remove(&ended.into_inner());
            }
            message = inbox.recv() => match message {
                Some(Message::Seen(client, page, after)) => {
                    if let Some((key, last)) = sessions.get_mut(&client) {
                        ends.reset(key, after);
                        *last = page;
                    } else {
                        sessions.insert(client, (ends.insert(client, after), page));
                    }
                }
                Some(Message::Closed(client)) => {
                    if let Some((key, _)) = sessions.remove(&client) {
                        ends.remove(&key);
                    }
                }
                Some(Message::Count(answer)) => {
                    let _ = answer.send(sessions.len());
                }
                None => break,
            },
        }
    }
}
