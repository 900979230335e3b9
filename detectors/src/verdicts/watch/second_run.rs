//! The run for the sites: what each of them holds at the floor of each window, who holds that, and whether tables still fill.

use super::Stage;
use super::pass::{Pass, SETTLED_READINGS, out_of_time};
use crate::model::reading::{Detail, ReadError, SiteReading};
use crate::readings::heap::Tables;
use crate::readings::holders;
use crate::verdicts::sites::{Amount, Windows};
use std::collections::HashMap;

/// What the second run is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// Iterations before the first window.
    pub(super) warm_up: u64,
    /// As many windows as the first run had.
    pub(super) windows: usize,
    /// What grew in the first run, for each iteration; `None` where nothing did.
    pub(super) totals: Option<Amount>,
    /// Whether to ask what may become of the alive tasks.
    pub(super) asks_tasks: bool,
    /// Whether to look if entries go on where no memory grows: in room that a table has already.
    pub(super) looks_into_tables: bool,
}

impl Asked {
    fn middle(&self, window: usize) -> u64 {
        let from = self.warm_up << window;
        from + from / 2
    }
}

impl Pass<'_> {
    /// Runs through warm-up and windows from a fresh state, with a stack for each block, and reads what each site holds. One window
    /// more where what grew in total hasn't grown again by then, since what outlives a run has room from the first; and where nobody
    /// could see whether a table's entries go on, since those that do double it.
    pub(super) fn sites_by_window(&mut self, asked: &Asked) -> Result<Windows, ReadError> {
        self.source.start(Detail::Stacks)?;
        self.driver.refresh();
        let mut floors = SiteFloors::new(asked.windows + 1);
        let mut look = Look::default();
        let mut before_the_last = None;
        let mut windows = asked.windows;
        let mut end = asked.warm_up << windows;
        let mut iteration = 0;
        // One loop with one call: a workload that is called from two places would have two stacks for each of its sites.
        while iteration < end {
            #[cfg(finds_stuck_tasks)]
            if asked.asks_tasks {
                // What iterations before left on the stack would be copied into the unused room of this one's futures, and one old pointer
                // leads from task to task.
                crate::allocator::stacks::wipe_below();
            }
            self.driver.iterate();
            let reading = self.source.read();
            self.tell(Stage::Sites(1), iteration + 1, end, reading);
            if self.budget.is_spent() {
                self.source.stop()?;
                return Err(out_of_time(iteration + 1, end));
            }
            self.read_sites(iteration, asked, &mut floors, &mut look);
            iteration += 1;
            if iteration == end && windows == asked.windows {
                let is_told = !asked.looks_into_tables || look.go_on;
                if !is_told || !floors.show_again(asked) {
                    self.settled();
                    floors.end(|visit| self.source.each_site(visit));
                    before_the_last = Some(floors.held_by_growing(windows));
                    windows += 1;
                    end *= 2;
                }
            }
        }
        self.settled();
        floors.end(|visit| self.source.each_site(visit));
        // Entries that go on double each table that holds them while the run doubles.
        let took_no_more = before_the_last.is_some_and(|before| {
            floors.held_by_growing(asked.windows) - look.doubled_while_full <= before
        });
        let are_full = asked.looks_into_tables
            && !look.go_on
            && took_no_more
            && floors.grew_often(asked.windows);
        let growing = floors.growing(windows);
        let is_over = || self.budget.is_spent();
        let state = self.driver.state();
        let holders = holders::of_watched(&state, || self.source.holders(&growing, &is_over));
        // While each block is noted it is known who holds a waker.
        let outlooks = asked.asks_tasks.then(|| self.driver.outlooks()).flatten();
        let profile = self.source.stop()?;
        let (sites, floors): (Vec<_>, Vec<_>) = floors.holding(windows).unzip();
        let stacks = self.source.stacks_of(&sites);
        let middles = (0..windows).map(|window| asked.middle(window));
        Ok(Windows {
            middles: middles.chain([asked.warm_up << windows]).collect(),
            stacks: stacks.into_iter().zip(floors).collect(),
            profile,
            holders: Some(holders),
            outlooks,
            are_full,
        })
    }

    /// Reads each site now and then in the second half of a window. Remembers what is live as the last one begins. Looks into its tables before the last eighth of all so far, and at
    /// its end.
    fn read_sites(
        &mut self,
        iteration: u64,
        asked: &Asked,
        floors: &mut SiteFloors,
        look: &mut Look,
    ) {
        // The windows double: an iteration's window is told by how often the warm-up fits.
        let Some(window) = (iteration / asked.warm_up).checked_ilog2() else {
            return;
        };
        let window = window as usize;
        let (middle, to) = (asked.middle(window), asked.warm_up << (window + 1));
        if window + 1 >= asked.windows && iteration == asked.warm_up << window {
            self.source.remember_live();
        }
        let settle_every = ((to - middle) / SETTLED_READINGS).max(1);
        if iteration >= middle && (iteration - middle).is_multiple_of(settle_every) {
            self.settled();
            floors.begin(window);
            self.source
                .each_site(&mut |reading| floors.add(window, reading));
        }
        let is_last = asked.looks_into_tables && window + 1 >= asked.windows;
        let before_the_last_eighth = to - (to - middle) / 2;
        if is_last && (iteration == before_the_last_eighth || iteration + 1 == to) {
            let is_over = || self.budget.is_spent();
            let now = self.source.tables(&floors.growing(window + 1), &is_over);
            let earlier = look.tables.take();
            look.go_on = earlier
                .zip(now.as_ref())
                .is_some_and(|(earlier, now)| now.go_on_since(&earlier));
            if iteration == before_the_last_eighth {
                look.tables = now;
            } else if let Some(now) = now {
                let before = look.at_the_end.replace(now);
                look.doubled_while_full = before
                    .zip(look.at_the_end.as_ref())
                    .map_or(0, |(before, now)| now.doubled_while_full(&before));
            }
        }
    }
}

