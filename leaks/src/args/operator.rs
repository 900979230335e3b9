//! The operator's commands: what a machine without this workbook needs as well.

use crate::operator::autopsy::AutopsyArgs;
use crate::operator::load::LoadArgs;
use crate::operator::profile::{DiffArgs, FlamegraphArgs, GraphArgs, ListSourceArgs, TopArgs};
use crate::operator::triage::TriageArgs;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Operator {
    /// Show a profile's functions, the largest first
    ///
    /// Use it as the first question to any heap profile, ours or another program's: who allocated what is live?
    #[command(
        after_help = "Examples:\n  leaks top target/leaks/retained-subslices/heap.pb.gz --limit 10\n  leaks top heap.pb.gz --cum                       from `main` down: which part holds it?\n  leaks top heap.pb.gz --focus refresh             only what was allocated below these functions\n  leaks top heap.pb.gz --peek 'Bytes.*clone'       who calls it, and how much by each\n  leaks top heap.pb.gz --labels                    for which route, which tenant?\n  leaks top heap.pb.gz --label tenant=acme         only what was allocated for that one"
    )]
    Top(TopArgs),

    /// Show the source of functions, each line with what it allocated
    ///
    /// Use it when `top` has named a function: which of its lines is it?
    #[command(
        after_help = "Example: leaks list-source target/leaks/retained-subslices/heap.pb.gz leaky"
    )]
    ListSource(ListSourceArgs),

    /// Show what a profile has more, or less, than another
    ///
    /// Use it on two profiles of one process: what is old cancels out, what grew is left.
    #[command(after_help = "Example: leaks diff later.pb.gz --base earlier.pb.gz")]
    Diff(DiffArgs),

    /// Draw a profile as a flame graph
    ///
    /// Use it to see a whole profile at once: each frame is as wide as its share.
    #[command(
        after_help = "Example: leaks flamegraph target/leaks/retained-subslices/heap.pb.gz --out flames.svg"
    )]
    Flamegraph(FlamegraphArgs),

    /// Draw a profile as a graph of calls
    ///
    /// Use it where a function is called from many places: it is one box here, with an arrow for each caller, and many frames in a
    /// flame graph. A box is the larger the more its function allocated itself, and redder the more it and what it called did.
    /// Pictures are made by graphviz, which has to be installed.
    #[command(
        after_help = "Examples:\n  leaks graph target/leaks/retained-subslices/heap.pb.gz --out graph.svg\n  leaks graph later.pb.gz --base earlier.pb.gz --out growth.png    green is what shrank\n  leaks graph heap.pb.gz --focus refresh --out - | dot -Tx11"
    )]
    Graph(GraphArgs),

    /// Put load on a service, and see what it answers and how fast
    ///
    /// Use it to make a service's memory move: load it, let it rest, load it again. Without --rate each client asks again when it
    /// is answered, so a slow service gets fewer requests (a closed loop). With --rate requests are due by the clock, and
    /// latency counts from when each was due (an open loop): that is what users feel who don't wait for each other.
    ///
    /// A load is always bounded in time and in requests, and reaches this machine alone unless forced. Ctrl-C ends it with the
    /// report so far, and status 130. Status 2 when no request could be sent.
    #[command(
        after_help = "Examples:\n  leaks load\n  leaks load --pattern 10s/5s/10s --at-once 64\n  leaks load --rate 200 --for 30s --url http://127.0.0.1:8080/apex/large-07.example"
    )]
    #[command(display_order = 100)]
    Load(LoadArgs),

    /// Tell which of the verdicts it is, for any process that runs
    ///
    /// Use it first, when a memory graph climbs: is it a leak, pressure, or retention? It looks from outside, at a process of this
    /// machine in any language, and changes nothing in it. Of a service with a debug port it also names the line.
    #[command(
        after_help = "Examples:\n  leaks triage --pid 4711\n  leaks triage --pid 4711 --for 2m --expect steady\n  leaks triage --container-of 4711\n  leaks triage --cgroup /sys/fs/cgroup/system.slice/a.service\n  leaks triage --url http://127.0.0.1:6060\n  leaks triage --url http://127.0.0.1:6060 --load 40 --load-url http://127.0.0.1:8080/apex/customer-0042.example\n  sudo leaks triage --pid 4711 --squeeze"
    )]
    #[command(display_order = 100)]
    Triage(TriageArgs),

    /// Tell what a service left that was killed: what grew, when and how fast
    ///
    /// Use it after a kill for want of memory, when nothing is left to ask. It reads the heap profiles that the service kept on disk,
    /// from the first to the last: `leaks serve --keep-profiles DIR` keeps them, and `detectors::debug::KeptProfiles` does in your own
    /// service. Files that are no such profiles are skipped, and named.
    #[command(
        after_help = "Examples:\n  leaks autopsy target/kept\n  leaks autopsy target/kept --process 4711\n  leaks autopsy target/kept --format json"
    )]
    #[command(display_order = 101)]
    Autopsy(AutopsyArgs),
}
