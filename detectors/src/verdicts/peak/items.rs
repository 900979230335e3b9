//! The items of one call, and the meter that is read with each of them.

use crate::model::kind::{Counts, Kind, NotRead};
use crate::model::place::Frame;
use crate::model::reading::{Detail, ReadError, SiteReading};
use crate::readings::counters::{Counters, Group, RunsTasks};
use crate::readings::heap::HeapSource;
use crate::verdicts::peak::PeakReading;
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

/// The items of one call: numbers from 0 up. Each time that the call asks for one, and when it learns that there is none
/// left, the meter is read.
pub struct Items {
    meter: Rc<RefCell<Meter>>,
    next: usize,
    end: usize,
}

impl fmt::Debug for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Items({}..{})", self.next, self.end)
    }
}

impl Items {
    pub(super) fn new(meter: &Rc<RefCell<Meter>>, items: usize) -> Self {
        Items {
            meter: Rc::clone(meter),
            next: 0,
            end: items,
        }
    }
}

impl Iterator for Items {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let is_last_look = self.next == self.end;
        self.meter.borrow_mut().look(is_last_look);
        (!is_last_look).then(|| {
            self.next += 1;
            self.next - 1
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.end - self.next, Some(self.end - self.next))
    }
}

impl ExactSizeIterator for Items {}

/// Reads heap and counts while a call runs, and keeps the highest.
pub(super) struct Meter {
    pub(super) source: Box<dyn HeapSource>,
    counters: Counters,
    tasks: Box<dyn RunsTasks>,
    detail: Option<Detail>,
    blocks: i64,
    counts: Counts,
    /// What was live at which site, and what else there was, when the last item was done. With stacks only.
    pub(super) sites: Vec<SiteReading>,
    groups: Vec<(Kind, Vec<(Group, f64)>)>,
}

impl Meter {
    pub(super) fn new(source: Box<dyn HeapSource>, tasks: Box<dyn RunsTasks>) -> Self {
        Meter {
            counters: Counters::suitable_for(&*source),
            source,
            tasks,
            detail: None,
            blocks: 0,
            counts: Counts::default(),
            sites: Vec::with_capacity(4_096),
            groups: Vec::new(),
        }
    }

    pub(super) fn start(&mut self, detail: Detail) -> Result<(), ReadError> {
        self.counters.begin(&*self.tasks);
        self.source.start(detail)?;
        self.detail = Some(detail);
        self.blocks = 0;
        self.counts = self.counters.read(&*self.tasks);
        Ok(())
    }

    /// The call asks for an item, or looks for one in vain.
    fn look(&mut self, is_last: bool) {
        // A call may keep its iterator and go on with it when it isn't measured any more.
        let Some(detail) = self.detail else {
            return;
        };
        let now = self.source.read();
        self.blocks = self.blocks.max(now.blocks.cast_signed());
        let counts = self.counters.read(&*self.tasks);
        self.counts = self.counts.zip(&counts, i64::max);
        if detail == Detail::Stacks && is_last {
            let sites = &mut self.sites;
            sites.clear();
            self.source.each_site(&mut |site| sites.push(site));
            // What this allocates is in no figure: with stacks, only sites are read.
            self.groups = Counts::KINDS
                .into_iter()
                .map(|kind| (kind, self.counters.grown_groups(kind, &*self.tasks, 1)))
                .collect();
        }
    }

    pub(super) fn stop(&mut self, items: usize) -> Result<PeakReading, ReadError> {
        let now = self.source.read();
        let resting_counts = self.counters.read(&*self.tasks);
        self.detail = None;
        self.source.stop()?;
        Ok(PeakReading {
            items,
            bytes: now.peak_bytes.cast_signed(),
            blocks: self.blocks,
            counts: self.counts,
            resting_bytes: now.bytes.cast_signed(),
            resting_counts,
        })
    }

    /// Each site's stack with what it held when the last item was done.
    pub(super) fn stacks(&self) -> Vec<(Vec<Frame>, SiteReading)> {
        let numbers: Vec<usize> = self.sites.iter().map(|site| site.site).collect();
        let stacks = self.source.stacks_of(&numbers);
        stacks.into_iter().zip(self.sites.iter().copied()).collect()
    }

    /// The groups of a kind when the last item was done, with how many more there were of each than at the start.
    pub(super) fn groups(&self, kind: Kind) -> &[(Group, f64)] {
        let mut groups = self.groups.iter();
        groups
            .find_map(|(of, groups)| (*of == kind).then_some(groups.as_slice()))
            .unwrap_or_default()
    }

    pub(super) fn not_read(&self) -> Vec<NotRead> {
        self.counters.not_read(&*self.tasks)
    }
}
