//! Maps of a long life that are no statics.

use super::{fresh, is_static, leaks, owner, root, watch};
use axum::extract::{Path, State};
use detectors::{Class, Owner, Root};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;
use std::rc::Rc;
use std::sync::{Arc, Mutex, OnceLock, RwLock, mpsc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What a service keeps of its callers.
#[derive(Default)]
struct Seen {
    callers: RwLock<HashMap<String, [u8; 400]>>,
    tree: Mutex<BTreeMap<u64, Box<[u8; 64]>>>,
    log: Mutex<Vec<String>>,
}

impl Seen {
    fn caller(&self) {
        let caller = format!("caller-{:012}", fresh());
        self.callers
            .write()
            .expect("nobody panics")
            .insert(caller, [0; 400]);
    }

    fn in_tree(&self) {
        let mut tree = self.tree.lock().expect("nobody panics");
        tree.insert(fresh(), Box::new(black_box([0; 64])));
    }

    fn line(&self) {
        let mut log = self.log.lock().expect("nobody panics");
        log.push(format!("a caller came: {:012}", fresh()));
    }
}

type Request = tokio::sync::oneshot::Sender<()>;

/// Serves by a task of its own, which alone has the state.
fn serve(handle: fn(&Seen)) -> tokio::sync::mpsc::Sender<Request> {
    let (ask, mut asked) = tokio::sync::mpsc::channel::<Request>(4);
    let seen = Arc::new(Seen::default());
    tokio::spawn(async move {
        while let Some(answer) = asked.recv().await {
            handle(&seen);
            let _ = answer.send(());
        }
    });
    ask
}

async fn request(server: &tokio::sync::mpsc::Sender<Request>) {
    let (answer, answered) = tokio::sync::oneshot::channel();
    server.send(answer).await.expect("the server runs");
    answered.await.expect("it answers");
}

pub(super) fn a_map_of_a_task() {
    of_a_task("a map", Seen::caller);
}

pub(super) fn a_tree_of_a_task() {
    of_a_task("a tree", Seen::in_tree);
}

pub(super) fn a_list_of_a_task() {
    of_a_task("a list", Seen::line);
}

fn of_a_task(what: &str, handle: fn(&Seen)) {
    let evidence = watch(what).run_async(async || {
        let server = serve(handle);
        async move || request(&server).await
    });
    let told = leaks(evidence, Some(Class::GlobalCaches));
    assert_eq!(root(&told), &Root::Task, "{what}: {:#?}", told.holders);
    let Some(Owner::Task(spawned)) = owner(&told) else {
        panic!("{:#?}", told.holders);
    };
    assert_eq!(spawned.function, "elsewhere::holders::owners::serve");
    let list = told.holders_list().to_string();
    let by = "held by a task\n  spawned at elsewhere::holders::owners::serve (";
    assert!(list.contains(by), "{list}");
}

/// Whoever has a runtime holds none of its tasks.
pub(super) fn a_map_of_a_task_on_a_runtime_of_its_own() {
    use std::io::{Read, Write};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let evidence = watch("on a runtime of its own").run(|| {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_io().build();
        let runtime = runtime.expect("a runtime");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"));
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let seen = Seen::default();
        runtime.spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a caller");
            while stream.read_u8().await.is_ok() {
                seen.caller();
                stream.write_u8(1).await.expect("the caller waits");
            }
        });
        let mut stream = std::net::TcpStream::connect(address).expect("it listens");
        move || {
            black_box(&runtime);
            stream.write_all(&[1]).expect("the server runs");
            stream.read_exact(&mut [0]).expect("it answers");
        }
    });
    let told = leaks(evidence, Some(Class::GlobalCaches));
    assert_eq!(root(&told), &Root::Task, "{:#?}", told.holders);
}

/// The room of a channel has pointers to what went through. What lies there today has another owner.
pub(super) fn a_map_where_messages_were() {
    let evidence = watch("where messages were").run_async(async || {
        let (put, mut take) = tokio::sync::mpsc::channel::<Vec<u8>>(32);
        for _ in 0..24 {
            put.try_send(vec![7; 100_000]).expect("room");
        }
        while take.try_recv().is_ok() {}
        let server = serve(Seen::caller);
        async move || {
            request(&server).await;
            black_box((&put, &take));
        }
    });
    let told = leaks(evidence, Some(Class::GlobalCaches));
    let Some(Owner::Task(spawned)) = owner(&told) else {
        panic!("{:#?}", told.holders);
    };
    assert_eq!(spawned.function, "elsewhere::holders::owners::serve");
}

pub(super) fn of_a_thread() {
    for name in ["registry", ""] {
        let evidence = watch("a thread's map").run(|| {
            let (ask, asked) = mpsc::sync_channel::<mpsc::SyncSender<()>>(1);
            let mut thread = std::thread::Builder::new();
            if !name.is_empty() {
                thread = thread.name(name.to_owned());
            }
            let serve = move || {
                let seen = Seen::default();
                for answer in asked {
                    seen.caller();
                    let _ = answer.send(());
                }
            };
            thread.spawn(serve).expect("a thread");
            let (answer, answered) = mpsc::sync_channel(1);
            move || {
                ask.send(answer.clone()).expect("the thread runs");
                answered.recv().expect("it answers");
            }
        });
        let told = leaks(evidence, Some(Class::GlobalCaches));
        assert_eq!(owner(&told), Some(&Owner::Thread(name.to_owned())));
    }
}

