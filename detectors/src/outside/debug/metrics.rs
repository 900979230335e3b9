//! Figures for Prometheus, and the request to give memory back.

use super::answers::{self, Refusal};
use super::headroom::{self, Room};
use super::off_the_runtime::FIGURES;
use super::stuck;
use crate::allocator::{self, Labelled};
use crate::model::kind::Kind;
use crate::model::words::grouped;
use crate::readings::kernel::{self, Rollup, Whose};
use crate::readings::process::{self, Target};
use crate::readings::{memory, tasks};
use axum::response::Response;
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use tokio::runtime::Handle;

pub(super) async fn metrics() -> Result<Response, Refusal> {
    let runtime = Handle::current();
    FIGURES
        .does(move || Ok(answers::text(exposition(&runtime))))
        .await
}

/// In Prometheus' text format, version 0.0.4. What can't be read is left out, and never zero.
fn exposition(runtime: &Handle) -> String {
    // Before anything here allocates.
    let rollup = kernel::rollup(Whose::Own);
    let beside = kernel::status_of(Whose::Own, ["RssShmem:", "VmHWM:"]);
    let room = headroom::now();
    let mut text = Exposition::default();
    if let Ok(rollup) = rollup {
        let [shared, highest] = beside.unwrap_or_default();
        text.resident(&rollup, shared, highest);
    }
    if let Some(room) = room {
        text.headroom(room);
    }
    if allocator::is_in_use() {
        let stats = allocator::stats();
        text.gauge(
            "heap_live_bytes",
            "Bytes allocated and not freed.",
            stats.live_bytes,
        );
        text.gauge(
            "heap_live_blocks",
            "Blocks allocated and not freed.",
            stats.live_blocks,
        );
        text.gauge(
            "heap_live_peak_bytes",
            "The most bytes that were live at once within the last two minutes, and since the last scrape where that is longer ago.",
            allocator::high_water_bytes(),
        );
        text.counter(
            "heap_allocated_bytes_total",
            "Bytes allocated so far.",
            stats.total_bytes,
        );
        text.counter(
            "heap_allocated_blocks_total",
            "Blocks allocated so far.",
            stats.total_blocks,
        );
        text.gauge(
            "heap_instrument_bytes",
            "Bytes that the profiling allocator itself holds.",
            stats.instrument_bytes,
        );
        text.gauge(
            "heap_instrument_resident_bytes",
            "Part of that which is in RAM.",
            memory::own_tables_resident(),
        );
    }
    text.labelled(&allocator::labelled());
    if let Some(held) = memory::underlying().and_then(memory::Underlying::figures) {
        text.gauge(
            "heap_allocator_mapped_bytes",
            "Bytes that the allocator has from the system.",
            held.mapped,
        );
        text.gauge(
            "heap_allocator_free_bytes",
            "Part of them that holds no block now.",
            held.free(),
        );
    }
    text.tasks(runtime);
    if let Ok(descriptors) = process::descriptors() {
        text.gauge(
            "process_open_fds",
            "Open descriptors, sockets among them.",
            descriptors.len() as u64,
        );
        let sockets = |descriptor: &&process::Descriptor| descriptor.target == Target::Socket;
        text.gauge(
            "process_open_sockets",
            "Open sockets.",
            descriptors.iter().filter(sockets).count() as u64,
        );
    }
    if let Ok(sockets) = process::sockets() {
        let mut by_state: BTreeMap<String, u64> = BTreeMap::new();
        for tcp in sockets.iter().filter_map(|socket| socket.tcp) {
            *by_state.entry(tcp.state.to_string()).or_default() += 1;
        }
        text.gauges(
            "process_tcp_sockets",
            "Open TCP sockets by state.",
            "state",
            &by_state,
        );
    }
    if let Some(threads) = kernel::counts(Whose::Own).get(Kind::Threads) {
        text.gauge(
            "process_threads",
            "Threads of the process.",
            u64::try_from(threads).unwrap_or(0),
        );
    }
    text.0
}

#[derive(Debug, Default)]
struct Exposition(String);

impl Exposition {
    fn resident(&mut self, rollup: &Rollup, shared: Option<u64>, highest: Option<u64>) {
        self.gauge(
            "process_resident_memory_bytes",
            "Memory that is in RAM now.",
            rollup.resident,
        );
        self.gauge(
            "process_lazily_freed_memory_bytes",
            "Part of it that was freed with MADV_FREE: the system takes it when it needs it.",
            rollup.lazily_freed,
        );
        self.gauge(
            "process_anonymous_memory_bytes",
            "Memory without a file behind it that isn't lazily freed: heap and stacks, in RAM or swapped out.",
            rollup.anonymous.saturating_sub(rollup.lazily_freed) + rollup.swapped,
        );
        let mapped = rollup.resident.saturating_sub(rollup.anonymous);
        if let Some(shared) = shared {
            self.gauge(
                "process_shared_memory_bytes",
                "Part of resident memory that is shared, on a tmpfs or without a file.",
                shared,
            );
            self.gauge(
                "process_mapped_files_memory_bytes",
                "Part of resident memory that maps files: the system drops it when it needs the room.",
                mapped.saturating_sub(shared),
            );
        }
        if let Some(highest) = highest {
            self.gauge(
                "process_peak_resident_memory_bytes",
                "The most that was in RAM since the process began.",
                highest,
            );
        }
    }

