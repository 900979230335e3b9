//! Finds memory growth in Rust services, says what grows and where, and turns that into tests.
//!
//! ```text
//! outside     a process that runs: triage, the debug port                       |
//! verdicts    what a run comes to: watched, judged, told, asserted              |  harness
//! readings    what can be read now: heap, tasks, open, resident, waits, holders |  a process of
//! allocator   the allocator that knows: scopes, sites, samples                  |  its own for
//! profile     heap profiles: made, read, shown                                  |  each test
//! model       the words and values that all share                               |
//! ```
//!
//! Six floors, a folder each, and the harness beside them. A floor imports from those below it, and never through this file.
//!
//! Two halves. *Find*: a [`Watch`] runs a workload and returns [`Evidence`] with one [`Verdict`]; it never fails by
//! itself. *Assert*: [`Evidence::assert_steady`] and its sisters fail a test, with a text that ends with the next command
//! to run.
//!
//! # In a service's tests
//!
//! Ten lines. In `Cargo.toml`:
//!
//! ```toml
//! [dev-dependencies]
//! detectors = { path = "../detectors" }
//!
//! [[test]]
//! name = "memory"
//! harness = false
//! ```
//!
//! In `tests/memory.rs`:
//!
//! ```no_run
//! detectors::memory_tests! {
//!     fn names_are_steady() {
//!         detectors::Watch::new("names").run(|| || "a".repeat(100).len()).assert_steady();
//!     }
//! }
//! ```
//!
//! [`memory_tests!`] makes a [`ProfilingAllocator`] the file's global allocator; where the file names its own, [`tests!`] does
//! the rest. A watch reads whichever of the two instruments that allocator is:
//!
//! | the file's allocator | a watch reads | sees |
//! |---|---|---|
//! | [`ProfilingAllocator`], around any other | exact scopes, sites at any moment | the whole process in [`tests!`]; in a plain `#[test]` its own thread and what that one spawns |
//! | [`DhatAllocator`] | dhat, the independent witness: twenty times slower, sites at the end | always the whole process |
//!
//! # What a watch counts
//!
//! | kind | counted by | named by |
//! |---|---|---|
//! | live blocks and bytes | the heap source above | allocation site; with a `ProfilingAllocator` also by who holds them ([`HeldBy`]) |
//! | tasks of the workload's runtime | tokio | spawn site, where built with `--cfg tokio_unstable` ([`tasks`]) |
//! | sockets, descriptors, threads of the process | the kernel, on Linux ([`process`]) | peer and state; folder; name, and who started it |
//! | memory that no Rust allocator sees, of the process | glibc's own count of its heap, less Rust's live blocks; the kernel's list of mappings, on Linux | its mechanism: C's malloc, mappings by kind |
//! | resident memory that was freed and stays | the kernel, and the allocator asked for it back | what keeps it ([`memory::Retention`]) |
//!
//! What can't be read is listed in [`Evidence::not_read`], and is never taken for fine. What grows decides the class, by its
//! *combination*: see the book's page `which-leak`. A [`Peak`] finds what piles up within one call and is gone at its end. What became of
//! a client's responses, held, dropped or read, is for [`bodies`] to tell.
//!
//! Which verdict it is for a process that runs, in any language, is for [`triage`] to tell from outside. Who waits for whom is for
//! [`contention`]. Where resident memory goes, each byte of it, is for [`memory`]; and what a running service tells of itself, on a port of
//! its own, is the feature `debug`.
//!
//! Plain `#[test]` functions under a `ProfilingAllocator` run in parallel and stay exact, as far as [`Scope`] can see. What it
//! can't see needs the process of its own that [`tests!`] gives.
//!
//! # Features
//!
//! | feature | on by default | brings | other libraries that it compiles |
//! |---|---|---|---|
//! | none | always | [`ProfilingAllocator`], [`Scope`], profiles, [`Watch`] and [`Peak`] of plain calls, [`memory`], [`process`], [`contention`] | 30 |
//! | `harness` | yes | [`tests!`], [`memory_tests!`], [`test_modules!`]: tests in a process of their own | 19 more |
//! | `dhat` | yes | [`DhatAllocator`], and watches that read it; a profile that dhat wrote is read without | 14 more |
//! | `tokio` | yes | [`Watch::run_async`], [`tasks`]; tokio from 1.41 on; a lock file with an older one needs `cargo update -p tokio --precise 1.41.1` | 2 more, tokio among them |
//! | `taskdump` | no | [`tasks::await_stacks`]: where a task waits, in a build with `--cfg tokio_unstable` on Linux on x86-64 and aarch64; tokio from 1.48 on | none more |
//! | `foreign` | no | `foreign_memory!`: what C code asks for, by line, in a test on 64-bit Linux with glibc | none more |
//! | `debug` | no | [`debug`]: what a running service tells of itself, on a port of its own | 64 more |
//! | `triage` | no | [`triage`]: which verdict it is for a process that runs, and for one that was killed | none more |
//!
//! A service that runs takes the allocator alone, and its tests take the rest:
//!
//! ```toml
//! [dependencies]
//! detectors = { version = "0.1", default-features = false }
//!
//! [dev-dependencies]
//! detectors = "0.1"
//! ```
//!
//! Together they are 61 on x86-64 Linux by default and 116 with everything; `cargo tree` counts them.
//!
//! # Where it works
//!
//! | system | the library compiles | stacks by frame pointer | heap, tasks, waits | sockets, descriptors, threads, resident memory, triage |
//! |---|---|---|---|---|
//! | Linux on x86-64, glibc from 2.28 | and every test is run there, on glibc 2.36 | yes | yes | yes |
//! | Linux on x86-64, musl | checked | yes | yes, but [`memory::give_back`] and [`memory::Retention`] can't ask musl's allocator | expected, and not run |
//! | Linux on aarch64 | checked | yes | expected, and not run | expected, and not run |
//! | Linux on 32-bit x86 | checked | no: by unwinder | expected, and not run | expected, and not run |
//! | macOS on aarch64 | checked | yes | expected, and not run | *not read*, said so |
//! | Windows on x86-64 | checked | no: by unwinder | expected, and not run | *not read*, said so |
//! | others | unknown | no: by unwinder | unknown | *not read*, said so |
//!
//! *Checked* means that the compiler accepts it there without a warning, which is done before a release. On glibc before 2.33, which
//! counts its own memory modulo 4 GiB, a larger process needs a [`ProfilingAllocator`] to tell what keeps freed memory resident. On
//! x86-64 Linux the allocator's fast path is in assembly; elsewhere it is the same in Rust, which takes some instructions more.
//!
//! Rust from 1.93 on: a thread-local with a destructor may stand inside a global allocator since then.
//!
//! # Which line a build tells
//!
//! A finding names the line that allocates. Whether a program has its lines is decided by how it was built, and what a build can't tell
//! is said: beside the site, in [`Instrument::lacks`], and in a profile's comments, which `go tool pprof` shows.
//!
//! | in the Cargo profile | a site is | whose code it is is told by |
//! |---|---|---|
//! | `debug = "full"` (a dev build's default), `"limited"` | function, file and line | the file's path, and the folder that it was compiled in |
//! | `debug = "line-tables-only"` | the same; a function that was inlined stands without its type (`shop::cart::add`, not `shop::cart::Cart::add`) | the same |
//! | `debug = "none"` (a release's default), `strip = "debuginfo"` | a function without file and line; what was inlined stands under its caller | the function's crate: `Cargo.lock` and the paths in the manifest tell what isn't the workspace's, where cargo runs the program. Elsewhere the innermost function is named, whosever it is |
//! | `strip = true`, `"symbols"` | a place in the program's file, `shop+0x1b96a`, the same in every run. `addr2line -Cfie COPY 0x1b96a` tells its line, from a copy of the same build that isn't stripped | nothing |
//! | `split-debuginfo = "packed"`, `"unpacked"` | function, file and line, as long as `shop.dwp`, or the object files, lie where the build left them | the file's path, and the manifest above that file |
//! | `lto = "fat"`, `"thin"`; frame pointers or none; `edition` 2021 or 2024; names mangled either way; compressed sections | no difference | no difference |
//!
//! `CARGO_PROFILE_DEV_DEBUG=line-tables-only cargo test`, and `CARGO_PROFILE_RELEASE_DEBUG` for a release, ask for lines without a
//! change of the manifest. Workspace members are the program's own code; packages from a registry, by git, vendored, or by a path that
//! leads out of the workspace are not. Each row is built and asserted on Linux, where a program's file is read.
//!
//! # Where it can mislead you
//!
//! - dhat counts every thread of the process. [`tests!`] gives each test a process of its own; a plain `#[test]` shares
//!   one with the harness and its neighbours.
//! - A [`Scope`] doesn't count what a thread does that was there before: a static pool, a runtime that tests share. Work that is
//!   handed to one leaks unseen, unless the task is followed ([`allocator::ScopeHandle::follow`]).
//! - A cache that is still filling at the end of the windows looks like a leak, since it grows in each of them. Give it a
//!   longer [`Watch::warm_up`], or let the iteration say its bound with [`Kept::of_at_most`].
//! - Growth that comes in steps of many iterations, as an arena's or an interner's does, is told by what becomes resident between two
//!   steps: at a kilobyte an iteration or more, in a process of its own, and on Linux. Pages that an earlier test gave back are
//!   resident already, and hide it. Until a step comes, what fills is within a block that was there, and is no leak.
//! - A leak that strikes in fewer than one iteration of twenty may be missed. [`Evidence::smallest_leak`] says what this
//!   very run could have caught.
//! - Memory that no Rust allocator sees is told by its mechanism and rate; its line needs the feature `foreign`. Small blocks that C's allocator keeps
//!   for a thread count as in use: a leak in C below some bytes an iteration isn't told from them. musl doesn't tell what is on its
//!   heap, which is said. On an allocator other than the C library's, mappings without a file may be Rust's, and aren't judged.
//! - A release build removes allocations that nothing reads. Pass what you build to [`std::hint::black_box`].
//! - State in statics outlives a pass: the first watch of a process sees it fill, a second one finds it full. What is older than a
//!   watch isn't counted when it goes, so new entries of a full cache look like growth. A `ProfilingAllocator` in [`tests!`] sees
//!   that older bytes go, and is `inconclusive`; dhat can't, and accuses. Begin with an empty state.
#![warn(missing_docs)]

