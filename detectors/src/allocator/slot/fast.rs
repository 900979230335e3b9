//! What each allocation and each free runs: a few instructions that count it, and tell when something else is to be done.

/// What the fast path found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::allocator) enum Step {
    /// It is counted, and nothing else is to be done.
    Counted,
    /// The bytes are counted down, the block isn't: [`super::alloc_due`] or [`super::free_due`] goes on.
    Due,
    /// It is counted, and the block is marked: see [`exact`](crate::allocator::exact).
    Marked,
}

/// Counts an allocation. *Marked* means that every block is to be noted.
#[inline(always)]
pub(in crate::allocator) fn count_alloc(size: usize) -> Step {
    let slot = super::this_thread::get();
    #[cfg(fast_path_in_assembly)]
    return assembly::count_alloc(slot, size);
    #[cfg(not(fast_path_in_assembly))]
    portable::count_alloc(slot, size)
}

/// Counts a free of the block at `address`.
#[inline(always)]
pub(in crate::allocator) fn count_free(address: usize, size: usize) -> Step {
    let slot = super::this_thread::get();
    #[cfg(fast_path_in_assembly)]
    return assembly::count_free(slot, address, size);
    #[cfg(not(fast_path_in_assembly))]
    portable::count_free(slot, address, size)
}

/// The fast path in Rust, for every target.
#[cfg(any(test, not(fast_path_in_assembly)))]
mod portable {
    use super::super::{Slot, add};
    use super::Step;
    use std::sync::atomic::AtomicI64;
    use std::sync::atomic::Ordering::Relaxed;

    #[inline(always)]
    pub(super) fn count_alloc(slot: &Slot, size: usize) -> Step {
        if is_used_up(&slot.alloc_left, size) {
            return Step::Due;
        }
        add(&slot.alloc_blocks, 1);
        if slot.unmarked_bits.load(Relaxed) == 0 {
            return Step::Marked;
        }
        Step::Counted
    }

    #[inline(always)]
    pub(super) fn count_free(slot: &Slot, address: usize, size: usize) -> Step {
        if is_used_up(&slot.free_left, size) {
            return Step::Due;
        }
        add(&slot.free_blocks, 1);
        if slot.unmarked_bits.load(Relaxed) & address == 0 {
            return Step::Marked;
        }
        Step::Counted
    }

    #[inline(always)]
    fn is_used_up(left: &AtomicI64, size: usize) -> bool {
        let now = left.load(Relaxed).wrapping_sub(size.cast_signed() as i64);
        left.store(now, Relaxed);
        now < 0
    }
}

/// The same in the fewest instructions: the compiler doesn't join an atomic load, a subtraction and an atomic store into the
/// one instruction that does all three and sets the flag. It is a third of what counting costs.
#[cfg(fast_path_in_assembly)]
mod assembly {
    use super::super::Slot;
    use super::Step;
    use std::arch::asm;
    use std::mem::offset_of;

    #[inline(always)]
    pub(super) fn count_alloc(slot: &Slot, size: usize) -> Step {
        // SAFETY: reads and writes three fields of a slot, each aligned and in one instruction, as relaxed atomics do.
        unsafe {
            asm!(
                "sub qword ptr [{slot} + {left}], {size}",
                "js {due}",
                "inc qword ptr [{slot} + {blocks}]",
                "cmp qword ptr [{slot} + {bits}], 0",
                "je {marked}",
                slot = in(reg) slot,
                size = in(reg) size,
                left = const offset_of!(Slot, alloc_left),
                blocks = const offset_of!(Slot, alloc_blocks),
                bits = const offset_of!(Slot, unmarked_bits),
                due = label { return Step::Due },
                marked = label { return Step::Marked },
                options(nostack)
            );
        }
        Step::Counted
    }

    #[inline(always)]
    pub(super) fn count_free(slot: &Slot, address: usize, size: usize) -> Step {
        // SAFETY: as above.
        unsafe {
            asm!(
                "sub qword ptr [{slot} + {left}], {size}",
                "js {due}",
                "inc qword ptr [{slot} + {blocks}]",
                "test qword ptr [{slot} + {bits}], {address}",
                "je {marked}",
                slot = in(reg) slot,
                size = in(reg) size,
                address = in(reg) address,
                left = const offset_of!(Slot, free_left),
                blocks = const offset_of!(Slot, free_blocks),
                bits = const offset_of!(Slot, unmarked_bits),
                due = label { return Step::Due },
                marked = label { return Step::Marked },
                options(nostack)
            );
        }
        Step::Counted
    }
}

#[cfg(all(test, fast_path_in_assembly))]
mod tests {
    use super::super::Slot;
    use super::{Step, assembly, portable};
    use crate::allocator::sampling::mixed;
    use std::sync::atomic::Ordering::Relaxed;

    /// Everything that the fast path touches.
    fn touched(slot: &Slot) -> (i64, u64, i64, u64) {
        (
            slot.alloc_left.load(Relaxed),
            slot.alloc_blocks.load(Relaxed),
            slot.free_left.load(Relaxed),
            slot.free_blocks.load(Relaxed),
        )
    }

    #[test]
    fn both_fast_paths_do_the_same() {
        let (one, other) = (Slot::new(200_000), Slot::new(200_000));
        let mut steps = [0; 3];
        for seed in 0..5_000 {
            let random = mixed(seed);
            let size = usize::try_from(random % 200).expect("it is small");
            let address = usize::try_from(random >> 20).expect("64 bits") & !0xff0;
            if seed == 3_000 {
                one.unmarked_bits.store(0, Relaxed);
                other.unmarked_bits.store(0, Relaxed);
            }
            let (a, b) = if random.is_multiple_of(2) {
                (
                    assembly::count_alloc(&one, size),
                    portable::count_alloc(&other, size),
                )
            } else {
                (
                    assembly::count_free(&one, address, size),
                    portable::count_free(&other, address, size),
                )
            };
            assert_eq!(a, b, "size {size}, address {address:#x}");
            assert_eq!(touched(&one), touched(&other));
            steps[match a {
                Step::Counted => 0,
                Step::Due => 1,
                Step::Marked => 2,
            }] += 1;
        }
        assert!(steps.iter().all(|&times| times > 100), "{steps:?}");
    }
}
