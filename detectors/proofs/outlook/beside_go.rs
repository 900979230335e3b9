//! Twenty programs in Go and in Rust: what Go's profile of goroutines that can't go on says of the one, and this library of the other.
//!
//! Go's answers are those of its rules (golang/go#74609): a goroutine that waits for a channel, a lock or a condition is reported when
//! nothing that runs, sleeps or waits for the system leads to what it waits for. Where the Go that is installed has the profile, it is asked
//! itself: 1.26 with `GOEXPERIMENT=goroutineleakprofile`, and 1.27. An older one checks that the programs are Go.

use super::cases::{Case, HOUR, each, found_stuck, none_runs, one, ring};
use super::world;
use detectors::Scope;
use detectors::heap::Detail;
use std::fmt::Write as _;
use std::future::pending;
use std::process::Command;
use std::sync::{Arc, Mutex};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot, watch};

detectors::tests! {
    fn the_same_programs_have_the_same_answers() { ours(); }
    fn gos_own_profile_says_so() { gos(); }
}

/// What becomes of the tasks, or goroutines, of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    Stuck,
    CanWake,
    /// They end.
    Ends,
}
use Is::{CanWake, Ends, Stuck};

struct Both {
    name: &'static str,
    /// The body of a function; `keep` holds what `main` has.
    go: &'static str,
    gos: Is,
    rust: Case,
    ours: Is,
}

const fn both(name: &'static str, gos: Is, go: &'static str, ours: Is, rust: Case) -> Both {
    Both {
        name,
        go,
        gos,
        rust,
        ours,
    }
}

static GLOBAL: Mutex<Vec<oneshot::Sender<()>>> = Mutex::new(Vec::new());

