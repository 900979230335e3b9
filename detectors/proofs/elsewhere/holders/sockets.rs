//! Cycles, lost blocks, maps and queues that own sockets, threads and tasks.

use super::{fresh, is_static, leaks, root, short};
use detectors::{Class, Root};
use std::collections::{HashMap, VecDeque};
use std::hint::black_box;
use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, Weak, mpsc};

fn socket() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").expect("a port")
}

/// Owns something, and itself if told so.
struct Session<S> {
    me: OnceLock<Arc<Session<S>>>,
    weak: OnceLock<Weak<Session<S>>>,
    _owned: S,
    _buffer: Vec<u8>,
}

fn session<S>(owned: S) -> Arc<Session<S>> {
    Arc::new(Session {
        me: OnceLock::new(),
        weak: OnceLock::new(),
        _owned: owned,
        _buffer: black_box(vec![7; 1_000]),
    })
}

fn cycle<S>(owned: S) {
    let session = session(owned);
    let _ = session.me.set(Arc::clone(&session));
}

fn no_cycle<S>(owned: S) {
    let session = session(owned);
    let _ = session.weak.set(Arc::downgrade(&session));
    black_box(&session.me);
}

/// The latest sessions are in use: of what the leak holds, a third is held otherwise.
pub(super) fn cycles_behind_the_latest() {
    const LATEST: usize = 96;
    let latest = |session: fn() -> Arc<Session<()>>| {
        move || {
            let mut latest = VecDeque::with_capacity(LATEST + 1);
            move || {
                latest.push_back(session());
                if latest.len() > LATEST {
                    latest.pop_front();
                }
            }
        }
    };
    let in_a_cycle = || {
        let session = session(());
        let _ = session.me.set(Arc::clone(&session));
        session
    };
    leaks(
        super::watch("the latest of cycles").run(latest(in_a_cycle)),
        Some(Class::ReferenceCycles),
    );
    let twin = super::watch("the latest").run(latest(|| session(())));
    assert!(twin.verdict.is_calm(), "{}", twin.because);
}

/// Reads whatever its clients send until they go, each on a thread of its own. Counts those that have gone.
fn threaded_server() -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let gone = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&gone);
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let gone = Arc::clone(&counter);
            std::thread::spawn(move || {
                let mut buffer = black_box(vec![0; 2_000]);
                while client.read(&mut buffer).is_ok_and(|bytes| bytes > 0) {}
                drop(buffer);
                gone.fetch_add(1, Relaxed);
            });
        }
    });
    (address, gone)
}

fn connected(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).expect("the server listens")
}

pub(super) fn cycles() {
    let told = leaks(
        short("cycles with sockets").run(|| || cycle(socket())),
        Some(Class::ReferenceCycles),
    );
    assert_eq!(root(&told), &Root::Cycle);
    leaks(
        short("cycles with files").run(|| || cycle(std::fs::File::open("/dev/null"))),
        Some(Class::ReferenceCycles),
    );
}

/// The server's buffers are larger than the cycle.
pub(super) fn a_cycle_and_a_threaded_server() {
    let run = || {
        let (address, _) = threaded_server();
        move || cycle(connected(address))
    };
    leaks(
        short("a threaded server").run(run),
        Some(Class::ReferenceCycles),
    );
}

pub(super) fn a_cycle_and_an_async_server() {
    let run = async || {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let _ = client.readable().await;
                });
            }
        });
        async move || {
            let client = tokio::net::TcpStream::connect(address).await;
            cycle(client.expect("the server listens"));
            tokio::task::yield_now().await;
        }
    };
    leaks(
        short("an async server").run_async(run),
        Some(Class::ReferenceCycles),
    );
}

pub(super) fn lost() {
    let told = leaks(
        short("leaked sessions").run(|| {
            || {
                black_box(Box::leak(Box::new((black_box([7_u8; 100]), socket()))));
            }
        }),
        Some(Class::LostPointers),
    );
    assert_eq!(root(&told), &Root::Nothing);
}

type Sessions<S> = LazyLock<Mutex<HashMap<u64, (Box<[u8; 200]>, S)>>>;

static SOCKETS: Sessions<UdpSocket> = LazyLock::new(Mutex::default);
static TASKS: Sessions<tokio::task::JoinHandle<()>> = LazyLock::new(Mutex::default);
static THREADS: Sessions<std::thread::JoinHandle<()>> = LazyLock::new(Mutex::default);

fn keep<S>(sessions: &Sessions<S>, owned: S) {
    let buffer = Box::new(black_box([7; 200]));
    let mut sessions = sessions.lock().expect("nobody panics");
    sessions.insert(fresh(), (buffer, owned));
}

pub(super) fn static_sessions() {
    let told = leaks(
        short("sessions with sockets").run(|| || keep(&SOCKETS, socket())),
        Some(Class::GlobalCaches),
    );
    is_static(&told, "sockets::SOCKETS");
    leaks(
        short("sessions with tasks")
            .run_async(async || async || keep(&TASKS, tokio::spawn(std::future::pending()))),
        Some(Class::GlobalCaches),
    );
    leaks(
        short("sessions with threads")
            .run(|| || keep(&THREADS, std::thread::spawn(std::thread::park))),
        Some(Class::GlobalCaches),
    );
}

pub(super) fn queued() {
    leaks(
        short("accepted, and never served").run(|| {
            let (accepted, to_serve) = mpsc::channel();
            move || {
                let client = (Box::new(black_box([7_u8; 200])), socket());
                accepted.send(client).expect("the receiver lives");
                black_box(&to_serve);
            }
        }),
        Some(Class::UnboundedQueues),
    );
}

async fn with_socket() {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0")
        .await
        .expect("a port");
    tokio::spawn(async move {
        std::future::pending::<()>().await;
        drop(socket);
    });
}

pub(super) fn tasks() {
    leaks(
        short("tasks with sockets").run_async(async || async || with_socket().await),
        Some(Class::OrphanedTasks),
    );
    // As a library spawns it: no line of the program's own is on the stack but the caller's.
    leaks(
        short("a library's tasks with sockets").run_async(async || {
            let tracker = tokio_util::task::TaskTracker::new();
            async move || {
                let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await;
                tracker.spawn(async move {
                    let socket = socket.expect("a port");
                    let mut room = [0; 64];
                    let _ = socket.recv(&mut room).await;
                });
                tokio::task::yield_now().await;
            }
        }),
        Some(Class::OrphanedTasks),
    );
}

pub(super) fn twins() {
    short("sessions without a cycle")
        .run(|| || no_cycle(socket()))
        .assert_steady();
    let served = || {
        let (address, gone) = threaded_server();
        let mut made = 0;
        move || {
            no_cycle(connected(address));
            made += 1;
            // On a busy machine the server's threads would still be there, and their number is noise.
            while gone.load(Relaxed) < made {
                std::thread::yield_now();
            }
        }
    };
    short("a threaded server").run(served).assert_steady();
    short("sessions that end")
        .run(|| {
            || {
                keep(&SOCKETS, socket());
                SOCKETS.lock().expect("nobody panics").clear();
            }
        })
        .assert_steady();
    short("tasks that end")
        .run_async(async || {
            async || {
                let task = tokio::spawn(std::future::pending::<()>());
                task.abort();
                let _ = task.await;
            }
        })
        .assert_steady();
}
