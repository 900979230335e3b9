//! Search clusters that misbehave, each in its own way, over real sockets.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use tokio::sync::Notify;

/// What it answers to whatever is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    DeepNesting,
    WrongTypes,
    NoHits,
    Truncated,
    NoJson,
    AnError,
    /// An error with a reason of a megabyte.
    AnErrorAtLength,
    /// A text of a megabyte, where a number is to be.
    WrongTypeAtLength,
    Hangup,
    /// No answer at all.
    #[allow(dead_code, reason = "one of two tests asks for it")]
    Never,
}

impl Answer {
    /// Those to which the service has an answer at once.
    pub(crate) const ALL: [Answer; 9] = [
        Answer::DeepNesting,
        Answer::WrongTypes,
        Answer::NoHits,
        Answer::Truncated,
        Answer::NoJson,
        Answer::AnError,
        Answer::AnErrorAtLength,
        Answer::WrongTypeAtLength,
        Answer::Hangup,
    ];

    fn body(self) -> String {
        match self {
            Answer::DeepNesting => format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)),
            Answer::WrongTypes => r#"{"hits":{"hits":[{"_source":{"host":7,"records":"x","ports":[{"port":-1}],"technologies":{},"last_seen":null},"sort":[1]}]}}"#.to_owned(),
            Answer::NoHits => r#"{"hits":7}"#.to_owned(),
            Answer::Truncated => r#"{"hits":{"hits":[{"_source":{"host":"h"#.to_owned(),
            Answer::NoJson => "<html>504 Gateway Time-out</html>".to_owned(),
            Answer::AnError => r#"{"error":{"type":"search_phase_execution_exception","reason":"all shards failed"},"status":503}"#.to_owned(),
            Answer::AnErrorAtLength => format!(r#"{{"error":{{"reason":"{}"}}}}"#, "x".repeat(1_000_000)),
            Answer::WrongTypeAtLength => format!(r#"{{"hits":{{"hits":[{{"_source":{{"host":"h","records":[],"ports":[{{"port":"{}"}}]}}}}]}}}}"#, "x".repeat(1_000_000)),
            Answer::Hangup | Answer::Never => String::new(),
        }
    }
}

pub(crate) struct Hostile {
    address: SocketAddr,
    asked: Arc<Notify>,
}

impl Hostile {
    /// A thread for each connection; all of them end with the process.
    pub(crate) fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback");
        let address = listener.local_addr().expect("it is bound");
        let asked = Arc::new(Notify::new());
        let notify = Arc::clone(&asked);
        std::thread::spawn(move || {
            let mut held = Vec::new();
            for stream in listener.incoming().flatten() {
                if answer == Answer::Never {
                    notify.notify_one();
                    held.push(stream);
                } else {
                    std::thread::spawn(move || talk(stream, answer));
                }
            }
        });
        Hostile { address, asked }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until somebody has connected.
    #[allow(dead_code, reason = "one of two tests asks for it")]
    pub(crate) async fn asked(&self) {
        self.asked.notified().await;
    }
}

fn talk(mut stream: TcpStream, answer: Answer) {
    let mut request = [0; 8_192];
    while stream.read(&mut request).is_ok_and(|read| read > 0) {
        if answer == Answer::Hangup {
            return;
        }
        let body = answer.body();
        let is_error = matches!(answer, Answer::AnError | Answer::AnErrorAtLength);
        let status = if is_error {
            "503 Service Unavailable"
        } else {
            "200 OK"
        };
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        if stream.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}
