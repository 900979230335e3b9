//! Random sequences.

use crate::both::Both;
use crate::random::Random;
use crate::sites::{self, Block};
use detectors::allocator::set_sampling_interval;
use std::alloc::Layout;
use std::sync::{Arc, Barrier, Mutex, mpsc};

const CASES: usize = 1_000;
const STEPS: usize = 40;
const THREADS: usize = 4;

/// Where a block is made larger or smaller.
#[derive(Debug, Clone, Copy)]
enum ReallocAt {
    AnySite,
    ItsOwnSite,
}

/// Blocks of one owner, and its choices.
#[derive(Debug)]
struct Pool {
    blocks: Vec<Block>,
    bytes: usize,
    random: Random,
    at: ReallocAt,
}

impl Pool {
    fn new(seed: u64, at: ReallocAt) -> Self {
        Pool {
            blocks: Vec::new(),
            bytes: 0,
            random: Random::new(seed),
            at,
        }
    }

    fn step(&mut self) {
        // So that the test fits everywhere.
        let is_full = self.bytes > 24 << 20;
        match self.random.below(10) {
            0..=4 if !is_full => {
                let size = self.random.size(22);
                let layout =
                    Layout::from_size_align(size, self.random.align()).expect("it is small enough");
                let at = self.random.below(sites::count());
                let zeroed = self.random.below(4) == 0;
                self.add(Block::alloc(at, layout, zeroed));
            }
            5..=6 if !is_full => {
                let Some(mut block) = self.remove() else {
                    return;
                };
                let new_size = match self.random.below(4) {
                    0 => block.layout.size(),
                    1 => block.layout.size() / 2 + 1,
                    2 => (block.layout.size() + self.random.size(8)).min(4 << 20),
                    _ => self.random.size(22),
                };
                let at = match self.at {
                    ReallocAt::AnySite => self.random.below(sites::count()),
                    ReallocAt::ItsOwnSite => block.site,
                };
                block.realloc(at, new_size);
                self.add(block);
            }
            _ => {
                if let Some(block) = self.remove() {
                    block.free();
                }
            }
        }
    }

    fn add(&mut self, block: Block) {
        self.bytes += block.layout.size();
        self.blocks.push(block);
    }

    /// Any of them.
    fn remove(&mut self) -> Option<Block> {
        if self.blocks.is_empty() {
            return None;
        }
        let at = self.random.below(self.blocks.len());
        let block = self.blocks.swap_remove(at);
        self.bytes -= block.layout.size();
        Some(block)
    }

    fn clear(&mut self) {
        self.bytes = 0;
        for block in self.blocks.drain(..) {
            block.free();
        }
    }
}

pub(crate) fn one_thread() {
    set_sampling_interval(None);
    // Older than both instruments: its growth is new to them, its free is not seen.
    let layout = Layout::new::<[u8; 100]>();
    let older: Vec<Block> = (0..10).map(|_| Block::alloc(0, layout, false)).collect();
    let both = Both::start();
    let mut pool = Pool::new(1, ReallocAt::AnySite);
    for (at, mut block) in older.into_iter().enumerate() {
        if at % 2 == 0 {
            block.free();
        } else {
            block.realloc(1, 100 * at);
            pool.add(block);
        }
    }
    for case in 0..CASES {
        for _ in 0..STEPS {
            pool.step();
        }
        if case % 50 == 0 {
            pool.clear();
        }
        both.agree();
    }
    let by_site = both.agree_by_site();
    assert_eq!(by_site.len(), sites::count() + 1, "{by_site:?}");
    pool.clear();
}

pub(crate) fn threads_that_take_turns() {
    set_sampling_interval(None);
    let both = Both::start();
    let pool = Arc::new(Mutex::new(Pool::new(2, ReallocAt::AnySite)));
    // Threads begin and end outside of the turns, and at the same time: only the peak can show that.
    let barrier = Arc::new(Barrier::new(THREADS + 1));
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let (pool, barrier) = (Arc::clone(&pool), Arc::clone(&barrier));
            std::thread::spawn(move || {
                barrier.wait();
                for _ in 0..CASES / THREADS * STEPS {
                    pool.lock().expect("no thread panics").step();
                }
                barrier.wait();
            })
        })
        .collect();
    barrier.wait();
    for _ in 0..CASES {
        let _no_turn = pool.lock().expect("no thread panics");
        both.agree_but_for_the_peak();
    }
    barrier.wait();
    for thread in threads {
        thread.join().expect("it doesn't panic");
    }
    both.agree_but_for_the_peak();
    let by_site = both.agree_by_site();
    assert_eq!(by_site.len(), sites::count() + 1, "{by_site:?}");
    pool.lock().expect("no thread panics").clear();
}

