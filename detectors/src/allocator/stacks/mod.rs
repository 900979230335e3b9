//! Where an allocation comes from: the return addresses on the thread's stack, and a table of the stacks that allocate.

mod machinery;
pub(crate) mod sites;
#[cfg(finds_stuck_tasks)]
mod wiped;

pub(crate) use machinery::learn;
#[cfg(finds_stuck_tasks)]
pub(crate) use wiped::wipe_below;

/// Deep enough to pass the frames of an async runtime and reach the workload.
pub(in crate::allocator) const FRAMES_MAX: usize = 64;

/// Return addresses, the innermost first.
pub(crate) struct Stack {
    frames: [usize; FRAMES_MAX],
    length: usize,
}

impl Stack {
    /// The stack of the caller. Doesn't allocate through the program's allocator, and takes no lock of ours; which of others', the
    /// module [`allocator`](crate::allocator) says.
    #[inline(always)]
    pub(crate) fn here() -> Stack {
        let mut stack = Stack {
            frames: [0; FRAMES_MAX],
            length: 0,
        };
        walk(&mut stack);
        stack
    }

    /// The stack of whoever called the C function at that address, by unwinder: C code has no frame pointers, and has what an unwinder
    /// needs. Where that function isn't found, all of it.
    #[cfg(sees_foreign)]
    pub(in crate::allocator) fn above(function: usize) -> Stack {
        let mut stack = Stack {
            frames: [0; FRAMES_MAX],
            length: 0,
        };
        let step = |frame: &backtrace::Frame| {
            if frame.symbol_address().addr() == function {
                stack.length = 0;
                return true;
            }
            stack.push(frame.ip().addr())
        };
        // SAFETY: as below; this is for Linux alone.
        unsafe { backtrace::trace_unsynchronized(step) };
        stack
    }

    pub(crate) fn frames(&self) -> &[usize] {
        &self.frames[..self.length]
    }

    /// Adds an outer frame; `false` when there is no room for more.
    fn push(&mut self, return_address: usize) -> bool {
        if let Some(frame) = self.frames.get_mut(self.length) {
            *frame = return_address;
            self.length += 1;
        }
        self.length < FRAMES_MAX
    }
}

/// How this build takes stacks, in words for the evidence.
pub(in crate::allocator) fn how() -> String {
    let how = if cfg!(walks_frame_pointers) {
        "by frame pointer"
    } else {
        "by unwinder"
    };
    format!("{how}, {FRAMES_MAX} frames deep at most")
}

#[cfg(not(walks_frame_pointers))]
fn walk(stack: &mut Stack) {
    unwind(stack);
}

#[cfg(walks_frame_pointers)]
#[inline(always)]
fn walk(stack: &mut Stack) {
    let frame: usize;
    // SAFETY: reads a register.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        std::arch::asm!("mov {}, rbp", out(reg) frame, options(nomem, nostack, preserves_flags));
        #[cfg(target_arch = "aarch64")]
        std::arch::asm!("mov {}, x29", out(reg) frame, options(nomem, nostack, preserves_flags));
    }
    if !walk_frames(frame, stack) {
        unwind(stack);
    }
}

/// Follows frame pointers from `frame`; `false` when the thread runs on a stack that isn't its own, as coroutines do.
#[cfg(walks_frame_pointers)]
fn walk_frames(mut frame: usize, stack: &mut Stack) -> bool {
    let here = (&raw const *stack).addr();
    let Some((low, high)) = crate::allocator::slot::stack_bounds(bounds_from_system) else {
        return false;
    };
    if !(low..high).contains(&here) {
        return false;
    }
    let mut below = here.min(frame);
    while frame >= below && frame <= high - 2 * size_of::<usize>() && frame.is_multiple_of(16) {
        // SAFETY: `frame` is aligned and lies, with the two words that are read, between a place in use and the end of this
        // thread's own stack, all of which is mapped. A frame pointer that is none gives wrong words, not a fault.
        let [outer, return_address] =
            unsafe { std::ptr::with_exposed_provenance::<[usize; 2]>(frame).read() };
        // The outermost frame returns nowhere.
        if return_address < 4_096 || !stack.push(return_address) {
            break;
        }
        below = frame + 2 * size_of::<usize>();
        frame = outer;
    }
    true
}

/// The addresses of this thread's own stack; `None` where the system doesn't tell.
#[cfg(target_os = "linux")]
pub(crate) fn of_this_thread() -> Option<std::ops::Range<usize>> {
    bounds_from_system().map(|(low, high)| low..high)
}

/// Costs up to 50 µs on the main thread, where the C library reads the process' map: it takes the locks of its files, and allocates
/// with its own malloc only.
#[cfg(target_os = "linux")]
fn bounds_from_system() -> Option<(usize, usize)> {
    use std::mem::MaybeUninit;
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let mut low = std::ptr::null_mut();
    let mut length = 0;
    // SAFETY: `pthread_getattr_np` initialises the attributes when it returns 0, and they are destroyed once.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return None;
        }
        let refused =
            libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut low, &raw mut length);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        if refused != 0 {
            return None;
        }
    }
    let low = low.addr();
    Some((low, low.checked_add(length)?))
}

#[cfg(all(walks_frame_pointers, target_os = "macos"))]
fn bounds_from_system() -> Option<(usize, usize)> {
    // SAFETY: both read what the system knows of this very thread.
    let (high, length) = unsafe {
        let this = libc::pthread_self();
        (
            libc::pthread_get_stackaddr_np(this).addr(),
            libc::pthread_get_stacksize_np(this),
        )
    };
    Some((high.checked_sub(length)?, high))
}

fn unwind(stack: &mut Stack) {
    // The outermost frame returns nowhere.
    let step =
        |frame: &backtrace::Frame| frame.ip().addr() >= 4_096 && stack.push(frame.ip().addr());
    // SAFETY: the function is unsafe since the debugging library of 32-bit Windows must not be used by two threads at a time;
    // there it is called with the lock that `trace` takes, and that whoever looks up a name takes as well. The unwinders of the
    // other systems, 64-bit Windows' among them, may run on any number of threads.
    #[cfg(not(all(windows, target_pointer_width = "32")))]
    unsafe {
        backtrace::trace_unsynchronized(step);
    }
    #[cfg(all(windows, target_pointer_width = "32"))]
    backtrace::trace(step);
}
