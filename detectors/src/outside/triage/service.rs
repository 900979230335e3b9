//! A service by its own word: the metrics and profiles of its debug port.

use super::TriageError;
use super::doubled::Doubled;
use super::evidence::{Moment, Part};
use super::grown::{OfKind, Remembered};
use super::headroom::Headroom;
use super::never_wake::{self, NeverWake};
use super::profiled::Profiled;
use super::sampling::{GrowingGroup, Source};
use super::tables::Followed;
use crate::model::kind::{Counts, Kind};
use crate::model::reading::ReadError;
use crate::outside::withheld::WITHHELD;

/// What the debug port's profiles tell the sites of.
const PROFILES: [OfKind; 5] = [
    (Kind::Tasks, "/debug/pprof/tasks"),
    (Kind::Sockets, "/debug/pprof/sockets"),
    (Kind::Descriptors, "/debug/pprof/descriptors"),
    (Kind::Threads, "/debug/pprof/threadcreate"),
    (Kind::Bytes, "/debug/pprof/heap"),
];

/// For some answers a service is copied, which holds it for some 30 ms at a gigabyte. Beyond that it isn't asked in passing.
const COPIED_BYTES_MAX: u64 = 1 << 30;

/// Fetches from a service's debug port. The library brings no HTTP client: whoever looks has one.
pub trait Fetches: Send + Sync {
    /// The body of the answer to `GET path`.
    ///
    /// # Errors
    ///
    /// In words, when there is no answer, or one with a status other than 200.
    fn ask(&self, path: &str) -> Result<Vec<u8>, ReadError>;

    /// The body of the answer to `POST path`, which may take some time: [`Triage::who_holds`](super::Triage::who_holds) asks by it.
    ///
    /// # Errors
    ///
    /// As [`ask`](Fetches::ask). What doesn't implement it can't ask a service to do anything.
    fn ask_to_do(&self, path: &str) -> Result<Vec<u8>, ReadError> {
        Err(ReadError::new(
            format!("POST {path} can't be asked here"),
            "implement Fetches::ask_to_do",
        ))
    }
}

/// A service by what it answers: the metrics of `debug`, or any heap profile.
pub(super) fn find(
    name: String,
    asks: Box<dyn Fetches>,
) -> Result<Box<dyn Source + Send>, TriageError> {
    let metrics = asks.ask(METRICS);
    let read = metrics.as_ref().map(|body| Metrics::of(body));
    if let Some(read) = read.ok().filter(Metrics::are_ours) {
        return Ok(Box::new(Service {
            name,
            is_withholding: read.0.lines().any(|line| line == WITHHELD),
            headroom: None,
            asks,
            remembered: Remembered::by(&PROFILES),
            tables: Followed::default(),
        }));
    }
    if let Err(error) = metrics
        && asks.ask(super::profiled::HEAP).is_err()
    {
        // Nobody answers at all.
        return Err(no_answer(&name, METRICS, &error));
    }
    Ok(Box::new(Profiled::find(name, asks)?))
}

pub(super) const METRICS: &str = "/metrics";

