//! What is free in glibc's heap: words that stand there are old, and hold nothing.
//!
//! | a free part | says so |
//! |---|---|
//! | in one of the heap's lists | the head of the block behind it |
//! | what the heap hasn't given out yet | it is the last one |
//! | in a thread's cache | the cache leads to it, from one to the next, and each has glibc's secret number |
//! | freed a moment ago, and small | nothing: [`settle`] has glibc put it with the first kind |
//! | behind a block that asked for less than it was given | the block's own head |

use super::{
    BEFORE_IN_USE, HEAD_BYTES, Heap, IS_MAPPED, LEAST_BYTES, MARKS, Part, Reader, WORD_BYTES,
};
use crate::readings::holders::Heap as Whose;
use crate::readings::holders::memory::Memory;
use std::ffi::CStr;
use std::ops::Range;

/// What a thread knows of its own cache: a block of this size, with its head.
const CACHE_BYTES: usize = 0x290;

/// From this version on each cached block has the same secret number, and the way to the next is mixed with its own address.
const SINCE: (u32, u32) = (2, 34);

const PAGE_BITS: u32 = 12;

/// Free parts of the heap, in the order of their addresses.
#[derive(Default)]
pub(in crate::readings::holders) struct Freed {
    /// Start and end, upside down: as they are, they would be pointers from memory that isn't known.
    parts: Vec<(usize, usize)>,
}

impl Freed {
    pub(in crate::readings::holders) fn has(&self, address: usize) -> bool {
        let next = self.parts.partition_point(|(start, _)| !start <= address);
        let part = next.checked_sub(1).map(|at| self.parts[at]);
        part.is_some_and(|(_, end)| address < !end)
    }
}

impl Freed {
    /// What is free in a copy's heap; nothing where the program's blocks lie in another allocator's memory.
    pub(in crate::readings::holders) fn in_a_copy(memory: &Memory) -> Self {
        if memory.copied != Some(Whose::OfGlibc) {
            return Freed::default();
        }
        settle();
        Heap::of_glibc(memory).freed(memory, secret(memory))
    }
}

impl Heap {
    fn freed(&self, memory: &Memory, secret: Option<usize>) -> Freed {
        let mut reader = Reader::of(memory);
        let mut parts = Vec::new();
        let mut cached = Vec::new();
        let mut firsts = Vec::new();
        for part in &self.parts {
            let Part::Blocks { range, .. } = part else {
                continue;
            };
            let mut at = range.start;
            while at < range.end {
                let size = reader.head(at).map_or(0, |(size, _)| size);
                if size < LEAST_BYTES || size > range.end - at {
                    break;
                }
                let (block, next) = (at + HEAD_BYTES, at + size);
                let behind = reader.head(next).filter(|_| next < range.end);
                // A block has the first word of the next one's head.
                let end = behind.map_or(next, |_| next + WORD_BYTES);
                let is_free = behind.is_none_or(|(_, marks)| marks & BEFORE_IN_USE == 0);
                if is_free {
                    parts.push((!block, !end));
                } else if secret.is_some() && reader.word(block + WORD_BYTES) == secret {
                    cached.push((!block, !end));
                } else if secret.is_some() && size == CACHE_BYTES {
                    let words = (block..next).step_by(WORD_BYTES);
                    firsts.extend(words.filter_map(|at| reader.word(at)).map(|word| !word));
                }
                at = next;
            }
        }
        cached.sort_unstable_by_key(|(start, _)| !start);
        parts.extend(led_to(&firsts, cached, memory));
        parts.sort_unstable_by_key(|(start, _)| !start);
        Freed { parts }
    }
}

/// Of the blocks that look cached those that a cache leads to.
fn led_to(firsts: &[usize], cached: Vec<(usize, usize)>, memory: &Memory) -> Vec<(usize, usize)> {
    let mut is_led_to = vec![false; cached.len()];
    for first in firsts {
        let mut block = !first;
        while let Ok(at) = cached.binary_search_by_key(&block, |(start, _)| !start)
            && !is_led_to[at]
        {
            is_led_to[at] = true;
            let Some([mixed]) = memory.words::<1>(block) else {
                break;
            };
            block = mixed ^ (block >> PAGE_BITS);
        }
    }
    let both = cached.into_iter().zip(is_led_to);
    both.filter_map(|(part, is_led_to)| is_led_to.then_some(part))
        .collect()
}

/// More than this isn't left behind a block: a block has 24 bytes at least, and less than 32 are given away with it.
#[cfg(finds_stuck_tasks)]
pub(in crate::readings::holders) const ROOM_MAX: usize = 3 * WORD_BYTES + LEAST_BYTES;