    fn headroom(&mut self, room: Room) {
        let mut of_limit = |name, help, value| {
            let values = BTreeMap::from([(room.of.as_str().to_owned(), value)]);
            self.gauges(name, help, "of", &values);
        };
        of_limit(
            "process_memory_limit_bytes",
            "The memory limit that is reached first: of the process' control group or one above it, or the machine's memory.",
            room.limit,
        );
        of_limit(
            "process_memory_headroom_bytes",
            "How much is left below it. What the kernel drops first isn't in the way: lazily freed memory, and page cache that wasn't used lately.",
            room.left(),
        );
    }

    /// How many can never wake is told once somebody has asked.
    fn tasks(&mut self, runtime: &Handle) {
        self.gauge(
            "tokio_tasks_alive",
            "Tasks of this runtime that aren't done.",
            tasks::alive(runtime) as u64,
        );
        let Some(last) = stuck::last() else {
            return;
        };
        self.gauge(
            "tokio_tasks_stuck",
            "Tasks of this runtime that can never wake, as of the last look: GET /debug/pprof/taskleak.",
            last.stuck,
        );
        self.gauge(
            "tokio_tasks_not_decided",
            "Tasks of which that look couldn't tell.",
            last.not_decided,
        );
    }

    /// Nothing while no label is in use.
    fn labelled(&mut self, rows: &[Labelled]) {
        type Figure = fn(&Labelled) -> u64;
        const FIGURES: [(&str, &str, &str, Figure); 4] = [
            (
                "heap_labelled_allocated_bytes_total",
                "counter",
                "Bytes allocated so far under labels of the service's own. Exact.",
                |row| row.allocated_bytes,
            ),
            (
                "heap_labelled_allocated_blocks_total",
                "counter",
                "Blocks allocated so far under these labels. Exact.",
                |row| row.allocated_blocks,
            ),
            (
                "heap_labelled_live_bytes",
                "gauge",
                "Bytes of that which are live. Estimated from samples: with n of them, to within one part in the square root of n.",
                |row| row.live_bytes,
            ),
            (
                "heap_labelled_live_blocks",
                "gauge",
                "Blocks of that which are live. Estimated from samples.",
                |row| row.live_blocks,
            ),
        ];
        if rows.is_empty() {
            return;
        }
        for (name, kind, help, figure) in FIGURES {
            self.head(name, help, kind);
            for row in rows {
                let labels = row.labels.iter();
                let labels = labels.map(|(key, value)| format!("{key}=\"{}\"", escaped(value)));
                let labels: Vec<String> = labels.collect();
                self.line(format_args!(
                    "{name}{{{}}} {}",
                    labels.join(","),
                    figure(row)
                ));
            }
        }
        self.counter(
            "heap_labels_lost_total",
            "Times that a label found no room, so that its work is under the value other of its key.",
            allocator::stats().lost.labels,
        );
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.one(name, help, "gauge", value);
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.one(name, help, "counter", value);
    }

    fn one(&mut self, name: &str, help: &str, kind: &str, value: u64) {
        self.head(name, help, kind);
        self.line(format_args!("{name} {value}"));
    }

    fn gauges(&mut self, name: &str, help: &str, label: &str, values: &BTreeMap<String, u64>) {
        self.head(name, help, "gauge");
        for (of, value) in values {
            self.line(format_args!("{name}{{{label}=\"{of}\"}} {value}"));
        }
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        let _ = writeln!(self.0, "{line}"); // a String takes whatever comes
    }
}

/// As Prometheus wants a label's value.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

/// What asking the allocator gave.
pub(super) async fn free_memory() -> Result<Response, Refusal> {
    FIGURES.does(|| Ok(answers::text(given_back()))).await
}

fn given_back() -> String {
    let before = memory::resident();
    let asked = memory::give_back();
    let after = memory::resident();
    let Some(call) = asked else {
        return "this program's allocator can't be asked to give memory back\n".to_owned();
    };
    let (Ok(before), Ok(after)) = (before, after) else {
        return format!("called {call}\nwhat it gave can't be read on this system\n");
    };
    let gave = grouped(before.resident.saturating_sub(after.resident).cast_signed());
    format!(
        "called {call}\nresident before {before}\nresident after  {after}\ngiven back      {gave} bytes\n"
    )
}