pub(super) fn no_answer(service: &str, path: &str, error: &ReadError) -> TriageError {
    TriageError::NoAnswer {
        service: service.to_owned(),
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

/// A service with a debug port.
struct Service {
    name: String,
    is_withholding: bool,
    headroom: Option<Headroom>,
    asks: Box<dyn Fetches>,
    remembered: Remembered,
    tables: Followed,
}

impl Service {
    fn metrics(&self) -> Result<Metrics, TriageError> {
        let body = self.asks.ask(METRICS);
        let body = body.map_err(|error| no_answer(&self.name, METRICS, &error))?;
        Ok(Metrics::of(&body))
    }
}

impl Source for Service {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn begin(&mut self) -> Result<(), TriageError> {
        self.remembered.begin(&*self.asks);
        self.tables.begin(&*self.asks);
        Ok(())
    }

    fn read(&mut self) -> Result<Moment, TriageError> {
        let metrics = self.metrics()?;
        self.headroom = metrics.headroom();
        Ok(Moment {
            in_tables: self.tables.read(&*self.asks),
            ..metrics.moment()
        })
    }

    /// Most of an answer's time is its way: a busy service takes long to come to it, and little to give it.
    fn waits_times(&self) -> u32 {
        2
    }

    fn mark(&mut self) {
        self.remembered.mark(&*self.asks);
        self.tables.mark();
    }

    fn named(&mut self, kinds: &[Kind]) -> Vec<GrowingGroup> {
        self.remembered.grown(&*self.asks, kinds)
    }

    fn headroom(&self) -> Option<Headroom> {
        self.headroom
    }

    fn filling(&self) -> Vec<GrowingGroup> {
        self.tables.grown()
    }

    fn doubled(&mut self) -> Option<Doubled> {
        let doubled = self.remembered.doubled(&*self.asks);
        let is_read = |site: &String| self.tables.knows(site);
        doubled
            .into_iter()
            .find(|doubled| !doubled.site.as_ref().is_some_and(is_read))
    }

    fn parts(&mut self) -> Vec<Part> {
        let now = self.metrics().map(|metrics| metrics.moment());
        now.ok().and_then(|now| parts(&now)).unwrap_or_default()
    }

    fn knows_live(&self) -> bool {
        true
    }

    fn asks(&self) -> Option<&dyn Fetches> {
        Some(&*self.asks)
    }

    fn never_wake(&self, now: &Moment) -> Option<Vec<NeverWake>> {
        let is_small = now.resident? <= COPIED_BYTES_MAX;
        is_small.then(|| never_wake::ask(&*self.asks))?
    }

    fn is_withholding(&self) -> bool {
        self.is_withholding
    }
}

/// Prometheus' text format.
pub(super) struct Metrics(String);

impl Metrics {
    pub(super) fn of(body: &[u8]) -> Self {
        Metrics(String::from_utf8_lossy(body).into_owned())
    }

    /// Whether they are those of `debug`: of what it tells, others tell a part as well.
    fn are_ours(&self) -> bool {
        let names = ["heap_live_bytes", "process_lazily_freed_memory_bytes"];
        names.iter().any(|name| self.value(name).is_some())
    }

    fn moment(&self) -> Moment {
        let count = |name| self.value(name).and_then(|value| i64::try_from(value).ok());
        let sockets = count("process_open_sockets");
        let descriptors = count("process_open_fds");
        Moment {
            resident: self.value("process_resident_memory_bytes"),
            anonymous: self.value("process_anonymous_memory_bytes"),
            lazily_freed: self.value("process_lazily_freed_memory_bytes"),
            files: self.value("process_mapped_files_memory_bytes"),
            shared: self.value("process_shared_memory_bytes"),
            highest: self.value("process_peak_resident_memory_bytes"),
            live: self.value("heap_live_bytes"),
            live_blocks: self.value("heap_live_blocks"),
            instruments: self.value("heap_instrument_resident_bytes"),
            allocator_mapped: self.value("heap_allocator_mapped_bytes"),
            allocator_free: self.value("heap_allocator_free_bytes"),
            counts: Counts {
                tasks: count("tokio_tasks_alive"),
                sockets,
                descriptors: descriptors.map(|all| all - sockets.unwrap_or(0)),
                threads: count("process_threads"),
            },
            ..Moment::default()
        }
    }

    fn headroom(&self) -> Option<Headroom> {
        Some(Headroom {
            limit: self.value("process_memory_limit_bytes")?,
            left: self.value("process_memory_headroom_bytes")?,
        })
    }

    pub(super) fn value(&self, name: &str) -> Option<u64> {
        let mut lines = self.0.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        whole(value.trim())
    }
}

/// What resident memory is for, by the service's own accounts. Of what the allocator has without a block, only so much counts as is left of
/// what is resident.
fn parts(now: &Moment) -> Option<Vec<Part>> {
    let part = |what: &str, bytes| Part {
        what: what.to_owned(),
        bytes,
    };
    let anonymous = now.anonymous?;
    let live = now.live?.min(anonymous);
    let foreign = now.in_c().and_then(|foreign| u64::try_from(foreign).ok());
    let foreign = foreign.unwrap_or(0).min(anonymous - live);
    let kept = now.allocator_free.unwrap_or(0);
    let kept = kept.min(anonymous - live - foreign);
    let instruments = now.instruments.unwrap_or(0);
    let instruments = instruments.min(anonymous - live - foreign - kept);
    Some(vec![
        part("live: allocated and not freed", live),
        part(
            "foreign memory on the heap, and what blocks cost beside their bytes",
            foreign,
        ),
        part("kept by the allocator without a block", kept),
        part("the instruments' own", instruments),
        part(
            "mapped beside the heap: stacks, other allocators",
            anonymous - live - foreign - kept - instruments,
        ),
        part("lazily freed", now.lazily_freed.unwrap_or(0)),
        part("shared memory", now.shared.unwrap_or(0)),
        part("files", now.files.unwrap_or(0)),
    ])
}

/// A figure as Prometheus' clients write it: `12`, or `1.2e+07`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bytes and counts of a process: neither below zero nor near 2^63"
)]
fn whole(figure: &str) -> Option<u64> {
    let whole = figure.parse::<u64>().ok();
    whole.or_else(|| {
        let value = figure.parse::<f64>().ok()?;
        (value.is_finite() && value >= 0.0).then_some(value as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::{Fetches, Metrics, ReadError, TriageError, find, whole};
    use crate::model::kind::Kind;

    #[test]
    fn metrics_are_read_and_what_is_missing_is_not_zero() {
        let text = "# HELP heap_live_bytes Bytes allocated and not freed.\n# TYPE heap_live_bytes gauge\nheap_live_bytes 7000\n\
            process_open_fds 12\nprocess_open_sockets 5\nheap_live_bytes_total 9\n";
        let metrics = Metrics(text.to_owned());
        let moment = metrics.moment();
        assert_eq!(moment.live, Some(7_000));
        assert_eq!(moment.resident, None);
        assert_eq!(moment.counts.get(Kind::Descriptors), Some(7));
        assert_eq!(moment.counts.get(Kind::Tasks), None);
    }

    #[test]
    fn figures_are_read_as_clients_write_them() {
        assert_eq!(whole("12"), Some(12));
        assert_eq!(whole("1.2582912e+07"), Some(12 << 20));
        assert_eq!([whole("NaN"), whole("-1"), whole("+Inf")], [None; 3]);
    }

    #[test]
    fn what_answers_with_something_else_is_no_debug_port() {
        struct Says(&'static str);
        impl Fetches for Says {
            fn ask(&self, _path: &str) -> Result<Vec<u8>, ReadError> {
                Ok(self.0.as_bytes().to_vec())
            }
        }
        let of_prometheus = "go_goroutines 7\nprocess_resident_memory_bytes 1.2e+07\n";
        for page in ["", "<html>hello</html>", of_prometheus] {
            let found = find("http://x".to_owned(), Box::new(Says(page)));
            assert!(matches!(found, Err(TriageError::NotOurs { .. })), "{page}");
        }
    }
}
