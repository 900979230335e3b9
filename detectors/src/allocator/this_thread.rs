//! The word in which each thread keeps the address of its slot.
//!
//! `thread_local!` reads it through a function that isn't always inlined: about ten instructions on a path that has sixteen.
//! Where the program's format is known, the variable is laid out as that macro lays it out, and read in two.

use super::slot::Slot;

#[cfg(fast_path_in_assembly)]
pub(super) use in_assembly::{get, set};
#[cfg(not(fast_path_in_assembly))]
pub(super) use portable::{get, set};

#[cfg(not(fast_path_in_assembly))]
mod portable {
    use super::Slot;
    use crate::allocator::slot::UNREGISTERED;
    use std::cell::Cell;

    thread_local! {
        static SLOT: Cell<&'static Slot> = const { Cell::new(&UNREGISTERED) };
    }

    #[inline(always)]
    pub(in crate::allocator) fn get() -> &'static Slot {
        SLOT.get()
    }

    pub(in crate::allocator) fn set(slot: &'static Slot) {
        SLOT.set(slot);
    }
}

#[cfg(fast_path_in_assembly)]
mod in_assembly {
    use super::Slot;
    use crate::allocator::slot::UNREGISTERED;
    use std::arch::{asm, global_asm};

    // The version keeps two releases of this library, linked into one program, apart.
    macro_rules! name {
        () => {
            concat!("detectors_slot_", env!("CARGO_PKG_VERSION"))
        };
    }

    global_asm!(
        ".pushsection .tdata,\"awT\",@progbits",
        ".p2align 3",
        concat!(".type \"", name!(), "\",@object"),
        concat!(".size \"", name!(), "\",8"),
        concat!(".globl \"", name!(), "\""),
        concat!(".hidden \"", name!(), "\""),
        concat!("\"", name!(), "\":"),
        ".quad {unregistered}",
        ".popsection",
        unregistered = sym UNREGISTERED,
    );

    #[inline(always)]
    pub(in crate::allocator) fn get() -> &'static Slot {
        let slot: *const Slot;
        // SAFETY: reads this thread's copy of the variable above, by the rules of initial-exec; it always holds the address of
        // a slot that is never freed.
        unsafe {
            asm!(
                concat!("mov {slot}, qword ptr [rip + \"", name!(), "\"@GOTTPOFF]"),
                "mov {slot}, qword ptr fs:[{slot}]",
                slot = out(reg) slot,
                options(readonly, nostack, preserves_flags)
            );
            &*slot
        }
    }

    pub(in crate::allocator) fn set(slot: &'static Slot) {
        // SAFETY: as above, and only this thread reads it.
        unsafe {
            asm!(
                concat!("mov {at}, qword ptr [rip + \"", name!(), "\"@GOTTPOFF]"),
                "mov qword ptr fs:[{at}], {slot}",
                at = out(reg) _,
                slot = in(reg) slot,
                options(nostack, preserves_flags)
            );
        }
    }
}
