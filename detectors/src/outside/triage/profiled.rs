//! A service with pprof's profiles on a port, such as one in Go with `net/http/pprof`. Its heap profile tells what is live, its
//! goroutines are tasks, and the metrics beside it, where there are any, tell what is resident.

use super::TriageError;
use super::doubled::Doubled;
use super::evidence::{Moment, Part};
use super::grown::{self, OfKind, Remembered};
use super::never_wake::{self, NeverWake};
use super::sampling::{GrowingGroup, Source};
use super::service::{Fetches, METRICS, Metrics};
use crate::model::kind::{Counts, Kind};
use crate::model::reading::ReadError;
use std::time::{Duration, Instant};

pub(super) const HEAP: &str = "/debug/pprof/heap";
/// The same after a garbage collection, in Go; others answer as ever.
const COLLECTED: &str = "/debug/pprof/heap?gc=1";
const TASKS: &str = "/debug/pprof/goroutine";
/// The page of Go's that counts what there is of each profile, without a stack.
const INDEX: &str = "/debug/pprof/";

const PROFILES: [OfKind; 2] = [(Kind::Bytes, HEAP), (Kind::Tasks, TASKS)];

pub(super) struct Profiled {
    name: String,
    asks: Box<dyn Fetches>,
    remembered: Remembered,
    has_metrics: bool,
    collections: Collections,
}

/// Go's heap profile is as of its last garbage collection, and Go collects when the heap has doubled. So growth comes in steps that are as
/// far apart as the look's windows are long, and some looks would see none of them. The look asks for collections of its own: the longer
/// it lasts the more seldom, and the more seldom the longer each of them takes.
#[derive(Debug)]
struct Collections {
    began: Instant,
    next: Instant,
}

impl Collections {
    /// So many of them come in the time that a look has lasted by then.
    const IN_A_LOOK: u32 = 12;

    /// An answer that has taken so long isn't asked for before so many times as long have gone by.
    const WAITS_TIMES: u32 = 20;

    fn begin() -> Self {
        let now = Instant::now();
        Collections {
            began: now,
            next: now,
        }
    }

    /// The heap profile: after a collection where one is due.
    fn ask(&mut self, asks: &dyn Fetches) -> Result<Vec<u8>, ReadError> {
        let now = Instant::now();
        if now < self.next {
            return asks.ask(HEAP);
        }
        let told = asks.ask(COLLECTED);
        let pause = now.duration_since(self.began) / Self::IN_A_LOOK;
        let took = now.elapsed() * Self::WAITS_TIMES;
        self.next = now + pause.max(took).max(Duration::from_millis(500));
        told
    }
}

impl Profiled {
    pub(super) fn find(name: String, asks: Box<dyn Fetches>) -> Result<Self, TriageError> {
        if grown::profile(&*asks, HEAP).is_none() {
            return Err(TriageError::NotOurs { service: name });
        }
        let has_metrics = asks.ask(METRICS).is_ok_and(|body| {
            let metrics = Metrics::of(&body);
            metrics.value("process_resident_memory_bytes").is_some()
        });
        Ok(Profiled {
            name,
            asks,
            remembered: Remembered::by(&PROFILES),
            has_metrics,
            collections: Collections::begin(),
        })
    }
}

impl Source for Profiled {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn begin(&mut self) -> Result<(), TriageError> {
        self.remembered.begin(&*self.asks);
        self.collections = Collections::begin();
        Ok(())
    }

    fn read(&mut self) -> Result<Moment, TriageError> {
        let heap = self.collections.ask(&*self.asks);
        let heap = heap.map_err(|error| super::service::no_answer(&self.name, HEAP, &error))?;
        // A profile without a sample is one of a heap without a sample.
        let live = crate::profile::Profile::from_bytes(HEAP, &heap)
            .map_or(0, |profile| grown::total(&profile));
        let tasks = self.asks.ask(INDEX).ok();
        let tasks = tasks.and_then(|page| counted_on(&String::from_utf8_lossy(&page), "goroutine"));
        let metrics = self.has_metrics.then(|| self.asks.ask(METRICS).ok());
        let metrics = metrics.flatten().map(|body| Metrics::of(&body));
        let figure = |name: &str| metrics.as_ref()?.value(name);
        Ok(Moment {
            resident: figure("process_resident_memory_bytes"),
            live: u64::try_from(live).ok(),
            counts: Counts {
                tasks,
                descriptors: figure("process_open_fds").map(u64::cast_signed),
                threads: figure("go_threads").map(u64::cast_signed),
                ..Counts::default()
            },
            ..Moment::default()
        })
    }

    /// A heap profile walks all that was sampled.
    fn waits_times(&self) -> u32 {
        10
    }

    fn mark(&mut self) {
        self.remembered.mark(&*self.asks);
    }

    fn named(&mut self, kinds: &[Kind]) -> Vec<GrowingGroup> {
        self.remembered.grown(&*self.asks, kinds)
    }

    fn doubled(&mut self) -> Option<Doubled> {
        self.remembered.doubled(&*self.asks).into_iter().next()
    }

    fn parts(&mut self) -> Vec<Part> {
        Vec::new()
    }

    fn knows_live(&self) -> bool {
        true
    }

    fn caveats(&self) -> Vec<String> {
        let mut caveats = vec![
            "Live memory is what the service's heap profile counts: in Go, as of the last garbage collection, by samples. The look asked for \
             some collections. Its goroutines are the tasks here."
                .to_owned(),
        ];
        if !self.has_metrics {
            caveats.push(
                "Resident memory wasn't read, since there is no process_resident_memory_bytes at /metrics: what grows outside of that \
                 heap isn't seen. Look at the process as well: leaks triage --pid N."
                    .to_owned(),
            );
        }
        caveats
    }

    fn never_wake(&self, _now: &Moment) -> Option<Vec<NeverWake>> {
        never_wake::ask(&*self.asks)
    }
}

/// The count beside a profile's name on Go's index page, whose cells are `<td>12</td><td><a href='goroutine?debug=1'>`, with other quotes
/// in some versions.
fn counted_on(page: &str, profile: &str) -> Option<i64> {
    let link = page.find(&format!("{profile}?debug=1"))?;
    let (_, count) = page[..link].rsplit_once("<td>")?.0.rsplit_once("<td>")?;
    count.split("</td>").next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::counted_on;

    #[test]
    fn the_index_counts_goroutines_in_every_version() {
        for page in [
            "<tr><td>7</td><td><a href='threadcreate?debug=1'>threadcreate</a></td></tr>\n<tr><td>12</td><td><a href='goroutine?debug=1'>\
             goroutine</a></td></tr>",
            "<td>12</td><td><a href=goroutine?debug=1>goroutine</a></td>",
            "<td>12</td><td><a href=\"goroutine?debug=1\">goroutine</a></td>",
        ] {
            assert_eq!(counted_on(page, "goroutine"), Some(12), "{page}");
        }
        assert_eq!(counted_on("<html>hello</html>", "goroutine"), None);
    }
}
