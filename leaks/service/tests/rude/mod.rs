//! Clients that misbehave, each in its own way, over real sockets.

#![allow(dead_code, reason = "each test target uses its part")]

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// What a client does that it shouldn't.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rude {
    /// Connects, and says nothing.
    Silent,
    /// The head byte by byte, and no end of it: "slow loris".
    TrickledHead,
    /// The body byte by byte.
    TrickledBody,
    /// A body of a terabyte, by its own word.
    EndlessBody,
    LongTarget,
    LongHeader,
    ManyHeaders,
    NoHttp,
    Tls,
    NegativeLength,
    TwoLengths,
    NoSuchVersion,
    /// Goes away in the middle of a head.
    LeavesEarly,
    /// Goes away in the middle of an answer.
    LeavesLate,
    /// Asks for far more than the system's buffers hold, and reads nothing of it.
    NeverReads,
}

/// The end of a connection, as its client sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The service answered with this status, then closed.
    Status(u16),
    /// It closed without a word.
    Closed,
    /// The client was the one that went away.
    Left,
}

impl Rude {
    /// Those that a service knows for what they are at once.
    pub(crate) const AT_ONCE: [Rude; 11] = [
        Rude::TrickledBody,
        Rude::EndlessBody,
        Rude::LongTarget,
        Rude::LongHeader,
        Rude::ManyHeaders,
        Rude::NoHttp,
        Rude::Tls,
        Rude::NegativeLength,
        Rude::TwoLengths,
        Rude::NoSuchVersion,
        Rude::LeavesEarly,
    ];

    /// Those that only time shows.
    pub(crate) const IN_TIME: [Rude; 2] = [Rude::Silent, Rude::TrickledHead];

    /// Those that cost the service a large answer.
    pub(crate) const COSTLY: [Rude; 2] = [Rude::NeverReads, Rude::LeavesLate];

    /// How the service is to end it.
    pub(crate) fn wanted(self) -> Seen {
        match self {
            // The body of a question that needs none is not waited for.
            Rude::TrickledBody | Rude::EndlessBody => Seen::Status(200),
            Rude::LongTarget | Rude::LongHeader | Rude::ManyHeaders => Seen::Status(431),
            Rude::NoHttp
            | Rude::Tls
            | Rude::NegativeLength
            | Rude::TwoLengths
            | Rude::NoSuchVersion => Seen::Status(400),
            Rude::Silent | Rude::TrickledHead | Rude::NeverReads => Seen::Closed,
            Rude::LeavesEarly | Rude::LeavesLate => Seen::Left,
        }
    }

    /// Behaves like that until the service ends it, with `pause` between bytes where they trickle.
    pub(crate) async fn behave(self, service: SocketAddr, pause: Duration) -> Seen {
        let socket = TcpSocket::new_v4().expect("a socket");
        // So that little of an answer is on its way while nobody reads it.
        socket.set_recv_buffer_size(4_096).expect("a small buffer");
        let mut stream = socket.connect(service).await.expect("it listens");
        // Fails when the service has closed, which the reading then sees.
        let _ = stream.write_all(&self.head()).await;
        match self {
            Rude::LeavesEarly => return Seen::Left,
            Rude::LeavesLate => {
                let _ = stream.read_exact(&mut [0; 100]).await;
                return Seen::Left;
            }
            Rude::TrickledHead => return trickle(&mut stream, b"x-slow: loris\r\n", pause).await,
            // Only writing shows that the service has closed, since nothing is read.
            Rude::NeverReads => return trickle(&mut stream, b"\r\n", pause).await,
            Rude::TrickledBody => {
                let (mut reads, mut writes) = stream.split();
                let mut reading = pin!(to_the_end(&mut reads));
                tokio::select! {
                    seen = &mut reading => return seen,
                    _ = trickle_into(&mut writes, b"slow", pause) => {}
                }
                // Whichever of the two learns first that the service has closed: what was read until then is the answer.
                return reading.await;
            }
            _ => {}
        }
        to_the_end(&mut stream).await
    }

    fn head(self) -> Vec<u8> {
        let customer = "GET /apex/customer-0042.example HTTP/1.1\r\nhost: here\r\n";
        let text = match self {
            Rude::Silent => String::new(),
            Rude::TrickledHead => customer.to_owned(),
            Rude::TrickledBody => format!("{customer}content-length: 1000000\r\n\r\n"),
            Rude::EndlessBody => {
                format!(
                    "{customer}content-length: 1000000000000\r\n\r\n{}",
                    "x".repeat(100_000)
                )
            }
            Rude::LongTarget => format!(
                "GET /{} HTTP/1.1\r\nhost: here\r\n\r\n",
                "x".repeat(1 << 20)
            ),
            // Not so long that hyper would refuse it unasked.
            Rude::LongHeader => format!("{customer}x-long: {}\r\n\r\n", "x".repeat(200_000)),
            Rude::ManyHeaders => format!("{customer}{}\r\n", "x-many: x\r\n".repeat(500)),
            Rude::NoHttp => "HELO mail.example\r\n\r\n".to_owned(),
            Rude::Tls => {
                return [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[0xa5; 506]].concat();
            }
            Rude::NegativeLength => format!("{customer}content-length: -1\r\n\r\n"),
            Rude::TwoLengths => {
                format!("{customer}content-length: 1\r\ncontent-length: 2\r\n\r\nxx")
            }
            Rude::NoSuchVersion => customer.replace("1.1", "7.7") + "\r\n",
            Rude::LeavesEarly => "GET /apex/cust".to_owned(),
            Rude::LeavesLate => large(),
            Rude::NeverReads => large().repeat(12),
        };
        text.into_bytes()
    }
}

fn large() -> String {
    "GET /apex/large-07.example HTTP/1.1\r\nhost: here\r\n\r\n".to_owned()
}

/// Writes until the service closes.
async fn trickle(stream: &mut TcpStream, text: &[u8], pause: Duration) -> Seen {
    let _ = trickle_into(stream, text, pause).await;
    Seen::Closed
}

async fn trickle_into(
    stream: &mut (impl AsyncWriteExt + Unpin),
    text: &[u8],
    pause: Duration,
) -> io::Error {
    for byte in text.iter().cycle() {
        if let Err(error) = stream.write_all(&[*byte]).await {
            return error;
        }
        tokio::time::sleep(pause).await;
    }
    unreachable!("a cycle has no end")
}

async fn to_the_end(stream: &mut (impl AsyncReadExt + Unpin)) -> Seen {
    let mut answer = Vec::new();
    // Fails where the service closed while more was on its way to it; what it said is there all the same.
    let _ = stream.read_to_end(&mut answer).await;
    let line = String::from_utf8_lossy(&answer);
    match line
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
    {
        Some(status) => Seen::Status(status),
        None => Seen::Closed,
    }
}