/// Where the answers differ, the languages do: in Rust a channel ends with its last sender, or with its receiver.
const PROGRAMS: [Both; 20] = [
    both(
        "receives, and has the only sender itself",
        Stuck,
        "ch := make(chan int); go func() { <-ch }()",
        Stuck,
        |_| {
            let (sender, receiver) = oneshot::channel::<()>();
            one(async move {
                let _ = receiver.await;
                drop(sender);
            })
        },
    ),
    both(
        "sends, and has the only receiver itself",
        Stuck,
        "ch := make(chan int); go func() { ch <- 1 }()",
        Stuck,
        |_| {
            let (sender, receiver) = mpsc::channel::<u8>(1);
            one(async move {
                let _ = sender.send(1).await;
                let _ = sender.send(2).await;
                drop(receiver);
            })
        },
    ),
    both(
        "chooses among nothing",
        Stuck,
        "go func() { select {} }()",
        Stuck,
        |_| one(pending()),
    ),
    both(
        "waits for what isn't there",
        Stuck,
        "var ch chan int; go func() { <-ch }()",
        Stuck,
        |_| {
            one(async {
                match None::<oneshot::Receiver<()>> {
                    Some(receiver) => drop(receiver.await),
                    None => pending().await,
                }
            })
        },
    ),
    both(
        "locks what it has locked",
        Stuck,
        "m := new(sync.Mutex); go func() { m.Lock(); m.Lock() }()",
        Stuck,
        |_| {
            let lock = Arc::new(tokio::sync::Mutex::new(()));
            one(async move {
                let _held = lock.lock().await;
                let _again = lock.lock().await;
            })
        },
    ),
    both(
        "waits for a count that nobody else knows",
        Stuck,
        "wg := new(sync.WaitGroup); wg.Add(1); go func() { wg.Wait() }()",
        Stuck,
        |_| {
            let semaphore = Arc::new(Semaphore::new(0));
            one(async move { drop(semaphore.acquire().await) })
        },
    ),
    both(
        "waits for a notice that nobody else can give",
        Stuck,
        "c := sync.NewCond(new(sync.Mutex)); go func() { c.L.Lock(); c.Wait() }()",
        Stuck,
        |_| {
            let notify = Arc::new(Notify::new());
            one(async move { notify.notified().await })
        },
    ),
    both(
        "two that wait for each other",
        Stuck,
        "a, b := make(chan int), make(chan int); go func() { <-a; b <- 1 }(); go func() { <-b; a <- 1 }()",
        Stuck,
        |_| ring(2),
    ),
    both(
        "a ring of ten",
        Stuck,
        "var ring [10]chan int; for at := range ring { ring[at] = make(chan int) }; for at := range ring { mine, next := ring[at], ring[(at+1)%10]; go func() { <-mine; next <- 1 }() }",
        Stuck,
        |_| ring(10),
    ),
    both(
        "waits for the end of one that is stuck",
        Stuck,
        "done := make(chan int); go func() { defer close(done); select {} }(); go func() { <-done }()",
        Stuck,
        |_| {
            let stuck = tokio::spawn(pending::<()>());
            one(async move { drop(stuck.await) })
        },
    ),
    both(
        "watches what is never changed",
        Stuck,
        "go func() { <-context.Background().Done() }()",
        Stuck,
        |_| {
            let (sender, mut receiver) = watch::channel(0);
            one(async move {
                let _ = receiver.changed().await;
                drop(sender);
            })
        },
    ),
    both(
        "a global has what it waits for",
        CanWake,
        "ch := make(chan int); global = ch; go func() { <-ch }()",
        CanWake,
        |_| {
            let (sender, receiver) = oneshot::channel::<()>();
            GLOBAL.lock().expect("not poisoned").push(sender);
            one(async move { drop(receiver.await) })
        },
    ),
    both(
        "who started it has what it waits for",
        CanWake,
        "ch := make(chan int); *keep = append(*keep, ch); go func() { <-ch }()",
        CanWake,
        |kept| {
            let (sender, receiver) = oneshot::channel::<()>();
            kept.push(Box::new(sender));
            one(async move { drop(receiver.await) })
        },
    ),
    both(
        "a timer",
        CanWake,
        "go func() { <-time.After(time.Hour) }()",
        CanWake,
        |_| one(tokio::time::sleep(HOUR)),
    ),
    both(
        "a socket",
        CanWake,
        "l, err := net.Listen(`tcp`, `127.0.0.1:0`); if err != nil { panic(err) }; go func() { l.Accept() }()",
        CanWake,
        |_| {
            one(async {
                let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await;
                let _ = socket.expect("a port").accept().await;
            })
        },
    ),
    both(
        "one that sleeps has what it waits for",
        CanWake,
        "ch := make(chan int); go func() { time.Sleep(time.Hour); ch <- 1 }(); go func() { <-ch }()",
        CanWake,
        |_| {
            let (sender, receiver) = oneshot::channel::<()>();
            tokio::spawn(async move {
                tokio::time::sleep(HOUR).await;
                let _ = sender.send(());
            });
            one(async move { drop(receiver.await) })
        },
    ),
    both(
        "chooses between nothing and a timer",
        CanWake,
        "var ch chan int; go func() { select { case <-ch: case <-time.After(time.Hour): } }()",
        CanWake,
        |_| {
            one(async {
                tokio::select! { () = pending() => (), () = tokio::time::sleep(HOUR) => () }
            })
        },
    ),
    both(
        "one that waits for the system has what it waits for",
        CanWake,
        "ch := make(chan int); r, w, err := os.Pipe(); if err != nil { panic(err) }; *keep = append(*keep, w); go func() { r.Read(make([]byte, 1)); ch <- 1 }(); go func() { <-ch }()",
        CanWake,
        |kept| {
            let (ends, end) = std::sync::mpsc::channel::<()>();
            kept.push(Box::new(ends));
            one(async move {
                let _ = tokio::task::spawn_blocking(move || end.recv().is_ok()).await;
            })
        },
    ),
    both(
        "sends to one that has given up",
        Stuck,
        "ch := make(chan int); go func() { ch <- 1; ch <- 2 }(); <-ch",
        Ends,
        |_| {
            let (sender, mut receiver) = mpsc::channel::<u8>(1);
            tokio::spawn(async move { receiver.recv().await });
            one(async move { while sender.send(1).await.is_ok() {} })
        },
    ),
    both(
        "receives until a channel ends that nobody closes",
        Stuck,
        "ch := make(chan int); go func() { for range ch { } }(); ch <- 1",
        Ends,
        |_| {
            let (sender, mut receiver) = mpsc::channel::<u8>(1);
            tokio::spawn(async move { sender.send(1).await });
            one(async move { while receiver.recv().await.is_some() {} })
        },
    ),
];