/// What glibc gave to a block and nobody asked for: it lies between the block and the next one's head. The block may not be another
/// allocator's.
#[cfg(finds_stuck_tasks)]
pub(in crate::readings::holders) fn room_behind(
    block: &Range<usize>,
    memory: &Memory,
) -> Option<Range<usize>> {
    let [head] = memory.words::<1>(block.start.checked_sub(WORD_BYTES)?)?;
    let (size, marks) = (head & !MARKS, head & MARKS);
    // A block has the first word of the next one's head, if there is a next one.
    let end = block.start - HEAD_BYTES + size;
    let end = if marks & IS_MAPPED == 0 {
        end + WORD_BYTES
    } else {
        end
    };
    let is_one = size >= LEAST_BYTES && size.is_multiple_of(HEAD_BYTES);
    let room = end.checked_sub(block.end).filter(|_| is_one)?;
    (room <= ROOM_MAX).then_some(block.end..end)
}

/// Has glibc join small blocks that were freed with what is free beside them. Whole free pages are given back, by the copy alone.
fn settle() {
    #[cfg(target_env = "gnu")]
    // SAFETY: a plain call. No other thread lives in a copy, and glibc has its locks free there.
    unsafe {
        libc::malloc_trim(0)
    };
}

/// The number by which glibc knows blocks in caches; `None` in an older one.
#[cfg(target_env = "gnu")]
fn secret(memory: &Memory) -> Option<usize> {
    // SAFETY: it is a text that lives as long as the library.
    let version = unsafe { CStr::from_ptr(libc::gnu_get_libc_version()) };
    let (major, minor) = version.to_str().ok()?.split_once('.')?;
    let minor = minor
        .split(|character: char| !character.is_ascii_digit())
        .next()?;
    if (major.parse().ok()?, minor.parse().ok()?) < SINCE {
        return None;
    }
    let [one, other] = [24, 200].map(|bytes| second_word_of_freed(bytes, memory));
    one.filter(|secret| *secret != 0 && one == other)
}

#[cfg(not(target_env = "gnu"))]
fn secret(_memory: &Memory) -> Option<usize> {
    None
}

/// What stands in a block of at least so many bytes once it is freed, other than what was written there.
#[cfg(target_env = "gnu")]
fn second_word_of_freed(bytes: usize, memory: &Memory) -> Option<usize> {
    const WRITTEN: u8 = 0x5a;
    // SAFETY: a block of `bytes` bytes is written to within itself, and freed once.
    let block = unsafe {
        let block = libc::malloc(bytes);
        if block.is_null() {
            return None;
        }
        block.cast::<u8>().write_bytes(WRITTEN, bytes);
        // Seen from outside: else the compiler may leave out what nobody reads.
        libc::free(std::hint::black_box(block));
        block.addr()
    };
    // By way of the kernel, as all of this memory is read.
    let [word] = memory.words::<1>(block + WORD_BYTES)?;
    (word != usize::from_ne_bytes([WRITTEN; WORD_BYTES])).then_some(word)
}

#[cfg(all(test, target_env = "gnu"))]
mod tests {
    use super::{Freed, ROOM_MAX, room_behind};
    use crate::readings::copy;
    use crate::readings::holders::copy_knows;
    use crate::readings::holders::memory::Memory;
    use std::ffi::c_void;

    /// A block of C's, by its address upside down, and its size.
    type Hidden = (usize, usize);

    fn asked(bytes: usize) -> Hidden {
        // SAFETY: a plain call.
        let block = unsafe { libc::malloc(bytes) };
        assert!(!block.is_null(), "there is memory");
        (!block.addr(), bytes)
    }

    fn free(block: Hidden) {
        // SAFETY: it came from `asked`, and is freed once.
        unsafe { libc::free(std::ptr::with_exposed_provenance_mut::<c_void>(!block.0)) }
    }

