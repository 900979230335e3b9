//! The debug port of a program that has hardly begun.

use detectors::Profile;
use detectors::allocator::Label;
use detectors::debug::{Listener, Token};
use detectors::memory::{AllocatorFigures, Underlying, set_underlying};
use std::hint::black_box;
use std::io::{ErrorKind, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Condvar, Mutex, OnceLock};
use std::thread::{self, ThreadId};
use std::time::Instant;
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

/// Where a block was that has been freed.
static FREED: AtomicUsize = AtomicUsize::new(0);

static TEXT: Mutex<String> = Mutex::new(String::new());

/// In the cache of a thread that lives until the end is told: nobody else is given the block.
fn leave_in_what_is_freed(pointer: usize) -> Sender<()> {
    let (end, ends) = channel();
    let (tell, told) = channel();
    thread::spawn(move || {
        let block = black_box(vec![pointer; 113]);
        FREED.store(block.as_ptr().addr(), Relaxed);
        drop(block);
        tell.send(()).expect("it is waited for");
        let _ended = ends.recv();
    });
    told.recv().expect("it was freed");
    end
}

fn leave_behind_a_text(pointer: usize) {
    let block = black_box(Box::new([pointer; 3]));
    let was = (&raw const *block).addr();
    drop(block);
    let text = black_box(String::from("8080"));
    assert_eq!(
        text.as_ptr().addr(),
        was,
        "glibc gives first what was freed last"
    );
    *TEXT.lock().expect("no panic") = text;
}

/// What a copy of the process tells of the messages, of which some come meanwhile.
async fn who_holds_messages(mut one_comes: impl AsyncFnMut()) -> serde_json::Value {
    const COME_EACH_MS: u128 = 20;
    let address = listens(None).await;
    let question = asked(
        address,
        "POST /holders?seconds=1",
        &[&format!("host: {address}")],
    )
    .await;
    let told = tokio::spawn(answer(question));
    let (began, mut came) = (Instant::now(), 0);
    while !told.is_finished() {
        while came < COME_EACH_MS * began.elapsed().as_millis() {
            one_comes().await;
            came += 1;
        }
        yield_now().await;
    }
    let (head, body) = told.await.expect("an answer");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let mut told: serde_json::Value = serde_json::from_slice(&body).expect("its answer");
    let sites = told["by_site"].as_array_mut().expect("a list");
    let is_messages = |site: &serde_json::Value| {
        let name = site["site"].as_str();
        name.is_some_and(|name| name.contains("a_message"))
    };
    let at = sites
        .iter()
        .position(is_messages)
        .unwrap_or_else(|| panic!("no messages: {sites:#?}"));
    sites.swap_remove(at)
}

#[inline(never)]
fn a_message() -> Box<[u64]> {
    vec![7; 6].into_boxed_slice()
}

/// A figure of `/metrics`; `None` where it isn't told.
async fn figure(address: SocketAddr, series: &str) -> Option<u64> {
    let (_, body) = get(address, "/metrics").await;
    let text = String::from_utf8_lossy(&body);
    text.lines().find_map(|line| {
        line.strip_prefix(series)?
            .strip_prefix(' ')?
            .parse::<u64>()
            .ok()
    })
}

/// This process is in a control group of its own until this is dropped.
struct Group {
    folder: PathBuf,
    before: PathBuf,
}

