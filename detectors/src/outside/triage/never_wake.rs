//! Tasks that can never wake, as a service's own profile of them tells.

use super::grown::sites;
use super::service::Fetches;
use crate::model::words::count;
use crate::profile::Profile;
use serde::Serialize;
use std::cmp::Reverse;
use std::fmt;

/// Go's name for it; `debug` answers to it as well. Go has it behind an experiment.
const PROFILE: &str = "/debug/pprof/goroutineleak";

/// Tasks from one place that nothing can wake any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NeverWake {
    /// How many.
    pub tasks: u64,
    /// Where they were spawned, or in Go where they wait.
    pub site: String,
}

/// `3 tasks from service::watchers::watch (src/watchers.rs:40)`.
impl fmt::Display for NeverWake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tasks = count(self.tasks.cast_signed(), "task");
        write!(f, "{tasks} from {}", self.site)
    }
}

/// By place, most first; `None` where the service doesn't tell.
pub(super) fn ask(asks: &dyn Fetches) -> Option<Vec<NeverWake>> {
    let told = asks.ask(PROFILE).ok()?;
    let profile = Profile::from_bytes(PROFILE, &told).ok()?;
    let sites = sites(&profile).into_iter();
    let stuck = sites.filter_map(|(site, (_, tasks))| {
        let tasks = u64::try_from(tasks).ok().filter(|tasks| *tasks > 0)?;
        Some(NeverWake { tasks, site })
    });
    let mut stuck: Vec<NeverWake> = stuck.collect();
    stuck.sort_by_key(|stuck| Reverse(stuck.tasks));
    Some(stuck)
}

#[cfg(test)]
mod tests {
    use super::{Fetches, NeverWake, PROFILE, ask};
    use crate::model::place::Frame;
    use crate::model::reading::ReadError;
    use crate::profile::Profile;

    /// Answers with this profile alone, and counts nothing else.
    struct Says(Option<Vec<u8>>);

    impl Fetches for Says {
        fn ask(&self, path: &str) -> Result<Vec<u8>, ReadError> {
            let told = self.0.clone().filter(|_| path == PROFILE);
            told.ok_or_else(|| ReadError::new(format!("{path} isn't there"), "ask for another"))
        }
    }

    fn of(stacks: &[(Vec<Frame>, u64)]) -> Says {
        let profile = Profile::of_counts_or_empty("stuck", "goroutineleak", stacks);
        Says(Some(profile.to_bytes()))
    }

    #[test]
    fn the_places_that_leave_most_come_first() {
        let place = |function: &str, line| vec![Frame::new(function, "src/shop.rs", line)];
        let says = of(&[(place("shop::one", 7), 1), (place("shop::many", 9), 12)]);
        let told = ask(&says).expect("it is told");
        let told: Vec<String> = told.iter().map(NeverWake::to_string).collect();
        let many = "12 tasks from shop::many (src/shop.rs:9)";
        assert_eq!(told, [many, "1 task from shop::one (src/shop.rs:7)"]);
        assert_eq!(ask(&of(&[])), Some(Vec::new()));
    }

    #[test]
    fn who_doesnt_tell_isnt_taken_for_none() {
        assert_eq!(ask(&Says(None)), None);
        assert_eq!(ask(&Says(Some(b"<html>not here</html>".to_vec()))), None);
    }
}
