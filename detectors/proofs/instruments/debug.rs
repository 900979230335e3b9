//! The debug port of a program that has hardly begun.

use detectors::Profile;
use detectors::debug::{Listener, Token};
use detectors::memory::{AllocatorFigures, Underlying, set_underlying};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Condvar, Mutex, OnceLock};
use std::thread::{self, ThreadId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::yield_now;

/// Head and body.
async fn get(address: SocketAddr, path: &str) -> (String, Vec<u8>) {
    let stream = asked(
        address,
        &format!("GET {path}"),
        &[&format!("host: {address}")],
    )
    .await;
    answer(stream).await
}

/// A connection on which this was asked.
pub(super) async fn asked(address: SocketAddr, request: &str, headers: &[&str]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let headers = headers.join("\r\n");
    let request = format!("{request} HTTP/1.1\r\n{headers}\r\nconnection: close\r\n\r\n");
    let sent = stream.write_all(request.as_bytes()).await;
    sent.expect("it reads");
    stream
}

pub(super) async fn answer(mut stream: TcpStream) -> (String, Vec<u8>) {
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer).await;
    read.expect("it answers");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.expect("a head");
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    (head, answer[end + 4..].to_vec())
}

/// The number in the answer's first line.
async fn status(address: SocketAddr, request: &str, headers: &[&str]) -> u16 {
    let (head, _) = answer(asked(address, request, headers).await).await;
    let number = head
        .split(' ')
        .nth(1)
        .and_then(|number| number.parse().ok());
    number.unwrap_or_else(|| panic!("{head}"))
}

pub(super) async fn listens(token: Option<Token>) -> SocketAddr {
    let listener = Listener::bind("127.0.0.1:0", token).await;
    let listener = listener.expect("a free port");
    let address = listener.address();
    tokio::spawn(listener.serve());
    address
}

static ENTRIES: Mutex<Vec<Box<[u8]>>> = Mutex::new(Vec::new());

#[inline(never)]
fn keep_an_entry() {
    let entry = vec![1; 1 << 10].into_boxed_slice();
    ENTRIES.lock().expect("no panic").push(entry);
}

/// Whatever a request can ask for, and what it would cost most.
const ENDPOINTS: [&str; 17] = [
    "GET /metrics",
    "GET /debug/pprof",
    "GET /debug/pprof/",
    "GET /debug/pprof/heap?seconds=600",
    "GET /debug/pprof/allocs?seconds=600",
    "GET /debug/pprof/tasks?seconds=600",
    "GET /debug/pprof/goroutine?seconds=600",
    "GET /debug/pprof/threadcreate?seconds=600",
    "GET /debug/pprof/block?seconds=600",
    "GET /debug/pprof/mutex?seconds=600",
    "GET /debug/pprof/profile?seconds=600",
    "GET /debug/pprof/descriptors?seconds=600",
    "GET /debug/pprof/sockets?seconds=600",
    "GET /sampling",
    "POST /freememory",
    "POST /holders?seconds=600",
    "POST /sampling?interval=65536",
];

/// What browsers send with a request that a page made, wherever that came from; then what they send with one that a page of this
/// very port made, or that a person typed.
const FOREIGN: [&str; 4] = [
    "cross-site",
    "same-site",
    "Cross-Site",
    "a word of later browsers",
];
const OWN: [&str; 2] = ["none", "same-origin"];

/// An allocator whose answer is kept back: whoever reads its figures is held there, as by the kernel's.
#[derive(Debug, Default)]
struct KeptBack {
    state: Mutex<Kept>,
    let_go: Condvar,
}

#[derive(Debug, Default)]
struct Kept {
    /// The threads that are held, or were.
    asked_by: Vec<ThreadId>,
    is_over: bool,
}

static KEPT_BACK: KeptBack = KeptBack {
    state: Mutex::new(Kept {
        asked_by: Vec::new(),
        is_over: false,
    }),
    let_go: Condvar::new(),
};

/// The thread that a test's runtime has. It isn't held: what a test sees then is that it was asked.
static RUNTIMES: OnceLock<ThreadId> = OnceLock::new();

impl KeptBack {
    fn asked_by(&self) -> Vec<ThreadId> {
        self.state.lock().expect("nobody panics").asked_by.clone()
    }

    fn let_go(&self) {
        self.state.lock().expect("nobody panics").is_over = true;
        self.let_go.notify_all();
    }
}

