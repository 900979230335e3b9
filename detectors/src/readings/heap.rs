//! Where heap readings come from.

mod allocator_source;
#[cfg(feature = "dhat")]
mod dhat_source;

pub use allocator_source::AllocatorSource;
#[cfg(feature = "dhat")]
pub use dhat_source::DhatSource;

use crate::model::place::Frame;
pub use crate::model::reading::{Detail, HeapReading, ReadError, SiteReading};
use crate::profile::Profile;
use crate::readings::holders::Holders;
pub use crate::readings::holders::Tables;
use std::fmt;

/// The source that suits the program's allocator: [`AllocatorSource`] where that is a
/// [`ProfilingAllocator`](crate::ProfilingAllocator), else [`DhatSource`] where the feature `dhat` is on.
pub fn suitable_source() -> Box<dyn HeapSource> {
    #[cfg(feature = "dhat")]
    if !crate::allocator::is_in_use() {
        return Box::new(DhatSource::default());
    }
    Box::new(AllocatorSource::default())
}

/// Something that counts the live heap: a [`ProfilingAllocator`](crate::ProfilingAllocator), or dhat.
///
/// It may be implemented for other instruments: new methods come with a default. It need not be [`Send`]: the allocator's source
/// counts the thread on which it was started.
///
/// A watch starts it, reads it after each iteration, and stops it. Only what is allocated between start
/// and stop counts, so each reading is *above what was live at the start*.
pub trait HeapSource: fmt::Debug {
    /// The instrument's name, for the evidence.
    fn name(&self) -> &'static str;

    /// How stacks are taken and what this build lacks, for the evidence.
    fn stacks(&self) -> String;

    /// What this instrument misses here, and how to have it; empty when nothing.
    fn lacks(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether it counts the whole process, so that what else the process has can be taken for the workload's as well.
    fn counts_process(&self) -> bool {
        true
    }

    /// Starts to count from zero.
    ///
    /// # Errors
    ///
    /// When the instrument can't see this process' allocations.
    fn start(&mut self, detail: Detail) -> Result<(), ReadError>;

    /// What is live now. Must not allocate.
    fn read(&self) -> HeapReading;

    /// Bytes of blocks from before the start that were freed since, where the instrument knows. Must not allocate.
    fn older_freed(&self) -> Option<u64> {
        None
    }

    /// Whether [`each_site`](HeapSource::each_site) tells anything: some instruments know their sites only at the end.
    fn reads_sites(&self) -> bool {
        false
    }

    /// Tells what each site holds now, when it was started with [`Detail::Stacks`]. What `visit` allocates isn't counted.
    fn each_site(&self, visit: &mut dyn FnMut(SiteReading)) {
        let _ = visit;
    }

    /// The stacks of sites that [`each_site`](HeapSource::each_site) told of, allocation first.
    fn stacks_of(&self, sites: &[usize]) -> Vec<Vec<Frame>> {
        let _ = sites;
        Vec::new()
    }

    /// Who holds the live blocks of these sites: one answer for each function that makes them. It looks at `is_over` as it goes, and
    /// gives up once that is `true`.
    ///
    /// # Errors
    ///
    /// When the instrument doesn't know where blocks lie, memory can't be read, or the time is over.
    fn holders(&self, sites: &[usize], is_over: &dyn Fn() -> bool) -> Result<Holders, ReadError> {
        let _ = (sites, is_over);
        Err(ReadError::new(
            format!("{} doesn't tell where its blocks lie", self.name()),
            "detectors::ProfilingAllocator does",
        ))
    }

    /// Remembers which blocks are live now. [`holders`](HeapSource::holders) judges by those of them that still are: what came later may be
    /// about to go, and old pointers lead to it more often.
    fn remember_live(&self) {}

    /// The tables among the live blocks of these sites, with what stands beside the pointers to them: two looks tell whether entries
    /// go into room that a table already has. `None` where the instrument doesn't know where blocks lie, or memory can't be read.
    fn tables(&self, sites: &[usize], is_over: &dyn Fn() -> bool) -> Option<Tables> {
        let _ = (sites, is_over);
        None
    }

    /// Stops, and gives the profile of the run when it was started with [`Detail::Stacks`].
    ///
    /// # Errors
    ///
    /// When the profile can't be taken.
    fn stop(&mut self) -> Result<Option<Profile>, ReadError>;
}
