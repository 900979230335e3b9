//! The last answers, for whoever asks again: bounded in bytes and in time.

use crate::apex::Host;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use std::sync::Arc;
use std::time::Duration;

/// A customer's hosts change a few times a day.
const FOR: Duration = Duration::from_mins(10);

#[derive(Debug, Clone)]
pub(crate) struct Answers {
    /// `None` keeps nothing.
    kept: Option<Cache<String, Arc<[Host]>>>,
}

impl Answers {
    pub(crate) fn up_to(bytes: u64) -> Self {
        let cache = || {
            Cache::builder()
                .max_capacity(bytes)
                .weigher(|apex: &String, hosts: &Arc<[Host]>| {
                    let bytes: usize = hosts.iter().map(Host::bytes).sum();
                    u32::try_from(apex.capacity() + bytes).unwrap_or(u32::MAX)
                })
                .eviction_policy(EvictionPolicy::lru())
                .time_to_live(FOR)
                .build()
        };
        Answers {
            kept: (bytes > 0).then(cache),
        }
    }

    pub(crate) fn get(&self, apex: &str) -> Option<Arc<[Host]>> {
        self.kept.as_ref()?.get(apex)
    }

    pub(crate) fn keep(&self, apex: &str, hosts: &Arc<[Host]>) {
        if let Some(kept) = &self.kept {
            kept.insert(apex.to_owned(), Arc::clone(hosts));
            // Else what must go for it would go a little later, and the bound would be one for quiet times.
            kept.run_pending_tasks();
        }
    }
}