impl Underlying for KeptBack {
    fn name(&self) -> &'static str {
        "kept back"
    }

    fn figures(&self) -> Option<AllocatorFigures> {
        let this = thread::current().id();
        let mut state = self.state.lock().expect("nobody panics");
        state.asked_by.push(this);
        let is_held = |state: &mut Kept| !state.is_over && RUNTIMES.get() != Some(&this);
        drop(
            self.let_go
                .wait_while(state, is_held)
                .expect("nobody panics"),
        );
        None
    }

    fn purge(&self) -> Option<&'static str> {
        self.figures().map(|_| "nothing")
    }
}

/// What the process says that has seen no sample.
const EMPTY: &str = "every profile was empty";

detectors::tests! {
    /// An `<img>` on any page holds a connection for ten minutes, and names no origin.
    async fn a_page_in_a_browser_is_refused_by_every_endpoint() {
        let address = listens(None).await;
        let host = format!("host: {address}");
        for request in ENDPOINTS {
            for site in FOREIGN {
                let site = format!("sec-fetch-site: {site}");
                assert_eq!(status(address, request, &[&host, &site]).await, 403, "{request} {site}");
            }
        }
        for site in OWN {
            let site = format!("Sec-Fetch-Site: {site}");
            assert_eq!(status(address, "GET /metrics", &[&host, &site]).await, 200, "{site}");
        }
        // Each is looked at, where there are two.
        let both = [&*host, "sec-fetch-site: none", "sec-fetch-site: cross-site"];
        assert_eq!(status(address, "GET /metrics", &both).await, 403);
    }

    /// By its own name, which it has made point to this machine, a page is of the port's own origin to the browser.
    async fn a_name_that_was_made_to_point_here_is_refused_by_every_endpoint() {
        let address = listens(None).await;
        let port = address.port();
        for host in [format!("host: page.example:{port}"), format!("host: 0.0.0.0:{port}")] {
            for request in ENDPOINTS {
                let headers = [&*host, "sec-fetch-site: same-origin"];
                assert_eq!(status(address, request, &headers).await, 403, "{request} {host}");
            }
        }
    }

    /// A browser that was given the token as a password sends it with whatever a page asks for. Nothing but a program's own words
    /// makes it send a bearer token.
    async fn a_page_can_not_use_the_token_that_a_browser_keeps() {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a writable target");
        let file = folder.path().join("token");
        std::fs::write(&file, "0123456789abcdef").expect("a writable target");
        let address = listens(Some(Token::from_file(file).expect("long enough"))).await;
        // `any:0123456789abcdef`.
        let basic = "authorization: Basic YW55OjAxMjM0NTY3ODlhYmNkZWY=";
        for request in ENDPOINTS {
            for from_page in ["sec-fetch-site: cross-site", "origin: http://page.example"] {
                let headers = ["host: service.example", basic, from_page];
                assert_eq!(status(address, request, &headers).await, 403, "{request} {from_page}");
            }
        }
        let bearer = "authorization: Bearer 0123456789abcdef";
        for headers in [
            &["host: service.example", basic][..],
            &["host: service.example", basic, "sec-fetch-site: none"],
            &["host: service.example", bearer, "sec-fetch-site: cross-site"],
        ] {
            assert_eq!(status(address, "GET /metrics", headers).await, 200, "{headers:?}");
        }
    }

    /// As of one instant, while entries go on to come.
    async fn a_copy_of_the_process_tells_who_holds_what_stays() {
        let address = listens(None).await;
        let host = format!("host: {address}");
        let question = asked(address, "POST /holders?seconds=1&debug=1", &[&host]).await;
        let told = tokio::spawn(answer(question));
        let mut other = None;
        while !told.is_finished() {
            keep_an_entry();
            if other.is_none() && ENTRIES.lock().expect("no panic").len() > 1_000 {
                other = Some(status(address, "POST /holders?seconds=1", &[&host]).await);
            }
            yield_now().await;
        }
        assert_eq!(other, Some(409), "the process is counted once at a time");
        let (head, body) = told.await.expect("an answer");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let text = String::from_utf8_lossy(&body);
        let (_, site) = text.split_once(" in instruments::debug::keep_an_entry").expect("its site");
        let held = site.lines().nth(1).unwrap_or_default();
        assert!(held.ends_with("are held by the static instruments::debug::ENTRIES"), "{text}");
        assert!(text.contains("the service paused for "), "{text}");
    }

    /// Or sixty-four of them would leave nobody else a connection for ten minutes.
    async fn who_goes_away_leaves_nothing_running() {
        let address = listens(None).await;
        let host = format!("host: {address}");
        let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
        let before = alive();
        let long = ENDPOINTS.iter().filter(|request| request.ends_with("seconds=600"));
        let mut clients = Vec::new();
        for request in long {
            clients.push(asked(address, request, &[&host]).await);
        }
        while alive() < before + clients.len() {
            yield_now().await;
        }
        drop(clients);
        while alive() > before {
            yield_now().await;
        }
        // Nor does the CPU's own watch go on: another may begin.
        while status(address, "GET /debug/pprof/profile?seconds=1", &[&host]).await != 200 {}
    }

    async fn what_takes_long_holds_no_thread_of_the_runtime_and_two_of_it_are_done_at_once() {
        /// Times at which another would have had its turn.
        const TURNS: usize = 500;
        let this = *RUNTIMES.get_or_init(|| thread::current().id());
        set_underlying(&KEPT_BACK);
        let address = listens(None).await;
        let host = format!("host: {address}");
        let mut waiting = Vec::new();
        for _ in 0..2 {
            waiting.push(("GET /metrics", asked(address, "GET /metrics", &[&host]).await));
        }
        while KEPT_BACK.asked_by().len() < 2 {
            yield_now().await;
        }
        assert!(!KEPT_BACK.asked_by().contains(&this), "the runtime's only thread reads");

        // Both turns are taken. Whatever else takes long waits for one. The CPU is watched for one at a time: the second is
        // refused once it had its turn.
        let takes_long = |request: &&&str| {
            !matches!(**request, "GET /debug/pprof" | "GET /debug/pprof/") && !request.contains(" /sampling")
        };
        let cpu = "GET /debug/pprof/profile?seconds=1";
        for request in ENDPOINTS.iter().filter(takes_long).chain([&cpu]) {
            let request = if request.contains("profile?") { cpu } else { request.trim_end_matches("?seconds=600") };
            waiting.push((request, asked(address, request, &[&host]).await));
        }
        for _ in 0..TURNS {
            assert_eq!(status(address, "GET /debug/pprof/", &[&host]).await, 200);
        }
        assert_eq!(KEPT_BACK.asked_by().len(), 2);
        for (request, stream) in &waiting {
            let told = stream.try_read(&mut [0]).map_err(|error| error.kind());
            assert_eq!(told, Err(ErrorKind::WouldBlock), "{request}");
        }
        KEPT_BACK.let_go();
        let mut refused = 0;
        for (request, stream) in waiting {
            let (head, _) = answer(stream).await;
            let is_refused = request == cpu && head.starts_with("HTTP/1.1 409");
            refused += u32::from(is_refused);
            assert!(is_refused || head.starts_with("HTTP/1.1 200"), "{request}: {head}");
        }
        assert!(refused <= 1, "neither was taken");
        assert!(!KEPT_BACK.asked_by().contains(&this), "the runtime's only thread reads");
    }

    /// Who scrapes it takes an error for a service that is down.
    fn a_heap_of_which_nothing_was_sampled_yet_is_an_empty_profile() {
        // A program may be sampled within its first kilobytes, by chance. Most aren't.
        let is_empty = (0..50).any(|_| {
            let program = std::env::current_exe().expect("this program");
            let arguments = ["--exact", "debug::one_program", "--include-ignored", "--show-output"];
            let output = Command::new(program).args(arguments).output().expect("it starts");
            let printed = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{printed}");
            printed.contains(EMPTY)
        });
        assert!(is_empty, "fifty programs were sampled before anybody asked");
    }

    #[ignore = "a part of the other, which starts it"]
    async fn one_program() {
        detectors::allocator::set_sampling_interval(None);
        let address = listens(None).await;
        let mut is_empty = true;
        for (path, first) in [("heap", "inuse_space"), ("allocs", "alloc_space"), ("heap?seconds=1", "inuse_space")] {
            let (head, body) = get(address, &format!("/debug/pprof/{path}")).await;
            assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
            let profile = Profile::from_bytes("heap", &body).expect("a profile");
            is_empty &= profile.is_empty();
            assert_eq!(profile.sample_types().len(), 4, "{path}");
            assert_eq!(profile.default_sample_type().name, first, "{path}");
        }
        let (head, body) = get(address, "/debug/pprof/heap?debug=1").await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let text = String::from_utf8_lossy(&body);
        is_empty &= text.starts_with("Nothing was seen yet");
        if is_empty {
            println!("{EMPTY}");
        }
    }
}
