//! Who holds what a service keeps, where the holder is older than the question: its memory was asked for before anything was noted.

use super::debug::{answer, asked, listens};
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hint::black_box;
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::time::Duration;
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::yield_now;

/// More than a test puts in.
const ROOM: usize = 1 << 16;

/// Of a map whose entries have several each.
const KEYS: usize = 64;

/// Between two turns of the work, as between requests: threads wait meanwhile, and the kernel tells where their stacks end.
const PAUSE: Duration = Duration::from_micros(400);

type Entries = HashMap<usize, Box<[u8]>>;
type Sorted = BTreeMap<usize, Box<[u8]>>;
type List = Vec<Box<[u8]>>;
type Deque = VecDeque<Box<[u8]>>;

static MAP: OnceLock<Mutex<Entries>> = OnceLock::new();
static IN_AN_ARC: OnceLock<Arc<Mutex<Entries>>> = OnceLock::new();
static BY_ANOTHER_THREAD: OnceLock<Mutex<Entries>> = OnceLock::new();
static DEQUE: OnceLock<Mutex<Deque>> = OnceLock::new();
static OLD_LIST: Mutex<List> = Mutex::new(Vec::new());
static QUEUE: Mutex<Deque> = Mutex::new(VecDeque::new());
static QUEUES: [Mutex<Deque>; 4] = [const { Mutex::new(VecDeque::new()) }; 4];
static LISTS_BY_KEY: OnceLock<Mutex<HashMap<usize, List>>> = OnceLock::new();
static QUEUES_BY_KEY: OnceLock<Mutex<HashMap<usize, Deque>>> = OnceLock::new();
static LISTS: OnceLock<Mutex<Vec<Vec<u64>>>> = OnceLock::new();
static FULL_LISTS: OnceLock<Mutex<Vec<Vec<u64>>>> = OnceLock::new();
/// In parts, each with a lock of its own, as maps for many threads are.
static PARTS: OnceLock<Box<[Mutex<Entries>]>> = OnceLock::new();
static TREE: OnceLock<Box<Mutex<Sorted>>> = OnceLock::new();
static LIST: OnceLock<Box<Mutex<List>>> = OnceLock::new();
static MAPS: OnceLock<Mutex<VecDeque<Entries>>> = OnceLock::new();
static VIEWS: OnceLock<Mutex<HashMap<Bytes, usize>>> = OnceLock::new();

fn block() -> Box<[u8]> {
    vec![1; 1 << 10].into_boxed_slice()
}

fn small_block() -> Box<[u8]> {
    vec![1; 50].into_boxed_slice()
}

