//! The processes of a group: how much each has, and how much more than before.

use super::super::container::OfContainer;
use crate::readings::kernel::{self, Whose};
use std::collections::BTreeMap;

/// Processes that are told.
const TOLD_MAX: usize = 5;

/// A process by its number and by when it began: a number is given again.
type Identity = (u32, u64);

/// Who has how much.
#[derive(Debug, Default)]
pub(super) struct Processes(BTreeMap<Identity, (String, u64)>);

impl Processes {
    /// What ends meanwhile is left out, and so is what another pid namespace hides.
    pub(super) fn read(ids: &[u32]) -> Self {
        const FIELDS: [&str; 4] = ["RssAnon:", "RssFile:", "RssShmem:", "VmSwap:"];
        let read = |id: &u32| {
            let stat = kernel::stat(*id).ok()??;
            let figures = kernel::status_of(Whose::Of(*id), FIELDS).ok()?;
            let resident = figures.into_iter().flatten().sum();
            Some(((*id, stat.began), (stat.program, resident)))
        };
        Processes(ids.iter().filter_map(read).collect())
    }

    /// The largest of them, with what each has more than `before`.
    pub(super) fn since(&self, before: &Processes) -> Vec<OfContainer> {
        let mut all: Vec<OfContainer> = self
            .0
            .iter()
            .map(|(identity, (program, resident))| {
                let then = before.0.get(identity).map(|(_, resident)| *resident);
                OfContainer {
                    id: identity.0,
                    program: program.clone(),
                    resident: *resident,
                    grew_by: resident.cast_signed() - then.unwrap_or(0).cast_signed(),
                    is_new: then.is_none(),
                }
            })
            .collect();
        all.sort_by_key(|process| std::cmp::Reverse(process.resident));
        all.truncate(TOLD_MAX);
        all
    }
}