fn that_are(is: Is) -> Vec<(&'static str, Case)> {
    let programs = PROGRAMS.iter().filter(|both| both.ours == is);
    programs.map(|both| (both.name, both.rust)).collect()
}

fn ours() {
    for both in &PROGRAMS {
        let Both {
            name, gos, ours, ..
        } = both;
        println!("{name:<55} Go: {gos:?}, here: {ours:?}");
    }
    let notes = Scope::of_process(Detail::Counts).expect("the allocator is ours");
    let found = found_stuck(&that_are(Stuck));
    for (name, _) in that_are(Stuck) {
        assert!(found.contains(name), "{name}: {found:?}");
    }
    each(
        &that_are(CanWake),
        none_runs,
        |name, flavour, outlooks, ids| {
            let mut ids = ids.iter();
            let is_stuck = ids.any(|id| world::of(outlooks, *id).is_stuck());
            assert!(!is_stuck, "{name}, {flavour:?}: {outlooks:?}");
        },
    );
    drop(notes);
    for flavour in world::FLAVOURS {
        let runtime = flavour.runtime();
        for (name, case) in that_are(Ends) {
            runtime.block_on(async {
                for task in case(&mut Vec::new()) {
                    let ended = tokio::time::timeout(world::DEADLINE, task).await;
                    assert!(ended.is_ok(), "{name}, {flavour:?}");
                }
            });
        }
    }
}

/// A Go program that starts all of them, and prints the profile; where its Go has none, nothing.
fn in_go() -> String {
    let mut program = String::from(
        "package main\n\nimport (\n\t\"context\"\n\t\"net\"\n\t\"os\"\n\t\"runtime\"\n\t\"runtime/pprof\"\n\t\"sync\"\n\t\"time\"\n)\n\n\
         var global any\nvar _ = context.Background\nvar _ sync.Mutex\nvar _ net.Listener\n",
    );
    let mut starts = String::new();
    for (at, both) in PROGRAMS.iter().enumerate() {
        let Both { name, go, .. } = both;
        let _ = write!(
            program,
            "\n// {name}\n//\n//go:noinline\nfunc program{at}(keep *[]any) {{\n{go}\n}}\n"
        );
        let _ = writeln!(starts, "program{at}(&keep)");
    }
    let _ = write!(
        program,
        "\nfunc main() {{\nkeep := []any{{}}\n{starts}time.Sleep(time.Second)\nif leaks := pprof.Lookup(\"goroutineleak\"); leaks != nil \
         {{\nleaks.WriteTo(os.Stdout, 1)\n}}\nruntime.KeepAlive(keep)\n}}\n"
    );
    program
}

fn gos() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("main.go");
    std::fs::write(&file, in_go()).expect("a file");
    let go = |verb: &str, experiment: &str| {
        let mut go = Command::new("go");
        go.arg(verb).arg(&file).env("GOEXPERIMENT", experiment);
        go.env("GOTOOLCHAIN", "local").output()
    };
    let Ok(vetted) = go("vet", "") else {
        return eprintln!("not run: Go isn't installed");
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(vetted.status.success(), "{}", text(&vetted.stderr));
    let mut told = go("run", "").expect("it was there a moment ago");
    assert!(told.status.success(), "{}", text(&told.stderr));
    if told.stdout.is_empty() {
        told = go("run", "goroutineleakprofile").expect("as above");
    }
    let printed = text(&told.stdout);
    if printed.is_empty() {
        return eprintln!("not run: this Go has no profile of goroutines that can't go on");
    }
    for (at, both) in PROGRAMS.iter().enumerate() {
        let is_reported = printed.contains(&format!("main.program{at}.func"));
        assert_eq!(is_reported, both.gos == Stuck, "{}: {printed}", both.name);
    }
    println!("asked: Go says so of all {}", PROGRAMS.len());
}
