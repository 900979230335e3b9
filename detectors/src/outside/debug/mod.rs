//! What a running service tells about itself, on a port of its own: profiles that `go tool pprof` fetches, and metrics.
//!
//! In a service, two lines:
//!
//! ```no_run
//! # async fn service() -> Result<(), detectors::debug::ListenError> {
//! let debug = detectors::debug::Listener::bind("127.0.0.1:6060", None).await?;
//! tokio::spawn(debug.serve());
//! # Ok(())
//! # }
//! ```
//!
//! Then, from the same machine:
//!
//! ```sh
//! go tool pprof -top http://127.0.0.1:6060/debug/pprof/heap
//! curl http://127.0.0.1:6060/metrics
//! ```
//!
//! | endpoint | tells | needs |
//! |---|---|---|
//! | `GET /debug/pprof/` | the list of these | |
//! | `GET /debug/pprof/heap` | what is live, by allocation site; `alloc_*` types too | a [`ProfilingAllocator`](crate::ProfilingAllocator) |
//! | `GET /debug/pprof/heap?at=peak` | what was live when most was, as of the last profile that was kept | [`KeptProfiles`] |
//! | `GET /debug/pprof/allocs` | the same, and shows what was ever allocated first | the same |
//! | `GET /debug/pprof/tasks`, `/goroutine` | alive tasks of this runtime, by spawn site | sites: see [`tasks`](crate::tasks) |
//! | `GET /debug/pprof/taskleak`, `/goroutineleak` | tasks that can never wake, by spawn site: see [`tasks`](crate::tasks#tasks-that-can-never-wake). The service is held while it is copied, twice | 64-bit Linux; sites as above |
//! | `GET /debug/pprof/threadcreate` | threads, by who started them | Linux; sites: [`spawn_thread`](crate::process::spawn_thread) |
//! | `GET /debug/pprof/descriptors`, `/sockets` | what is open, by folder, or by peer and state | Linux |
//! | `GET /debug/pprof/block` | who had to wait, by the line that waited | locks and awaits of [`contention`](crate::contention) |
//! | `GET /debug/pprof/mutex` | who let others wait, by where the lock was released | locks of [`contention`](crate::contention) |
//! | `GET /debug/pprof/profile` | where CPU time goes, for `seconds` (30) | unix |
//! | `GET /metrics` | live bytes and their peak since the last scrape, resident and lazily freed bytes, the memory limit and what is left below it, tasks, descriptors, sockets by state | Linux, all but the heap |
//! | `POST /holders` | who holds what was allocated within `seconds` (30) and is live: see [below](#who-holds-it) | a [`ProfilingAllocator`](crate::ProfilingAllocator), Linux |
//! | `GET /tables` | how full hash tables of 256 KiB or more are, by site: what goes into a table's room takes no memory before the table doubles | a [`ProfilingAllocator`](crate::ProfilingAllocator), Linux |
//! | `POST /freememory` | asks the allocator to give back what it holds, and says what that gave | glibc |
//! | `GET /sampling` | how often allocations are sampled; `POST /sampling?interval=65536` changes it | a [`ProfilingAllocator`](crate::ProfilingAllocator) |
//!
//! `debug=1` answers as text. `seconds=N` on all but `profile` answers with what changed in that time. `gc=1` is accepted where Go
//! has it and does nothing: a Rust heap has no garbage, so a profile is always of what is live.
//!
//! A service that is killed answers nothing any more. [`KeptProfiles`] writes profiles to disk while it lives.
//!
//! The CPU profile is sampled a hundred times a second by the crate `pprof`. It counts stacks of the same functions as one, so a
//! line is that of their first sample; and what runs within libc isn't seen, since a signal there could wait for itself.
//!
//! # Figures since the last scrape
//!
//! `heap_live_peak_bytes` is a high-water mark: see [`high_water_bytes`](crate::allocator::high_water_bytes). Each scrape hears of the two minutes
//! before it at least, and of all since the scrape before where that is longer ago; so several may scrape, and none takes a peak from another.
//!
//! `process_memory_headroom_bytes` is what is left below `process_memory_limit_bytes`, and `of` says whose limit that is: `group` for a
//! control group of either version, the process' own or one above it, or `machine`. What the kernel drops before it kills isn't in the
//! way: lazily freed memory, and page cache that wasn't used lately. What can't be read has no series.
//!
//! # For whom
//!
//! What is under a [`Label`](crate::allocator::Label) has series of its own, with that label. Each allocation is in one of them at most.
//!
//! | series | tells | |
//! |---|---|---|
//! | `heap_labelled_allocated_bytes_total`, `_blocks_total` | what was allocated under these labels | exact |
//! | `heap_labelled_live_bytes`, `_blocks` | what of that is live, by whomever the rest was freed | estimated from samples |
//! | `heap_labels_lost_total` | how often a label found no room, and is under the value `other` | exact |
//!
//! In an axum service, for each route:
//!
//! ```
//! use axum::extract::Request;
//! use axum::middleware::{Next, from_fn};
//! use axum::routing::get;
//! use detectors::allocator::Label;
//!
//! let by = |route: &'static str| {
//!     from_fn(move |request: Request, next: Next| Label::new("route", route).around(next.run(request)))
//! };
//! let service: axum::Router = axum::Router::new()
//!     .route("/apex", get(async || "names").layer(by("/apex")))
//!     .route("/search", get(async || "hits").layer(by("/search")));
//! ```
//!
//! Samples of the heap profile carry the labels too. Prometheus gives each series `job` and `instance`, so those two make poor keys.
//!
//! # Who holds it
//!
//! `POST /holders?seconds=30` notes each block that is allocated in that time, exactly. Then it makes a copy of the process by `fork`, which has
//! its memory as of one instant, and reads that memory for pointers to what is live: see [`HeldBy`](crate::HeldBy). `debug=1` answers as
//! text, otherwise as JSON, which `Triage::who_holds` reads.
//!
//! | | |
//! |---|---|
//! | the service pauses | while the kernel makes the copy, and whoever asks for memory then: 3 to 12 ms at 100 MB resident and 28 to 40 at 1 GB, on two cores; the answer says how long it was |
//! | the copy has | no descriptor of the service's, so it holds no port open; no thread but one |
//! | while the copy lives | each page that the service writes to is copied first. So it isn't made where less than a quarter of resident memory is left below the limit, and is ended when a tenth of the limit is left |
//! | from then on | each allocation is noted, which costs some instructions more, until the process ends |
//! | a thread that never waited | its stack isn't known, so what it alone holds is held from *elsewhere*, and no class is told by that |
//! | a holder that is older than the question | is known where the allocator is glibc's, which marks where each block lies. Nobody knows who made it: a hash table is known by the counts beside its pointer, a list by the length there, up to which its new elements lie, and a deque that is read by where it begins; of anything else no class is told |
//!
//! # Who may ask
//!
//! A profile names your code's functions, labels say what your service puts into them, and each answer costs time. So a [`Listener`]
//! is bound to loopback. Bound to anything wider it needs a [`Token`], and refuses to start without one. Without a token every process of
//! this machine may ask, whoever runs it, and a web page in a browser of this machine may try:
//!
//! | a page | is refused, since |
//! |---|---|
//! | asks by its own name, which it has made point here (DNS rebinding) | `Host` is neither `localhost` nor an address of loopback |
//! | asks from another origin: an image, a script, a form, a link that is followed | `Sec-Fetch-Site` is neither `none` nor `same-origin` |
//! | asks to change something from another origin, in a browser that sends no `Sec-Fetch-Site` | there is an `Origin` |
//!
//! One thing remains. A browser that sends no `Sec-Fetch-Site` looks like `curl` when a page asks it for an image. Then the page
//! can have a profile taken, and keep one of the connections for as long as that lasts. It can't read the answer: no header
//! here lets a browser hand it over. A person can be led to type an address as well, and that is answered.
//!
//! With a token the name doesn't matter. A browser that was given the token as a password sends it for any page that asks, so
//! that is looked at in the same way; a bearer token is enough by itself.
//!
//! # What it costs
//!
//! Nothing runs here until somebody asks. What reads the kernel's figures, or looks up names, has two threads of its own,
//! `debug-figures` and `debug-profiles`, so that it holds none of those that answer the service's requests. `/metrics` has the
//! kernel add up the pages of all mappings: the more memory, the longer it takes.