/// As a service is watched: over its socket, and its state behind an `Arc`.
pub(super) fn of_a_http_server() {
    async fn handler(State(seen): State<Arc<Seen>>, Path(_caller): Path<String>) -> &'static str {
        seen.caller();
        "hello"
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let evidence = watch("a HTTP server").run_on(runtime.handle(), async || {
        let seen = Arc::new(Seen::default());
        let service = axum::Router::new()
            .route("/hello/{caller}", axum::routing::get(handler))
            .with_state(seen);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, service).await });
        // One connection by hand: a client's pool holds as many as a busy machine makes it have, and grows by itself.
        let client = tokio::net::TcpStream::connect(address).await;
        let mut client = client.expect("a connection");
        async move || {
            let request = format!("GET /hello/{} HTTP/1.1\r\nHost: here\r\n\r\n", fresh());
            client
                .write_all(request.as_bytes())
                .await
                .expect("it reads");
            let mut answer = Vec::with_capacity(1_024);
            while !answer.ends_with(b"\r\n\r\nhello") {
                let read = client.read_buf(&mut answer).await;
                assert_ne!(read.expect("it answers"), 0, "it closed the connection");
            }
        }
    });
    // What comes first may be a buffer of the server's: it grows once, and decides nothing.
    let told = leaks(evidence, Some(Class::GlobalCaches));
    let list = told.holders_list().to_string();
    assert!(
        list.contains("elsewhere::holders::owners::Seen::caller"),
        "{list}"
    );
}

static ONCE: OnceLock<Arc<Mutex<HashMap<u64, String>>>> = OnceLock::new();

pub(super) fn of_whoever_watches() {
    let server = RefCell::new(HashMap::new());
    let told = leaks(
        watch("made once").run(|| {
            || {
                server.borrow_mut().insert(fresh(), "a caller".repeat(4));
            }
        }),
        Some(Class::GlobalCaches),
    );
    assert_eq!(owner(&told), Some(&Owner::Outside));
    let list = RefCell::new(Vec::new());
    let told = leaks(
        watch("a list made once").run(|| || list.borrow_mut().push("a caller".repeat(4))),
        Some(Class::GlobalCaches),
    );
    assert_eq!(owner(&told), Some(&Owner::Outside));
    let told = leaks(
        watch("made in the setup").run(|| {
            let seen = Arc::new(Seen::default());
            move || seen.caller()
        }),
        Some(Class::GlobalCaches),
    );
    assert_eq!(owner(&told), Some(&Owner::Setup));
    let told = leaks(
        watch("in a static, behind an Arc").run(|| {
            || {
                let map = ONCE.get_or_init(Arc::default);
                let mut map = map.lock().expect("nobody panics");
                map.insert(fresh(), "a caller".repeat(4));
            }
        }),
        Some(Class::GlobalCaches),
    );
    is_static(&told, "owners::ONCE");
}

thread_local! {
    static ATOMS: RefCell<HashMap<u64, Arc<str>>> = RefCell::default();
    static LOG: RefCell<Vec<String>> = RefCell::default();
    static SEEN: Cell<Option<Rc<RefCell<Vec<String>>>>> = const { Cell::new(None) };
}

/// As a compiler's store of names, which is each thread's own.
pub(super) fn of_a_thread_local() {
    let told = leaks(
        watch("atoms").run(|| {
            || {
                let atom: Arc<str> = Arc::from("an atom".repeat(4));
                ATOMS.with_borrow_mut(|atoms| atoms.insert(fresh(), atom));
            }
        }),
        Some(Class::GlobalCaches),
    );
    assert_eq!(root(&told), &Root::Thread);
    assert_eq!(owner(&told), Some(&Owner::ThreadLocal));
    let list = told.holders_list().to_string();
    assert!(list.contains("held by a thread-local"), "{list}");
    let told = leaks(
        watch("lines").run(|| || LOG.with_borrow_mut(|log| log.push("a line".repeat(4)))),
        Some(Class::GlobalCaches),
    );
    assert_eq!(owner(&told), Some(&Owner::ThreadLocal));
}

/// What a thread-local has a bound for; and what it only points at, while somebody else holds it.
pub(super) fn of_a_thread_local_and_not() {
    watch("atoms that leave")
        .run(|| {
            || {
                ATOMS.with_borrow_mut(|atoms| {
                    atoms.insert(fresh(), Arc::from("an atom".repeat(4)));
                    atoms.clear();
                });
            }
        })
        .assert_steady();
    let told = leaks(
        watch("lost, with its address noted").run(|| {
            || {
                let lost = Box::leak(Box::new(black_box([7_u8; 64])));
                ATOMS.with_borrow_mut(|atoms| {
                    let noted = Arc::from((&raw const *lost).addr().to_string());
                    atoms.insert(7, noted);
                });
            }
        }),
        Some(Class::LostPointers),
    );
    assert_eq!(root(&told), &Root::Nothing);
    let told = leaks(
        watch("the setup's, seen by a thread-local").run(|| {
            let kept = Rc::new(RefCell::new(Vec::new()));
            SEEN.set(Some(Rc::clone(&kept)));
            move || kept.borrow_mut().push("a line".repeat(4))
        }),
        None,
    );
    assert_eq!(owner(&told), Some(&Owner::Setup));
    SEEN.take();
}

pub(super) fn twins() {
    fn bounded(seen: &Seen) {
        seen.caller();
        let mut callers = seen.callers.write().expect("nobody panics");
        if callers.len() > 8 {
            callers.clear();
        }
    }
    watch("a bounded map of a task")
        .run_async(async || {
            let server = serve(bounded);
            async move || request(&server).await
        })
        .assert_steady();
    let server = RefCell::new(HashMap::new());
    watch("made once, and emptied")
        .run(|| {
            || {
                server.borrow_mut().insert(fresh(), "a caller".repeat(4));
                server.borrow_mut().clear();
            }
        })
        .assert_steady();
}
