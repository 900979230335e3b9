//! A process' threads.

use super::Whose;
use super::file::{numbers, text};
use std::io;

/// The threads by the kernel's number, each with its name: of at most 15 bytes, which may end inside a letter.
///
/// # Errors
///
/// With the folder's path in front.
pub(crate) fn threads(whose: Whose) -> io::Result<Vec<(i32, String)>> {
    let mut threads = Vec::new();
    for id in numbers(whose, "task")? {
        // One that has ended meanwhile has no name.
        if let Ok(name) = text(whose, format_args!("task/{id}/comm")) {
            threads.push((id, name.trim_end().to_owned()));
        }
    }
    Ok(threads)
}

/// Where each thread's stack ends just now. The kernel tells of threads that wait; not of those that run, such as this one.
#[cfg(target_os = "linux")]
pub(crate) fn stack_pointers(whose: Whose) -> Vec<usize> {
    let threads = numbers(whose, "task").unwrap_or_default();
    let calls = threads
        .into_iter()
        .filter_map(|id| text(whose, format_args!("task/{id}/syscall")).ok());
    calls.filter_map(|call| stack_pointer(&call)).collect()
}

/// A program's first thread, as the standard library calls it.
pub(crate) const FIRST: &str = "main";

/// A thread, and where its stack ends.
#[cfg(target_os = "linux")]
#[derive(Debug, Clone)]
pub(crate) struct Stack {
    /// Empty where the thread has none of its own, and so its program's.
    pub(crate) name: String,
    pub(crate) pointer: usize,
    /// Whether it is the library's own, which holds nothing of the program's.
    pub(crate) is_of_instruments: bool,
}

/// The same with whose each of them is, by the kernel's number for the thread.
#[cfg(target_os = "linux")]
pub(crate) fn stacks(whose: Whose) -> Vec<(i32, Stack)> {
    let programs = text(whose, format_args!("comm")).unwrap_or_default();
    let threads = numbers(whose, "task").unwrap_or_default();
    let stack = |id: i32| {
        let call = text(whose, format_args!("task/{id}/syscall")).ok()?;
        let name = text(whose, format_args!("task/{id}/comm")).unwrap_or_default();
        let is_own = name != programs;
        let is_first = id.cast_unsigned() == std::process::id() && whose == Whose::Own;
        let stack = Stack {
            name: match () {
                () if is_first => FIRST.to_owned(),
                () if is_own => name.trim_end().to_owned(),
                () => String::new(),
            },
            pointer: stack_pointer(&call)?,
            is_of_instruments: is_of_instruments(id),
        };
        Some((id, stack))
    };
    threads.into_iter().filter_map(stack).collect()
}

/// The library's own threads that are alive, by the kernel's numbers.
#[cfg(feature = "debug")]
static OF_INSTRUMENTS: std::sync::Mutex<Vec<i32>> = std::sync::Mutex::new(Vec::new());

#[cfg(feature = "debug")]
fn of_instruments() -> std::sync::MutexGuard<'static, Vec<i32>> {
    OF_INSTRUMENTS
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(target_os = "linux")]
fn is_of_instruments(id: i32) -> bool {
    #[cfg(feature = "debug")]
    return of_instruments().contains(&id);
    #[cfg(not(feature = "debug"))]
    {
        let _ = id;
        false
    }
}

/// Starts a thread of the library's own, which holds nothing of the program's: what seems to stand on its stack was left there.
///
/// # Errors
///
/// Where the system refuses the thread.
#[cfg(feature = "debug")]
pub(crate) fn start_own(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<std::thread::JoinHandle<()>> {
    struct Listed(i32);
    impl Drop for Listed {
        fn drop(&mut self) {
            of_instruments().retain(|id| *id != self.0);
        }
    }
    let thread = std::thread::Builder::new().name(name.to_owned());
    thread.spawn(move || {
        let listed = Listed(thread_id());
        of_instruments().push(listed.0);
        work();
    })
}

/// Parses `7 0x5 0x7ffc.. 0x8000 0x0 0x0 0x0 0x7ffcSP 0x7f..PC`; `None` for `running`.
#[cfg(target_os = "linux")]
fn stack_pointer(call: &str) -> Option<usize> {
    let word = call.split_ascii_whitespace().rev().nth(1)?;
    usize::from_str_radix(word.strip_prefix("0x")?, 16).ok()
}

/// Where a thread stands, and how far it has come.
#[cfg(finds_stuck_tasks)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The call of the kernel that it waits in, with where its stack ends; `None` where it runs, or is about to.
    waits_in: Option<String>,
    /// How often it was given a core and left it.
    switches: u64,
    /// For how long it ran.
    ran: std::time::Duration,
}

