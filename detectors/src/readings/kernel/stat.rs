//! Which process it is.

use super::Whose;
use super::file::text;
use std::io;

/// What the kernel tells of each process in one line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    /// Its name, of at most 15 bytes, which may end inside a letter.
    pub(crate) program: String,
    pub(crate) is_of_the_kernel: bool,
    /// When it began, in the kernel's ticks since the machine did: a number is given again, a time isn't.
    pub(crate) began: u64,
    state: char,
}

/// `None` when there is no such process, or only what is left until its parent asks how it ended.
pub(crate) fn stat(id: u32) -> io::Result<Option<Stat>> {
    match text(Whose::Of(id), "stat") {
        Ok(line) => Ok(parsed(&line).filter(|stat| !matches!(stat.state, 'Z' | 'X' | 'x'))),
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_gone(error: &io::Error) -> bool {
    const NO_SUCH_PROCESS: i32 = 3;
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(NO_SUCH_PROCESS)
}

/// `4711 (a (strange) name) S 1 ..`: the name may have anything in it, so its end is the last bracket.
fn parsed(line: &str) -> Option<Stat> {
    /// The kernel's `PF_KTHREAD`.
    const KERNEL_THREAD: u64 = 0x0020_0000;
    let (before, after) = line.rsplit_once(')')?;
    let (_, program) = before.split_once('(')?;
    let mut words = after.split_ascii_whitespace();
    // Of all words these are the 3rd, the 9th and the 22nd.
    let state = words.next()?.chars().next()?;
    let flags: u64 = words.nth(5)?.parse().ok()?;
    let began = words.nth(12)?.parse().ok()?;
    Some(Stat {
        program: program.to_owned(),
        is_of_the_kernel: flags & KERNEL_THREAD != 0,
        began,
        state,
    })
}

#[cfg(test)]
mod tests {
    use super::{Stat, parsed};

    #[test]
    fn a_line_of_stat_is_read_whatever_the_program_is_called() {
        let line =
            "4711 (a) b\n(c) S 4 5 6 7 8 4194304 10 11 12 13 14 15 16 17 18 19 20 21 98765 23 24";
        let expected = Stat {
            program: "a) b\n(c".to_owned(),
            is_of_the_kernel: false,
            began: 98_765,
            state: 'S',
        };
        assert_eq!(parsed(line), Some(expected));
        for broken in ["", "4711", "4711 (a) S 1 2", "4711 (a"] {
            assert_eq!(parsed(broken), None, "{broken}");
        }
    }
}