mod answers;
mod headroom;
#[cfg(target_os = "linux")]
mod holders;
#[cfg(not(target_os = "linux"))]
#[path = "holders_unread.rs"]
mod holders;
mod kept;
mod listener;
mod metrics;
mod off_the_runtime;
mod profiles;
mod sampling;
#[cfg(finds_stuck_tasks)]
mod stuck;
#[cfg(not(finds_stuck_tasks))]
#[path = "stuck_unread.rs"]
mod stuck;
mod tables;
mod token;

pub use kept::{KeepError, Keeping, KeptProfiles};
pub use listener::{ListenError, Listener};
pub use token::{Token, TokenError};

use axum::Router;
use axum::routing::{get, post};

/// The endpoints without any check of who asks. [`Listener`] adds that; mount this yourself only behind a check of your own.
pub fn router() -> Router {
    Router::new()
        .route("/debug/pprof", get(profiles::to_index))
        .route("/debug/pprof/", get(profiles::index))
        .route("/debug/pprof/heap", get(profiles::heap))
        .route("/debug/pprof/allocs", get(profiles::allocs))
        .route("/debug/pprof/tasks", get(profiles::tasks))
        .route("/debug/pprof/goroutine", get(profiles::tasks))
        .route("/debug/pprof/taskleak", get(stuck::task_leak))
        .route("/debug/pprof/goroutineleak", get(stuck::task_leak))
        .route("/debug/pprof/threadcreate", get(profiles::threads))
        .route("/debug/pprof/descriptors", get(profiles::descriptors))
        .route("/debug/pprof/sockets", get(profiles::sockets))
        .route("/debug/pprof/block", get(profiles::block))
        .route("/debug/pprof/mutex", get(profiles::mutex))
        .route("/debug/pprof/profile", get(profiles::cpu))
        .route("/holders", post(holders::holders))
        .route("/metrics", get(metrics::metrics))
        .route("/freememory", post(metrics::free_memory))
        .route("/tables", get(tables::tables))
        .route("/sampling", get(sampling::tell).post(sampling::change))
        .fallback(answers::not_found)
        .method_not_allowed_fallback(answers::not_allowed)
}