/// What was seen in tables.
#[derive(Debug, Default)]
struct Look {
    tables: Option<Tables>,
    /// Whether entries came after that.
    go_on: bool,
    /// Those at the end of all windows so far.
    at_the_end: Option<Tables>,
    /// Bytes of hash tables that doubled from the window before to the last one, and took no more entries.
    doubled_while_full: i64,
}

/// The floors of each site, window by window.
#[derive(Debug)]
struct SiteFloors {
    /// Readings taken in each window.
    readings: Vec<u32>,
    sites: HashMap<usize, Held>,
}

/// What one site holds.
#[derive(Debug)]
struct Held {
    floors: Vec<SiteFloor>,
    /// In the end.
    blocks: i64,
    bytes: i64,
}

#[derive(Debug, Clone, Copy)]
struct SiteFloor {
    blocks: i64,
    bytes: i64,
    /// In how many of the window's readings the site was there. Where it wasn't, it held nothing.
    seen: u32,
}

impl SiteFloors {
    fn new(windows: usize) -> Self {
        SiteFloors {
            readings: vec![0; windows],
            sites: HashMap::new(),
        }
    }

    fn begin(&mut self, window: usize) {
        self.readings[window] += 1;
    }

    fn add(&mut self, window: usize, reading: SiteReading) {
        let floor = &mut self.site(reading.site).floors[window];
        floor.blocks = floor.blocks.min(reading.blocks.cast_signed());
        floor.bytes = floor.bytes.min(reading.bytes.cast_signed());
        floor.seen += 1;
    }

    /// Takes what the sites hold in the end.
    fn end(&mut self, each: impl FnOnce(&mut dyn FnMut(SiteReading))) {
        for held in self.sites.values_mut() {
            (held.blocks, held.bytes) = (0, 0);
        }
        each(&mut |reading| {
            let held = self.site(reading.site);
            held.blocks = reading.blocks.cast_signed();
            held.bytes = reading.bytes.cast_signed();
        });
    }

    fn site(&mut self, site: usize) -> &mut Held {
        const UNSEEN: SiteFloor = SiteFloor {
            blocks: i64::MAX,
            bytes: i64::MAX,
            seen: 0,
        };
        let windows = self.readings.len();
        self.sites.entry(site).or_insert_with(|| Held {
            floors: vec![UNSEEN; windows],
            blocks: 0,
            bytes: 0,
        })
    }

    /// Blocks and bytes at a window's floor.
    fn floor(&self, held: &Held, window: usize) -> (i64, i64) {
        let floor = held.floors[window];
        if floor.seen < self.readings[window] {
            (0, 0)
        } else {
            (floor.blocks, floor.bytes)
        }
    }

    /// The sites that held more at the floor of the last of so many windows than at the first's.
    fn growing(&self, windows: usize) -> Vec<usize> {
        let last = windows.saturating_sub(1);
        let grows = |held: &Held| {
            let (first, last) = (self.floor(held, 0), self.floor(held, last));
            last.0 > first.0 || last.1 > first.1
        };
        let growing = self.sites.iter().filter(|(_, held)| grows(held));
        growing.map(|(site, _)| *site).collect()
    }

    /// Whether what grew in the first run grew again, from the first window of this one to the last.
    fn show_again(&self, asked: &Asked) -> bool {
        let last = asked.windows - 1;
        let span = (asked.middle(last) - asked.middle(0)).max(1) as f64;
        let grown = self.sites.values().fold((0, 0), |sum, held| {
            let (first, last) = (self.floor(held, 0), self.floor(held, last));
            (sum.0 + last.0 - first.0, sum.1 + last.1 - first.1)
        });
        let grown = Amount {
            blocks: grown.0 as f64 / span,
            bytes: grown.1 as f64 / span,
        };
        asked.totals.is_none_or(|totals| grown.shows_again(totals))
    }

    /// What the sites that grew hold in the end, in bytes.
    fn held_by_growing(&self, windows: usize) -> i64 {
        let growing = self.growing(windows);
        let held = growing.iter().filter_map(|site| self.sites.get(site));
        held.map(|held| held.bytes).sum()
    }

    /// Whether what grew did so in most windows, as what begins fresh does. What doubled now and then outlives the run.
    fn grew_often(&self, windows: usize) -> bool {
        let bytes = |window| {
            let held = self.sites.values();
            held.map(|held| self.floor(held, window).1).sum::<i64>()
        };
        let rises = (1..windows).filter(|&window| bytes(window) > bytes(window - 1));
        2 * rises.count() >= windows - 1
    }

    /// Each site that held something at a floor of so many windows or in the end, with these blocks and bytes.
    fn holding(self, windows: usize) -> impl Iterator<Item = (usize, Vec<(i64, i64)>)> {
        let mut sites = Vec::new();
        for (site, held) in &self.sites {
            let floors = (0..windows).map(|window| self.floor(held, window));
            let floors: Vec<(i64, i64)> = floors.chain([(held.blocks, held.bytes)]).collect();
            if floors.iter().any(|floor| *floor != (0, 0)) {
                sites.push((*site, floors));
            }
        }
        sites.into_iter()
    }
}
