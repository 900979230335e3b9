//! The story's commands, and what takes the operator's to other machines.

use crate::incident::IncidentArgs;
use crate::portable::PortableArgs;
use clap::Subcommand;
use domain_service::serve::{ClusterArgs, ServeArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum Story {
    /// Run the service of the story, with a debug port that `go tool pprof` can ask
    ///
    /// Use it to look at a live service: give it load, let it leak, and fetch its profiles. It answers which hosts a
    /// customer's domain has, by asking a search cluster that is built in.
    #[command(
        after_help = "Examples:\n  leaks serve\n  leaks serve --leak global-caches --leak orphaned-tasks\n  curl http://127.0.0.1:8080/apex/large-07.example\n  go tool pprof -top http://127.0.0.1:6060/debug/pprof/heap\n  curl http://127.0.0.1:6060/metrics\n  leaks serve --leak global-caches --memory-limit 300MB\n  leaks serve --leak global-caches --keep-profiles target/kept --keep-every 10s"
    )]
    Serve(Box<ServeArgs>),

    /// Run the service's search cluster alone, in a process of its own
    ///
    /// Use it where the service's memory is to be the service's: `leaks serve` has the cluster in its own process otherwise. Kill
    /// it, to see what the service does without.
    #[command(
        after_help = "Example: leaks cluster --port 9200, then leaks serve --search-url http://127.0.0.1:9200"
    )]
    Cluster(ClusterArgs),

    /// Run the incident that this workbook grew from: 400 MB resident, 7 MB in the heap profile
    ///
    /// Use it to see a whole hunt, from the graph to the cause. Fifteen steps by real processes on this machine, in some five
    /// minutes; a gigabyte of memory should be free. Each step has its question, its command, what came, and what follows. The
    /// first time, jemalloc is built, which takes two minutes more. Without the capability `CAP_SYS_NICE` the kernel forbids
    /// one look, the squeeze, which is left out then. Linux only. Status 1 when a step saw something else than the story says.
    #[command(
        after_help = "Examples:\n  leaks incident\n  leaks incident --short    half the size, the same relations"
    )]
    Incident(IncidentArgs),

    /// Build this command as one file for a machine or a container that has neither Rust nor this workbook
    ///
    /// Use it where the service runs that climbs. The file has triage, load, autopsy and all that reads profiles. It is linked
    /// statically, to musl, so it runs in a container that is empty but for it. It is built by cargo, which takes two or three minutes the
    /// first time; Rust's library for musl is installed by rustup where it is missing, and no C compiler is needed. The answer says how
    /// to bring the file into a container.
    #[command(
        after_help = "Examples:\n  leaks portable\n  leaks portable --arch aarch64 --out leaks-for-arm"
    )]
    #[command(display_order = 102)]
    Portable(PortableArgs),
}
