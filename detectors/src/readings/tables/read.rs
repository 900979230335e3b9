//! Reads them, in the program itself.

use super::OfSite;
use crate::allocator::{SampledBlocks, sampled_blocks, stack_of, uncounted};
use crate::model::place;
use crate::profile::{self, Symbols, resolve_stacks};
use crate::readings::holders::hash_table_in;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, PoisonError};

/// Smaller blocks are hardly ever sampled.
const BYTES_MIN: usize = 256 << 10;

/// Names of sites, by their number: they are looked up once.
static NAMES: Mutex<Option<HashMap<usize, String>>> = Mutex::new(None);

/// The tables that there are now, by site.
pub(crate) fn now() -> io::Result<Vec<OfSite>> {
    uncounted(|| {
        let mem = File::open("/proc/self/mem")?;
        let read = |address: usize, into: &mut [u8]| mem.read_exact_at(into, address as u64);
        let mut marks = Vec::new();
        let mut found = Vec::new();
        for blocks in sampled_blocks(BYTES_MIN) {
            found.extend(of_blocks(&blocks, &mut marks, &read));
        }
        name(&mut found);
        Ok(found.into_iter().map(|(_, of_site)| of_site).collect())
    })
}

/// The tables among the blocks of a site, with the site's number; `None` where none is one.
fn of_blocks(
    blocks: &SampledBlocks,
    marks: &mut Vec<u8>,
    read: &dyn Fn(usize, &mut [u8]) -> io::Result<()>,
) -> Option<(usize, OfSite)> {
    let mut of_site = OfSite {
        site: String::new(),
        tables: 0,
        bytes: 0,
        buckets: 0,
        entries: 0,
    };
    for start in &blocks.starts {
        let mut sizes = blocks.sizes.iter();
        let table =
            sizes.find_map(|size| Some((*size, hash_table_in(*start, *size, marks, read)?)));
        if let Some((size, (buckets, entries))) = table {
            of_site.tables += 1;
            of_site.bytes += size as u64;
            of_site.buckets += buckets as u64;
            of_site.entries += entries as u64;
        }
    }
    (of_site.tables > 0).then_some((blocks.site, of_site))
}

fn name(found: &mut [(usize, OfSite)]) {
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    let names = names.get_or_insert_default();
    let new: Vec<usize> = found.iter().map(|(number, _)| *number).collect();
    let new: Vec<usize> = new
        .into_iter()
        .filter(|number| !names.contains_key(number))
        .collect();
    if !new.is_empty() {
        let stacks: Vec<&[usize]> = new.iter().map(|number| stack_of(*number)).collect();
        let stacks = resolve_stacks(&stacks, Symbols::ThisProcess);
        profile::give_back();
        for (number, stack) in new.into_iter().zip(stacks) {
            names.insert(number, place::name_of(&stack));
        }
    }
    for (number, of_site) in found {
        of_site.site.clone_from(&names[number]);
    }
}