impl Group {
    /// `None` where none can be made: root does it, where version 1's memory controller is mounted.
    fn with_limit(limit: u64) -> Option<Self> {
        const MEMORY: &str = "/sys/fs/cgroup/memory";
        let own = std::fs::read_to_string("/proc/self/cgroup").ok()?;
        let of_memory = |line: &str| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            (controllers == "memory").then(|| path.trim_start_matches('/').to_owned())
        };
        let before = own.lines().find_map(of_memory);
        let folder = Path::new(MEMORY).join(format!("detectors-headroom-{}", std::process::id()));
        let made = std::fs::create_dir(&folder);
        let (Some(before), Ok(())) = (before, &made) else {
            let must = std::env::var_os("DETECTORS_CGROUPS").is_some();
            assert!(!must, "{}: {made:?}", folder.display());
            println!("left out: {} can't be made: {made:?}", folder.display());
            return None;
        };
        let before = Path::new(MEMORY).join(before);
        let limited = std::fs::write(folder.join("memory.limit_in_bytes"), limit.to_string());
        limited.expect("root sets a limit");
        let joined = std::fs::write(folder.join("cgroup.procs"), std::process::id().to_string());
        joined.expect("root joins it");
        Some(Group { folder, before })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let left = std::fs::write(
            self.before.join("cgroup.procs"),
            std::process::id().to_string(),
        );
        if let Err(error) = left.and_then(|()| std::fs::remove_dir(&self.folder)) {
            println!("{} is still there: {error}", self.folder.display());
        }
    }
}

