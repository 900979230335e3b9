//! A disk that is full, for the exercise: the kernel refuses what is written beyond a bound.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// While this lives, no file of this process grows beyond so many bytes: writing more is an error, as on a full disk.
#[derive(Debug)]
pub struct FullDisk {
    before: Rlimit,
}

impl FullDisk {
    /// Files are this long at most from here on.
    ///
    /// # Panics
    ///
    /// When the system refuses the bound.
    pub fn beyond(bytes: u64) -> Self {
        // SAFETY: to ignore a signal sets no code of ours up. Without it the kernel would end the process.
        unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
        let before = getrlimit(Resource::Fsize);
        let bound = Rlimit {
            current: Some(bytes),
            maximum: before.maximum,
        };
        setrlimit(Resource::Fsize, bound).expect("a lower bound is anybody's to set");
        FullDisk { before }
    }
}

impl Drop for FullDisk {
    fn drop(&mut self) {
        // It was so before, so it can't be refused.
        let _ = setrlimit(Resource::Fsize, self.before);
    }
}