pub mod allocator;
#[cfg(test)]
mod floors;
#[cfg(feature = "harness")]
#[doc(hidden)]
#[allow(missing_docs, reason = "what `tests!` expands to; nothing to call")]
pub mod harness;
mod model;
#[cfg(any(feature = "debug", feature = "triage"))]
mod outside;
pub mod profile;
mod readings;
#[cfg(test)]
mod sendable;
mod verdicts;
#[cfg(not(feature = "harness"))]
mod without_harness;

pub use allocator::{ProfilingAllocator, Scope};
#[cfg(feature = "dhat")]
pub use dhat::Alloc as DhatAllocator;
pub use model::class::{Class, UnknownClass};
pub use model::complaint::Complaint;
pub use model::finding::{Finding, Instrument, SiteOutlook, SmallestLeak};
pub use model::kind::{Counts, Kind, NotRead};
pub use model::place::{Frame, Origin, Site};
pub use model::reading::ReadError;
pub use model::verdict::{UnknownVerdict, Verdict};
pub use model::workload::{Kept, Workload};
#[cfg(feature = "debug")]
pub use outside::debug;
#[cfg(feature = "triage")]
pub use outside::triage;
pub use profile::Profile;
pub use readings::holders::{HeldBy, Holders, Owner, Root};
pub use readings::spawn_site::SpawnSite;
#[cfg(feature = "tokio")]
pub use readings::tasks;
pub use readings::{contention, heap, memory, process};
pub use verdicts::accepted::Accepted;
pub use verdicts::bodies;
pub use verdicts::evidence::{Evidence, Reading, Sample};
pub use verdicts::peak::{Items, Peak, PeakEvidence, PeakReading};
pub use verdicts::watch::{Progress, Stage, Watch};