/// Whatever a request can ask for, and what it would cost most.
const ENDPOINTS: [&str; 18] = [
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
    "GET /tables",
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

    /// A channel gives room that was emptied to what comes next: of twenty messages one goes into room that is new.
    async fn what_waits_in_room_that_is_older_than_the_question_waits_in_its_queue() {
        let (send, mut receive) = tokio::sync::mpsc::unbounded_channel();
        for _ in 0..20_000 {
            send.send(a_message()).expect("there is a receiver");
        }
        let mut sent = 0;
        let told = who_holds_messages(async || {
            send.send(a_message()).expect("there is a receiver");
            sent += 1;
            if sent % 20 != 0 {
                receive.recv().await.expect("there are messages");
            }
        });
        assert_eq!(told.await["queue"], "tokio::sync::mpsc");
    }

    /// Both are older than the question, and so nobody noted what they were. This thread never rests, so the kernel may not tell where its
    /// stack ends, and nobody then knows who does hold them.
    async fn neither_what_was_freed_nor_what_lies_behind_a_text_holds_anything() {
        let mut messages: Vec<Box<[u64]>> = Vec::with_capacity(200_000);
        let _end = leave_in_what_is_freed(messages.as_ptr().addr());
        leave_behind_a_text(messages.as_ptr().addr());
        let told = who_holds_messages(async || messages.push(a_message())).await;
        let roots = told["by"].as_array().expect("a list");
        assert!(roots.iter().all(|root| root[0].is_string()) && told["rival"].is_null(), "a static: {told}");
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

    async fn what_takes_long_holds_no_thread_of_the_runtime_and_figures_come_one_after_the_other() {
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
        while KEPT_BACK.asked_by().is_empty() {
            yield_now().await;
        }
        assert!(!KEPT_BACK.asked_by().contains(&this), "the runtime's only thread reads");

        // The turn is taken. Whatever else is a figure waits for it, and no profile does. The CPU is watched for one at a time: the
        // second is refused once it had its turn.
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
        assert_eq!(status(address, "GET /debug/pprof/heap", &[&host]).await, 200);
        assert_eq!(KEPT_BACK.asked_by().len(), 1);
        for (request, stream) in waiting.iter().filter(|(request, _)| *request == "GET /metrics") {
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

    /// Two who scrape, each of whom must hear of a burst between its scrapes.
    async fn a_peak_between_two_scrapes_is_told_to_everybody_who_scrapes() {
        const BYTES: usize = 50 << 20;
        const MOST: Option<u64> = Some(BYTES as u64);
        let address = listens(None).await;
        assert!(figure(address, "heap_live_peak_bytes").await < MOST);
        drop(std::hint::black_box(vec![1_u8; BYTES]));
        for _ in 0..2 {
            let peak = figure(address, "heap_live_peak_bytes").await;
            assert!(peak >= MOST, "{peak:?}");
            assert!(figure(address, "heap_live_bytes").await < MOST);
        }
    }

    /// Series, and labels of the profile's samples; and nothing of it while no label is in use.
    async fn what_is_allocated_under_a_label_is_told_by_metrics_and_by_the_profile() {
        const BYTES: usize = 1 << 20;
        let address = listens(None).await;
        let (_, before) = get(address, "/metrics").await;
        assert!(!String::from_utf8_lossy(&before).contains("label"), "off unless used");
        let route = Label::new("route", "/a \\ \"b\"");
        let kept = route.around(async {
            yield_now().await;
            std::hint::black_box(vec![1_u8; BYTES])
        });
        let kept = kept.await;
        let labels = r#"{route="/a \\ \"b\""}"#;
        for (name, least) in [
            ("allocated_bytes_total", BYTES as u64),
            ("allocated_blocks_total", 1),
            // A sample of a mebibyte stands for little more than itself, and is missed in one of seven.
            ("live_bytes", 0),
            ("live_blocks", 0),
        ] {
            let told = figure(address, &format!("heap_labelled_{name}{labels}")).await;
            assert!(told >= Some(least), "{name}: {told:?}");
        }
        detectors::allocator::set_sampling_interval(Some(1 << 10));
        detectors::allocator::reseed_sampling(7);
        let sampled = route.within(|| std::hint::black_box(vec![2_u8; BYTES]));
        let told = figure(address, &format!("heap_labelled_live_bytes{labels}")).await;
        assert!(told >= Some(BYTES as u64), "{told:?}");
        assert_eq!(figure(address, "heap_labels_lost_total").await, Some(0));
        let (_, profile) = get(address, "/debug/pprof/heap").await;
        let mut plain = Vec::new();
        let read = flate2::read::GzDecoder::new(&profile[..]).read_to_end(&mut plain);
        read.expect("gzip");
        assert!(plain.windows(8).any(|text| text == br#"/a \ "b""#), "the value is in its table of strings");
        drop((kept, sampled));
    }

    /// The incident's memory: resident, given up, and no reason to wake anybody.
    async fn lazily_freed_memory_is_not_in_the_way_of_the_limit() {
        const LIMIT: u64 = 256 << 20;
        const BYTES: usize = 100 << 20;
        const MOST: u64 = 90 << 20;
        const MADV_FREE: i32 = 8; // Linux'; others have no such groups
        let Some(group) = Group::with_limit(LIMIT) else { return };
        let address = listens(None).await;
        let left = async || figure(address, "process_memory_headroom_bytes{of=\"group\"}").await.expect("there is a limit");
        assert_eq!(figure(address, "process_memory_limit_bytes{of=\"group\"}").await, Some(LIMIT));
        let before = left().await;
        // SAFETY: new memory, at an address that the kernel chooses.
        let memory = unsafe {
            let rights = libc::PROT_READ | libc::PROT_WRITE;
            libc::mmap(std::ptr::null_mut(), BYTES, rights, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)
        };
        assert_ne!(memory, libc::MAP_FAILED);
        // SAFETY: mapped above, and nobody else knows of it.
        unsafe { memory.cast::<u8>().write_bytes(1, BYTES) };
        let full = left().await;
        assert!(before - full > MOST, "{before}, then {full}");
        // SAFETY: as above; nothing reads it any more.
        assert_eq!(unsafe { libc::madvise(memory, BYTES, MADV_FREE) }, 0);
        let freed = left().await;
        let lazily_freed = figure(address, "process_lazily_freed_memory_bytes").await;
        assert!(lazily_freed > Some(MOST), "it is resident still: {lazily_freed:?}");
        assert!(freed > full + MOST, "{full}, then {freed}");
        assert!(freed <= before + (8 << 20), "it is subtracted once: {before}, then {freed}");
        // SAFETY: mapped above with this size.
        unsafe { libc::munmap(memory, BYTES) };
        drop(group);
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