pub(crate) fn threads_at_once() {
    set_sampling_interval(None);
    let both = Both::start();
    let mut pools = at_once(3, ReallocAt::AnySite, || both.agree_but_for_the_peak());
    both.agree_with_a_new_peak();
    let by_site = both.agree_by_site();
    assert_eq!(by_site.len(), sites::count() + 1, "{by_site:?}");
    pools.iter_mut().for_each(Pool::clear);
}

/// dhat's own tables are no part of the heap there either, where the thread has nothing left to say so with.
pub(crate) fn after_a_threads_variables_are_gone() {
    set_sampling_interval(None);
    let mut key = 0;
    // SAFETY: the key is written, and the destructor is given what is set below.
    assert_eq!(
        unsafe { libc::pthread_key_create(&raw mut key, Some(steps_at_the_end)) },
        0
    );
    let both = Both::start();
    let pools: Vec<Mutex<Pool>> = (0..THREADS as u64)
        .map(|number| Mutex::new(Pool::new(5_000 + number, ReallocAt::AnySite)))
        .collect();
    let pools: &'static [Mutex<Pool>] = pools.leak();
    for pool in pools {
        let thread = std::thread::spawn(move || {
            // SAFETY: the key was made above, and the pool lives as long as the process.
            unsafe { libc::pthread_setspecific(key, (&raw const *pool).cast()) }
        });
        assert_eq!(thread.join().expect("it doesn't panic"), 0);
        assert!(!pool.lock().expect("no thread panics").blocks.is_empty());
        both.agree();
    }
    both.agree_by_site();
}

/// Called by the C library after the thread's Rust variables are gone, and with them the allocator's own.
unsafe extern "C" fn steps_at_the_end(pool: *mut libc::c_void) {
    // SAFETY: it was set above.
    let pool = unsafe { &*pool.cast::<Mutex<Pool>>() };
    let mut pool = pool.lock().expect("no thread panics");
    for _ in 0..CASES {
        pool.step();
    }
}

/// Sampled blocks have pages of their own, and move there and away by a copy: the same counts all the same.
pub(crate) fn while_blocks_are_sampled() {
    set_sampling_interval(Some(4_096));
    let both = Both::start();
    let mut pools = at_once(4, ReallocAt::ItsOwnSite, || both.agree_but_for_the_peak());
    let by_site = both.agree_by_site();
    assert_eq!(by_site.len(), sites::count() + 1, "{by_site:?}");
    pools.iter_mut().for_each(Pool::clear);
}

/// Threads that give each other blocks, in rounds; `check` runs between the rounds. Gives what lives at the end.
fn at_once(seed: u64, at: ReallocAt, check: impl Fn()) -> Vec<Pool> {
    const ROUNDS: usize = 10;
    let (gives, takes): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| mpsc::channel::<Block>()).unzip();
    let mut pools: Vec<Pool> = (0..THREADS)
        .map(|number| Pool::new(seed * 1_000 + number as u64, at))
        .collect();
    let mut takes = takes;
    for _ in 0..ROUNDS {
        let threads: Vec<_> = pools
            .drain(..)
            .zip(takes.drain(..))
            .enumerate()
            .map(|(number, (mut pool, take))| {
                let give = gives[(number + 1) % THREADS].clone();
                std::thread::spawn(move || {
                    for _ in 0..CASES / THREADS / ROUNDS * STEPS {
                        pool.step();
                        if pool.random.below(8) == 0
                            && let Some(block) = pool.remove()
                        {
                            give.send(block).expect("the other end lives");
                        }
                        if let Ok(block) = take.try_recv() {
                            if pool.random.below(2) == 0 {
                                block.free();
                            } else {
                                pool.add(block);
                            }
                        }
                    }
                    (pool, take)
                })
            })
            .collect();
        for thread in threads {
            let (pool, take) = thread.join().expect("it doesn't panic");
            pools.push(pool);
            takes.push(take);
        }
        check();
    }
    for (pool, take) in pools.iter_mut().zip(&takes) {
        for block in take.try_iter() {
            pool.add(block);
        }
    }
    pools
}
