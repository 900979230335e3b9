//! A service by its own word: the metrics and profiles of its debug port.

use super::TriageError;
use super::evidence::{Moment, Part};
use super::sampling::{GrowingGroup, Source};
use crate::model::kind::{Counts, Kind};
use crate::model::place::{self, Frame, Site};
use crate::model::reading::ReadError;
use crate::profile::Profile;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What a look leaves, to see where that grows which has been seen to grow.
const NAMING_SHARE: f64 = 1.0 / 3.0;

/// Fetches from a service's debug port. The library brings no HTTP client: whoever looks has one.
pub trait Fetches: Send + Sync {
    /// The body of the answer to `GET path`.
    ///
    /// # Errors
    ///
    /// In words, when there is no answer, or one with a status other than 200.
    fn ask(&self, path: &str) -> Result<Vec<u8>, ReadError>;
}

/// A service with a debug port.
pub(super) struct Service {
    name: String,
    asks: Box<dyn Fetches>,
    /// Sockets by state when the look began.
    before: Option<(Instant, BTreeMap<String, u64>)>,
}

impl Service {
    pub(super) fn find(name: String, asks: Box<dyn Fetches>) -> Result<Self, TriageError> {
        let service = Service {
            name,
            asks,
            before: None,
        };
        let figures = service.metrics()?;
        if figures.moment() == Moment::default() {
            return Err(TriageError::NotOurs {
                service: service.name,
            });
        }
        Ok(service)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn metrics(&self) -> Result<Metrics, TriageError> {
        const PATH: &str = "/metrics";
        let body = self.asks.ask(PATH).map_err(|error| TriageError::NoAnswer {
            service: self.name.clone(),
            path: PATH.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Metrics(String::from_utf8_lossy(&body).into_owned()))
    }

    /// What grew within the time by the profile of that name, by site.
    fn grown(&self, kind: Kind, profile: &str, within: Duration) -> Vec<GrowingGroup> {
        let seconds = within.as_secs().max(1);
        let path = format!("/debug/pprof/{profile}?seconds={seconds}");
        let Ok(bytes) = self.asks.ask(&path) else {
            return Vec::new();
        };
        match Profile::from_bytes(profile, &bytes) {
            Ok(profile) => by_site(kind, &profile, seconds as f64),
            Err(_) => Vec::new(),
        }
    }

    fn sockets_grown(&self) -> Vec<GrowingGroup> {
        let (Some((since, before)), Ok(now)) = (&self.before, self.metrics()) else {
            return Vec::new();
        };
        let seconds = since.elapsed().as_secs_f64();
        let grown = now
            .sockets_by_state()
            .into_iter()
            .filter_map(|(state, now)| {
                let more = now.checked_sub(before.get(&state).copied().unwrap_or(0))?;
                (more > 0).then(|| GrowingGroup {
                    kind: Kind::Sockets,
                    name: format!("TCP, {state}"),
                    per_second: more as f64 / seconds,
                    site: None,
                })
            });
        grown.collect()
    }
}

impl Source for Service {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn begin(&mut self) -> Result<(), TriageError> {
        self.before = Some((Instant::now(), self.metrics()?.sockets_by_state()));
        Ok(())
    }

    fn read(&mut self) -> Result<Moment, TriageError> {
        Ok(self.metrics()?.moment())
    }

    /// Most of an answer's time is its way: a busy service takes long to come to it, and little to give it.
    fn waits_times(&self) -> u32 {
        2
    }

    fn naming_share(&self) -> f64 {
        NAMING_SHARE
    }

    fn named(&mut self, kinds: &[Kind], within: Duration) -> Vec<GrowingGroup> {
        let service = &*self;
        // All at once: each answer takes the whole time.
        std::thread::scope(|scope| {
            let asked: Vec<_> = [
                (Kind::Tasks, "tasks"),
                (Kind::Threads, "threadcreate"),
                (Kind::Bytes, "heap"),
            ]
            .into_iter()
            .filter(|(kind, _)| kinds.contains(kind))
            .map(|(kind, profile)| scope.spawn(move || service.grown(kind, profile, within)))
            .collect();
            let mut named = if kinds.contains(&Kind::Sockets) {
                service.sockets_grown()
            } else {
                Vec::new()
            };
            named.extend(
                asked
                    .into_iter()
                    .filter_map(|asked| asked.join().ok())
                    .flatten(),
            );
            named.sort_by(|a, b| b.per_second.total_cmp(&a.per_second));
            named
        })
    }

    fn parts(&mut self) -> Vec<Part> {
        Vec::new()
    }

    fn knows_live(&self) -> bool {
        true
    }
}

/// Prometheus' text format.
struct Metrics(String);

impl Metrics {
    fn moment(&self) -> Moment {
        let count = |name| self.value(name).and_then(|value| i64::try_from(value).ok());
        let sockets = count("process_open_sockets");
        let descriptors = count("process_open_fds");
        Moment {
            resident: self.value("process_resident_memory_bytes"),
            lazily_freed: self.value("process_lazily_freed_memory_bytes"),
            live: self.value("heap_live_bytes"),
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

    fn value(&self, name: &str) -> Option<u64> {
        let mut lines = self.0.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        value.trim().parse().ok()
    }

    fn sockets_by_state(&self) -> BTreeMap<String, u64> {
        let states = self.0.lines().filter_map(|line| {
            let rest = line.strip_prefix("process_tcp_sockets{state=\"")?;
            let (state, count) = rest.split_once("\"} ")?;
            Some((state.to_owned(), count.trim().parse().ok()?))
        });
        states.collect()
    }
}

/// What a profile of changes has more of, by the site to look at.
fn by_site(kind: Kind, profile: &Profile, seconds: f64) -> Vec<GrowingGroup> {
    let types = profile.sample_types();
    let place = types
        .iter()
        .position(|of| of.name == "inuse_space")
        .unwrap_or(0);
    let mut grown: BTreeMap<String, (Site, i64)> = BTreeMap::new();
    let packages = profile.other_packages();
    for stack in profile.stacks() {
        let frames = stack.frames.iter().map(|frame| Frame {
            function: frame.function.to_owned(),
            file: frame.file.to_owned(),
            line: frame.line,
        });
        let site = place::site_beside(frames.collect(), &packages);
        let value = stack.values.get(place).copied().unwrap_or(0);
        let entry = grown.entry(site.to_string()).or_insert_with(|| (site, 0));
        entry.1 = entry.1.saturating_add(value);
    }
    let grown = grown.into_iter().filter(|(_, (_, more))| *more > 0);
    grown
        .map(|(name, (site, more))| GrowingGroup {
            kind,
            name,
            per_second: more as f64 / seconds,
            site: Some(site),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Fetches, Metrics, ReadError, Service, TriageError};
    use crate::model::kind::Kind;

    #[test]
    fn metrics_are_read_and_what_is_missing_is_not_zero() {
        let text = "# HELP heap_live_bytes Bytes allocated and not freed.\n# TYPE heap_live_bytes gauge\nheap_live_bytes 7000\n\
            process_open_fds 12\nprocess_open_sockets 5\nprocess_tcp_sockets{state=\"CLOSE_WAIT\"} 3\nheap_live_bytes_total 9\n";
        let metrics = Metrics(text.to_owned());
        let moment = metrics.moment();
        assert_eq!(moment.live, Some(7_000));
        assert_eq!(moment.resident, None);
        assert_eq!(moment.counts.get(Kind::Descriptors), Some(7));
        assert_eq!(moment.counts.get(Kind::Tasks), None);
        assert_eq!(metrics.sockets_by_state().get("CLOSE_WAIT"), Some(&3));
    }

    #[test]
    fn what_answers_with_something_else_is_no_debug_port() {
        struct Says(&'static str);
        impl Fetches for Says {
            fn ask(&self, _path: &str) -> Result<Vec<u8>, ReadError> {
                Ok(self.0.as_bytes().to_vec())
            }
        }
        for page in ["", "<html>hello</html>", "go_goroutines 7\n"] {
            let found = Service::find("http://x".to_owned(), Box::new(Says(page)));
            assert!(matches!(found, Err(TriageError::NotOurs { .. })), "{page}");
        }
    }
}
