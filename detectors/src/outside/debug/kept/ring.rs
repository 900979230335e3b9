//! What is on disk, and what goes when more comes.

use super::folder;
use crate::outside::kept::KeptMoment;
use std::io;
use std::path::{Path, PathBuf};

/// How much one process keeps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quota {
    pub(super) files_max: usize,
    pub(super) bytes_max: u64,
}

/// A file, as far as it matters for what goes.
#[derive(Debug, Clone, Copy)]
struct Size {
    live: u64,
    bytes: u64,
}

/// The profiles that this process keeps, oldest first. It removes no others.
#[derive(Debug)]
pub(super) struct Ring {
    folder: PathBuf,
    quota: Quota,
    files: Vec<(PathBuf, Size)>,
}

impl Ring {
    pub(super) fn new(folder: PathBuf, quota: Quota) -> Self {
        Ring {
            folder,
            quota,
            files: Vec::new(),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn keep(&mut self, moment: &KeptMoment, profile: &[u8]) -> io::Result<()> {
        let new = Size {
            live: moment.live,
            bytes: profile.len() as u64,
        };
        let sizes: Vec<Size> = self.files.iter().map(|(_, size)| *size).collect();
        let Some(leaving) = leaving(&sizes, new, self.quota) else {
            return Err(io::Error::other(format!(
                "a profile of {} bytes has no room beside the first and the highest, within {} bytes",
                new.bytes, self.quota.bytes_max
            )));
        };
        // Before the new one is written, so that the quota holds at every moment. From the end, so that the other places stay.
        for at in leaving.into_iter().rev() {
            let (path, _) = self.files.remove(at);
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        let path = folder::write(&self.folder, &moment.file_name(), profile)?;
        self.files.push((path, new));
        Ok(())
    }
}

/// The places of those that go for a new one, in rising order: the oldest, but neither the first nor the one with the most live
/// memory. `None` when there is no room even so.
fn leaving(kept: &[Size], new: Size, quota: Quota) -> Option<Vec<usize>> {
    // Of equal ones the earlier.
    let highest = (0..kept.len()).rev().max_by_key(|&at| kept[at].live);
    let highest = highest.filter(|&at| kept[at].live >= new.live);
    let mut files = kept.len() + 1;
    let mut bytes = kept.iter().map(|size| size.bytes).sum::<u64>() + new.bytes;
    let mut going = (1..kept.len()).filter(|&at| Some(at) != highest);
    let mut leaving = Vec::new();
    while files > quota.files_max || bytes > quota.bytes_max {
        let at = going.next()?;
        files -= 1;
        bytes -= kept[at].bytes;
        leaving.push(at);
    }
    Some(leaving)
}

#[cfg(test)]
mod tests {
    use super::{Quota, Size, leaving};

    fn goes(lives: &[u64], new: u64, files_max: usize, bytes_max: u64) -> Option<Vec<usize>> {
        let size = |live| Size { live, bytes: 10 };
        let kept: Vec<Size> = lives.iter().copied().map(size).collect();
        let quota = Quota {
            files_max,
            bytes_max,
        };
        leaving(&kept, size(new), quota)
    }

    #[test]
    fn the_oldest_go_and_never_the_first_or_the_highest() {
        assert_eq!(goes(&[], 1, 3, 30), Some(vec![]));
        assert_eq!(goes(&[1, 2], 3, 3, 30), Some(vec![]));
        assert_eq!(goes(&[1, 2, 3], 4, 3, 90), Some(vec![1]), "by their number");
        assert_eq!(goes(&[1, 2, 3], 4, 9, 30), Some(vec![1]), "by their bytes");
        assert_eq!(
            goes(&[1, 9, 3, 4], 5, 3, 90),
            Some(vec![2, 3]),
            "the highest stays"
        );
        assert_eq!(
            goes(&[1, 9, 3, 4], 10, 3, 90),
            Some(vec![1, 2]),
            "until there is a higher one"
        );
        assert_eq!(
            goes(&[9, 1, 2], 3, 3, 90),
            Some(vec![1]),
            "the first is the highest"
        );
        assert_eq!(
            goes(&[1, 5, 5, 2], 5, 4, 90),
            Some(vec![2]),
            "of equal ones the earlier stays"
        );
    }

    #[test]
    fn what_has_no_room_beside_those_two_is_not_kept() {
        assert_eq!(goes(&[1, 9], 3, 3, 20), None);
        assert_eq!(goes(&[1, 9], 10, 3, 20), Some(vec![1]));
        assert_eq!(goes(&[], 1, 3, 9), None);
    }

    /// Whatever comes, in whatever order: the quota holds, and both are there.
    #[test]
    fn a_long_life_keeps_both() {
        let quota = Quota {
            files_max: 5,
            bytes_max: 400,
        };
        let mut kept: Vec<Size> = Vec::new();
        let mut random = 1_u64;
        for _ in 0..5_000 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let new = Size {
                live: random % 1_000,
                bytes: 1 + random / 1_000 % 100,
            };
            let highest = kept.iter().map(|size| size.live).max();
            let first = kept.first().map(|size| size.live);
            let leaving = leaving(&kept, new, quota).expect("three of them have room");
            for at in leaving.into_iter().rev() {
                kept.remove(at);
            }
            kept.push(new);
            assert!(kept.len() <= quota.files_max);
            assert!(kept.iter().map(|size| size.bytes).sum::<u64>() <= quota.bytes_max);
            assert!(first.is_none_or(|first| kept[0].live == first));
            let stays = kept.iter().map(|size| size.live).max();
            assert_eq!(stays, highest.max(Some(new.live)));
        }
    }
}