#[cfg(finds_stuck_tasks)]
impl Standing {
    /// Where its stack ends, if it waits.
    pub(crate) fn stack_pointer(&self) -> Option<usize> {
        stack_pointer(self.waits_in.as_deref()?)
    }

    /// Whether it waits as a thread does that has nothing to do: for an event, or for another thread's word.
    pub(crate) fn waits_for_an_event(&self) -> bool {
        #[cfg(target_arch = "x86_64")]
        const FURTHER: libc::c_long = libc::SYS_epoll_wait;
        #[cfg(not(target_arch = "x86_64"))]
        const FURTHER: libc::c_long = libc::SYS_epoll_pwait;
        let call = self
            .waits_in
            .as_deref()
            .and_then(|call| call.split(' ').next());
        let call: Option<libc::c_long> = call.and_then(|call| call.parse().ok());
        call.is_some_and(|call| [libc::SYS_futex, libc::SYS_epoll_pwait, FURTHER].contains(&call))
    }

    /// Whether it waited all the time in between.
    pub(crate) fn has_rested_until(&self, later: &Self) -> bool {
        self.waits_in.is_some() && self == later
    }

    /// Whether it ran, or was about to, and had not come as far as this since.
    pub(crate) fn was_held_until(&self, later: &Self, far: std::time::Duration) -> bool {
        let both_run = self.waits_in.is_none() && later.waits_in.is_none();
        both_run && later.ran.saturating_sub(self.ran) < far
    }
}

/// How each of the own threads stands now, by the kernel's number for it.
#[cfg(finds_stuck_tasks)]
pub(crate) fn standing() -> std::collections::HashMap<i32, Standing> {
    let of = |id: i32| {
        let call = text(Whose::Own, format_args!("task/{id}/syscall")).ok()?;
        let status = text(Whose::Own, format_args!("task/{id}/status")).ok()?;
        let ran = text(Whose::Own, format_args!("task/{id}/schedstat")).unwrap_or_default();
        let ran = ran.split_ascii_whitespace().next();
        let switches = status
            .lines()
            .filter(|line| line.contains("ctxt_switches:"))
            .filter_map(|line| {
                line.split_ascii_whitespace()
                    .next_back()?
                    .parse::<u64>()
                    .ok()
            });
        let waits_in = call.trim_end().to_owned();
        let standing = Standing {
            waits_in: stack_pointer(&waits_in).is_some().then_some(waits_in),
            switches: switches.sum(),
            ran: std::time::Duration::from_nanos(ran.and_then(|ns| ns.parse().ok()).unwrap_or(0)),
        };
        Some((id, standing))
    };
    let threads = numbers(Whose::Own, "task").unwrap_or_default();
    threads.into_iter().filter_map(of).collect()
}

/// The kernel's number for this thread.
#[cfg(target_os = "linux")]
pub(crate) fn thread_id() -> i32 {
    rustix::thread::gettid().as_raw_nonzero().get()
}

/// No thread is listed here, so that none is looked up.
#[cfg(not(target_os = "linux"))]
pub(crate) fn thread_id() -> i32 {
    0
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::stack_pointer;

    #[cfg(feature = "debug")]
    #[test]
    fn the_stack_of_a_thread_of_the_librarys_own_is_known_for_it() {
        use super::{Whose, stacks, start_own};
        let (end, ends) = std::sync::mpsc::channel::<()>();
        let own = start_own("an own one", move || {
            let _ended = ends.recv();
        })
        .expect("it starts");
        let (other_end, ends) = std::sync::mpsc::channel::<()>();
        let other = std::thread::Builder::new().name("another".to_owned());
        let other = other
            .spawn(move || {
                let _ended = ends.recv();
            })
            .expect("it starts");
        let named = |name: &str| loop {
            // The kernel tells of those that wait.
            let stacks = stacks(Whose::Own).into_iter().map(|(_, stack)| stack);
            if let Some(stack) = stacks.into_iter().find(|stack| stack.name == name) {
                return stack.is_of_instruments;
            }
        };
        assert!(named("an own one"));
        assert!(!named("another"));
        // The one that this runs on doesn't wait.
        if super::thread_id().cast_unsigned() != std::process::id() {
            assert!(!named("main"));
        }
        drop((end, other_end));
        own.join().and(other.join()).expect("they end");
    }

    #[test]
    fn the_stack_pointer_is_the_last_word_but_one() {
        let waits = "7 0x5 0x8000 0x1 0x0 0x0 0x0 0x7ffc2000 0x7f1234567890\n";
        assert_eq!(stack_pointer(waits), Some(0x7ffc_2000));
        assert_eq!(stack_pointer("running\n"), None);
        assert_eq!(stack_pointer(""), None);
    }
}
