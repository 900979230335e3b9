//! r2d2: threads share a few connections, of which one breaks now and then.

use crate::Observer;
use crate::random::bytes;
use crate::workers::Workers;
use fastrand::Rng;
use r2d2::{ManageConnection, Pool, PooledConnection};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Four requests an iteration by three threads, over a pool of at most three connections.
pub fn run<O: Observer>(observer: O) -> O::Says {
    let pool = Pool::builder()
        .max_size(3)
        .min_idle(Some(1))
        .build(Connections(echo_server()))
        .expect("the server is there");
    let workers = Workers::start(3);
    observer.of_calls(|| {
        || {
            workers.answer((0..4).map(|_| {
                let pool = pool.clone();
                move || ask(pool.get().expect("a connection"))
            }));
        }
    })
}

fn ask(mut connection: PooledConnection<Connections>) {
    let mut random = Rng::new();
    for _ in 0..random.usize(1..4) {
        let question = bytes(&mut random, 1, 4_000);
        connection.echo(&question).expect("an answer");
    }
    connection.is_broken = random.u8(..) < 6;
}

struct Connections(SocketAddr);

struct Connection {
    stream: TcpStream,
    is_broken: bool,
}

impl Connection {
    fn echo(&mut self, question: &[u8]) -> io::Result<()> {
        self.stream.write_all(question)?;
        let mut answer = vec![0; question.len()];
        self.stream.read_exact(&mut answer)?;
        assert_eq!(answer, question);
        Ok(())
    }
}

impl ManageConnection for Connections {
    type Connection = Connection;
    type Error = io::Error;

    fn connect(&self) -> io::Result<Connection> {
        let stream = TcpStream::connect(self.0)?;
        stream.set_nodelay(true)?;
        let is_broken = false;
        Ok(Connection { stream, is_broken })
    }

    fn is_valid(&self, connection: &mut Connection) -> io::Result<()> {
        connection.echo(b"are you there?")
    }

    fn has_broken(&self, connection: &mut Connection) -> bool {
        connection.is_broken
    }
}

/// A thread for each connection.
fn echo_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut buffer = vec![0; 8 << 10];
                while let Ok(read @ 1..) = stream.read(&mut buffer) {
                    if stream.write_all(&buffer[..read]).is_err() {
                        break;
                    }
                }
            });
        }
    });
    address
}