    /// Blocks of all sizes, of which some are freed: more at once than a thread's cache takes, in an order of their own.
    fn some_freed(seed: u64) -> (Vec<Hidden>, Vec<Hidden>) {
        let mut state = seed;
        let mut random = move |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            usize::try_from(state >> 40).unwrap_or(0) % below
        };
        let (mut live, mut freed) = (Vec::with_capacity(4_000), Vec::with_capacity(4_000));
        for _ in 0..4_000 {
            let bytes = match random(10) {
                0 => 1 + random(20_000),
                1 | 2 => 1 + random(1_200),
                _ => 1 + random(130),
            };
            live.push(asked(bytes));
            if live.len() > 100 && random(5) < 3 {
                let block = live.swap_remove(random(live.len()));
                free(block);
                freed.push(block);
            }
        }
        for _ in 0..live.len() / 2 {
            let block = live.swap_remove(random(live.len()));
            free(block);
            freed.push(block);
        }
        // An address may have been given out again.
        freed.sort_unstable();
        freed.dedup_by_key(|block| block.0);
        freed.retain(|block| live.iter().all(|other| !overlap(*block, *other)));
        (live, freed)
    }

    fn overlap(one: Hidden, other: Hidden) -> bool {
        !one.0 < !other.0 + other.1 && !other.0 < !one.0 + one.1
    }

    /// Runs that test of this program again, in a process where no other test takes what it freed; `false` in that process.
    fn is_left_to_its_own_process(test: &str) -> bool {
        const ALONE: &str = "DETECTORS_TEST_ALONE";
        if std::env::var_os(ALONE).is_some() {
            return false;
        }
        let program = std::env::current_exe().expect("this test runs");
        let output = std::process::Command::new(program)
            .args([
                &format!(
                    "{}::{test}",
                    module_path!().split_once("::").expect("a module").1
                ),
                "--exact",
                "--nocapture",
            ])
            .env(ALONE, "1")
            .output()
            .expect("this program runs");
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && told.contains("1 passed"),
            "{told}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        true
    }

    #[test]
    fn what_a_block_was_given_beyond_what_it_asked_for_is_known_to_the_byte() {
        let memory = Memory::of_this_process(None).expect("Linux tells");
        let (live, freed) = some_freed(3);
        let mut with_room = 0;
        for (hidden, bytes) in &live {
            let start = !hidden;
            // SAFETY: a block that `asked` made, and that isn't freed yet.
            let usable =
                unsafe { libc::malloc_usable_size(std::ptr::with_exposed_provenance_mut(start)) };
            let room = room_behind(&(start..start + bytes), &memory);
            let expected = start + bytes..start + usable;
            assert_eq!(room, Some(expected).filter(|room| room.len() <= ROOM_MAX));
            with_room += usize::from(room.is_some_and(|room| room.len() >= 8));
        }
        assert!(with_room > 100, "{with_room} of {}", live.len());
        drop(freed);
        live.into_iter().for_each(free);
    }

    #[test]
    fn each_block_in_use_is_told_from_what_is_free() {
        if is_left_to_its_own_process("each_block_in_use_is_told_from_what_is_free") {
            return;
        }
        let own = some_freed(7);
        // Arenas of their own, whose threads live on with what they have in their caches.
        let (tell, told) = std::sync::mpsc::channel();
        let (ends, end) = std::sync::mpsc::channel::<()>();
        let end = std::sync::Arc::new(std::sync::Mutex::new(end));
        let threads: Vec<_> = (0..3)
            .map(|seed| {
                let (tell, end) = (tell.clone(), std::sync::Arc::clone(&end));
                std::thread::spawn(move || {
                    tell.send(some_freed(seed)).expect("it is waited for");
                    let ended = end.lock().map(|end| end.recv());
                    drop(ended);
                })
            })
            .collect();
        let others: Vec<_> = (0..3).map(|_| told.recv().expect("it is told")).collect();
        let all: Vec<_> = others.into_iter().chain([own]).collect();
        let work = || {
            copy_knows(Vec::new());
            let memory = Memory::of_this_process(None).expect("Linux tells");
            let free = Freed::in_a_copy(&memory);
            let (mut wrong, mut seen, mut of) = (0, 0, 0);
            for (live, freed) in &all {
                let has_some = |block: &&Hidden| (0..block.1).any(|at| free.has(!block.0 + at));
                wrong += live.iter().filter(has_some).count();
                seen += freed.iter().filter(|block| free.has(!block.0)).count();
                of += freed.len();
            }
            format!("{wrong} {seen} {of}").into_bytes()
        };
        let done = copy::of_this_process(work, |_| Ok(())).expect("it is copied");
        let told = String::from_utf8(done.told).expect("numbers");
        let told: Vec<usize> = told
            .split(' ')
            .map(|number| number.parse().expect("a number"))
            .collect();
        println!("{told:?}");
        let [wrong, seen, of] = told[..] else {
            panic!("{told:?}");
        };
        assert_eq!(wrong, 0, "of these blocks in use a part was taken for free");
        // Sending them to this thread has taken some of it since.
        assert!(
            of > 2_000 && 100 * seen >= 95 * of,
            "{seen} of {of} freed blocks were seen"
        );
        drop(ends);
        for thread in threads {
            thread.join().expect("it ends");
        }
        for block in all.into_iter().flat_map(|(live, _)| live) {
            free(block);
        }
    }
}