/// What the port tells while this goes on.
async fn told(mut work: impl FnMut(usize)) -> serde_json::Value {
    let address = listens(None).await;
    let host = format!("host: {address}");
    let question = asked(address, "POST /holders?seconds=1", &[&host]).await;
    let told = tokio::spawn(answer(question));
    let mut number = 0;
    while !told.is_finished() {
        if number < ROOM / 2 {
            work(number);
            number += 1;
        }
        std::thread::sleep(PAUSE);
        yield_now().await;
    }
    let (head, body) = told.await.expect("an answer");
    let text = String::from_utf8_lossy(&body);
    assert!(head.starts_with("HTTP/1.1 200"), "{head}\n{text}");
    serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The site with most bytes.
#[track_caller]
fn first(told: &serde_json::Value) -> &serde_json::Value {
    let first = &told["by_site"][0];
    let site = first["site"].as_str().unwrap_or_default();
    assert!(site.contains("instruments::older"), "{told:#}");
    first
}

#[track_caller]
fn is_held_by(told: &serde_json::Value, root: &serde_json::Value) {
    assert_eq!(&first(told)["by"][0][0], root, "{told:#}");
}

/// Many come at a time. Their holder is older than the question, and what keeps them together isn't.
async fn is_kept_by_few_newer_blocks(name: &str, keep: impl Fn(usize)) {
    const AT_ONCE: usize = 20;
    (0..100).for_each(&keep);
    let told = told(|number| (0..AT_ONCE).for_each(|at| keep(AT_ONCE * number + at))).await;
    // Tables that grew may have more bytes than what hangs on them.
    let is_one = |site: &&serde_json::Value| site["site"].to_string().contains("small_block");
    let site = told["by_site"]
        .as_array()
        .and_then(|sites| sites.iter().find(is_one));
    let site = site.unwrap_or_else(|| panic!("none of them: {told:#}"));
    assert_eq!(site["by"][0][0], of_static(name), "{told:#}");
    assert_ne!(site["is_by_older"], true, "{told:#}");
}

fn of_static(name: &str) -> serde_json::Value {
    serde_json::json!({ "static": format!("instruments::older::{name}") })
}

detectors::tests! {
    async fn a_map_in_a_static() {
        let map = MAP.get_or_init(|| Mutex::new(HashMap::with_capacity(ROOM)));
        let told = told(|number| drop(map.lock().expect("no panic").insert(number, block()))).await;
        is_held_by(&told, &of_static("MAP"));
        assert_eq!(first(&told)["is_map"], true, "{told:#}");
        assert_ne!(first(&told)["is_by_older"], true, "{told:#}");
    }

    async fn a_map_behind_another_block() {
        let map = IN_AN_ARC.get_or_init(|| Arc::new(Mutex::new(HashMap::with_capacity(ROOM))));
        let told = told(|number| drop(map.lock().expect("no panic").insert(number, block()))).await;
        is_held_by(&told, &of_static("IN_AN_ARC"));
        assert_eq!(first(&told)["is_map"], true, "{told:#}");
    }

    /// In that thread's own part of the heap, beside other blocks.
    async fn a_small_map_that_another_thread_made() {
        const FEW: usize = 3_500;
        let makes = std::thread::spawn(|| {
            let others: Vec<Box<[u8]>> = (0..100).map(|_| block()).collect();
            BY_ANOTHER_THREAD.get_or_init(|| Mutex::new(HashMap::with_capacity(FEW)));
            others.len()
        });
        assert_eq!(makes.join().expect("it makes one"), 100);
        let map = BY_ANOTHER_THREAD.get().expect("it is made");
        let told = told(|number| {
            if number < FEW {
                map.lock().expect("no panic").insert(number, block());
            }
        }).await;
        is_held_by(&told, &of_static("BY_ANOTHER_THREAD"));
        assert_eq!(first(&told)["is_map"], true, "{told:#}");
    }

    /// Whether it is a queue that nobody reads, nobody can tell.
    async fn a_deque_is_no_map() {
        let deque = DEQUE.get_or_init(|| Mutex::new(VecDeque::with_capacity(ROOM)));
        let told = told(|_| deque.lock().expect("no panic").push_back(block())).await;
        is_held_by(&told, &of_static("DEQUE"));
        assert_eq!(first(&told)["is_map"], false, "{told:#}");
        assert_eq!(first(&told)["is_by_older"], true, "{told:#}");
    }

    /// Its room is older, and has the new ones at its end.
    async fn a_list_in_a_static() {
        let mut list = Vec::with_capacity(ROOM);
        list.extend((0..100).map(|_| block()));
        *OLD_LIST.lock().expect("no panic") = list;
        let told = told(|_| OLD_LIST.lock().expect("no panic").push(block())).await;
        is_held_by(&told, &of_static("OLD_LIST"));
        assert_eq!(first(&told)["is_map"], false, "{told:#}");
        assert_ne!(first(&told)["is_by_older"], true, "{told:#}");
    }

    /// Where a deque begins stands where a list's length would.
    async fn a_deque_with_a_slow_reader_is_a_queue() {
        *QUEUE.lock().expect("no panic") = VecDeque::with_capacity(ROOM);
        let told = told(|number| {
            let mut queue = QUEUE.lock().expect("no panic");
            queue.push_back(block());
            if number % 2 == 0 {
                queue.pop_front();
            }
        }).await;
        is_held_by(&told, &of_static("QUEUE"));
        assert_eq!(first(&told)["queue"], "std::collections::VecDeque", "{told:#}");
    }

    /// Each gives the others what was taken from it, so an old pointer leads to what another one keeps.
    async fn deques_with_slow_readers_are_queues() {
        for deque in &QUEUES {
            *deque.lock().expect("no panic") = VecDeque::with_capacity(ROOM / QUEUES.len());
        }
        let told = told(|number| {
            let mut queue = QUEUES[number % QUEUES.len()].lock().expect("no panic");
            queue.push_back(block());
            if (number / QUEUES.len()).is_multiple_of(2) {
                queue.pop_front();
            }
        }).await;
        is_held_by(&told, &of_static("QUEUES"));
        assert_eq!(first(&told)["queue"], "std::collections::VecDeque", "{told:#}");
    }

    async fn lists_in_a_map() {
        let lists = LISTS_BY_KEY.get_or_init(|| {
            Mutex::new((0..KEYS).map(|key| (key, Vec::with_capacity(ROOM / KEYS))).collect())
        });
        let told = told(|number| {
            let mut lists = lists.lock().expect("no panic");
            lists.entry(number % KEYS).or_default().push(block());
        }).await;
        is_held_by(&told, &of_static("LISTS_BY_KEY"));
        assert_eq!(first(&told)["is_map"], true, "{told:#}");
        assert_ne!(first(&told)["is_by_older"], true, "{told:#}");
    }

    /// Nobody knows whether there are as many queues as keys.
    async fn queues_in_a_map_are_no_lists() {
        let queues = QUEUES_BY_KEY.get_or_init(|| {
            Mutex::new((0..KEYS).map(|key| (key, VecDeque::with_capacity(ROOM / KEYS))).collect())
        });
        let told = told(|number| {
            let mut queues = queues.lock().expect("no panic");
            let queue = queues.entry(number % KEYS).or_default();
            queue.push_back(block());
            if (number / KEYS).is_multiple_of(2) {
                queue.pop_front();
            }
        }).await;
        is_held_by(&told, &of_static("QUEUES_BY_KEY"));
        assert_eq!(first(&told)["is_by_older"], true, "{told:#}");
        assert_eq!(first(&told)["is_map"], false, "{told:#}");
        assert_eq!(first(&told)["queue"], serde_json::Value::Null, "{told:#}");
    }

    /// Tables are made anew as they grow. Each is one block, and many hang on it.
    async fn a_map_in_parts_whose_tables_are_newer() {
        let parts = PARTS.get_or_init(|| (0..8).map(|_| Mutex::default()).collect());
        is_kept_by_few_newer_blocks("PARTS", |key| {
            parts[key % parts.len()].lock().expect("no panic").insert(key, small_block());
        }).await;
    }

    async fn a_sorted_map_most_of_which_is_newer() {
        let tree = TREE.get_or_init(Default::default);
        is_kept_by_few_newer_blocks("TREE", |key| {
            tree.lock().expect("no panic").insert(key, small_block());
        }).await;
    }

    async fn a_list_whose_room_is_newer() {
        let list = LIST.get_or_init(Default::default);
        is_kept_by_few_newer_blocks("LIST", |_| list.lock().expect("no panic").push(small_block())).await;
    }

    /// Each of them keeps a few, and together they are a queue.
    async fn maps_that_wait_in_a_queue_are_no_map() {
        let maps = MAPS.get_or_init(|| Mutex::new(VecDeque::with_capacity(ROOM)));
        let told = told(|_| {
            let map = (0..4).map(|key| (key, block())).collect();
            maps.lock().expect("no panic").push_back(map);
        }).await;
        is_held_by(&told, &of_static("MAPS"));
        assert_eq!(first(&told)["is_by_older"], true, "{told:#}");
    }

    async fn lists_with_much_room_and_little_in_them() {
        let lists = LISTS.get_or_init(|| Mutex::new(Vec::with_capacity(ROOM)));
        let told = told(|number| {
            let mut list = Vec::with_capacity(100);
            list.extend((0..5).map(|n| n + number as u64));
            lists.lock().expect("no panic").push(list);
        }).await;
        is_held_by(&told, &of_static("LISTS"));
        let site = first(&told);
        let (blocks, unused) = (site["blocks"].as_u64(), site["surely_unused"].as_u64());
        assert!(10 * unused.unwrap_or(0) >= 9 * blocks.unwrap_or(1), "{told:#}");
    }

    async fn lists_that_are_full() {
        let lists = FULL_LISTS.get_or_init(|| Mutex::new(Vec::with_capacity(ROOM)));
        let told = told(|number| {
            let mut list = Vec::with_capacity(100);
            list.extend((0..90).map(|n| n + number as u64));
            lists.lock().expect("no panic").push(list);
        }).await;
        is_held_by(&told, &of_static("FULL_LISTS"));
        assert!(first(&told)["surely_unused"].is_null(), "{told:#}");
    }

    async fn views_of_pages() {
        let views = VIEWS.get_or_init(|| Mutex::new(HashMap::with_capacity(ROOM)));
        let told = told(|number| {
            let page = Bytes::from(number.to_ne_bytes().repeat(1 << 10));
            let mut views = views.lock().expect("no panic");
            for at in 0..3 {
                // Each is another one.
                views.insert(page.slice(at * 80..at * 80 + 16 + at), number);
            }
        }).await;
        let site = first(&told);
        let (blocks, viewed) = (site["blocks"].as_u64(), site["viewed"].as_u64());
        assert!(10 * viewed.unwrap_or(0) >= 9 * blocks.unwrap_or(1), "{told:#}");
    }

    async fn a_map_on_another_threads_stack() {
        let (put, taken) = mpsc::channel::<usize>();
        let (has_it, made) = mpsc::channel();
        let keeper = std::thread::Builder::new().name("keeper".to_owned());
        let keeper = keeper.spawn(move || {
            let mut map: Entries = HashMap::with_capacity(ROOM);
            has_it.send(()).expect("it is waited for");
            while let Ok(number) = taken.recv() {
                map.insert(number, block());
            }
            map.len()
        });
        made.recv().expect("it makes a map");
        let told = told(|number| put.send(number).expect("it keeps")).await;
        drop(put);
        assert!(keeper.expect("a thread").join().expect("it kept them") > 0);
        is_held_by(&told, &serde_json::json!("thread"));
        assert_eq!(first(&told)["owner"], serde_json::json!({ "thread": "keeper" }), "{told:#}");
        assert_eq!(first(&told)["is_map"], true, "{told:#}");
    }

    /// As a service's state is known to each thread that answers requests.
    async fn a_map_of_the_first_thread_is_not_another_ones_that_knows_it() {
        let map = Box::new(Mutex::new(Entries::with_capacity(ROOM)));
        // Upside down on the way: what is freed there and given out again would keep the pointer.
        let hidden = !std::ptr::from_ref(&*map).expose_provenance();
        let (end, ends) = mpsc::channel::<()>();
        let worker = std::thread::Builder::new().name("worker".to_owned());
        let worker = worker.spawn(move || {
            let known = black_box(!hidden);
            let _ended = ends.recv();
            black_box(&known);
        });
        let told = told(|number| {
            map.lock().expect("no panic").insert(number, block());
        }).await;
        drop(end);
        worker.expect("a thread").join().expect("it doesn't panic");
        // Now and then a task is told: one of the port's may lie where an address of the map was left.
        assert_ne!(first(&told)["owner"], serde_json::json!({ "thread": "worker" }), "{told:#}");
    }

    /// The task is older as well, and its runtime.
    async fn a_map_of_a_task() {
        let (put, mut taken) = unbounded_channel::<usize>();
        let keeper = tokio::spawn(async move {
            let mut map: Entries = HashMap::with_capacity(ROOM);
            while let Some(number) = taken.recv().await {
                map.insert(number, block());
            }
            map.len()
        });
        yield_now().await;
        let told = told(|number| put.send(number).expect("it keeps")).await;
        drop(put);
        assert!(keeper.await.expect("it kept them") > 0);
        is_held_by(&told, &serde_json::json!("task"));
        assert_eq!(first(&told)["is_map"], true, "{told:#}");
    }

    /// No rule says how.
    fn a_view_is_laid_out_as_it_is_read() {
        let page = Bytes::from(vec![7_u8; 100]);
        let view = page.slice(10..26);
        // SAFETY: four words, each of them initialized.
        let words: [usize; 4] = unsafe { std::mem::transmute_copy(&view) };
        assert_eq!(words[1..3], [view.as_ptr().addr(), 16], "{words:x?}");
    }
}
