//! Puts a message together from stacks of addresses, within bounds.

use std::collections::HashMap;

use super::maps;
use super::names::Told;
use super::text::Lines;
use crate::profile::{ProfileError, protos};

/// The most that a profile may take once it is read, as for pprof's own form.
const BYTES_MAX: u64 = 1 << 30;

/// What a sample takes beside its addresses: itself, its values and its label, each in a block of its own.
const SAMPLE_BYTES: u64 = 256;
/// What an address in a stack takes, while it is read and after.
const FRAME_BYTES: u64 = 24;
/// What an address takes that wasn't seen before: the location, and an entry in the map.
const LOCATION_BYTES: u64 = 200;
/// What a function or a mapped file takes beside its texts.
const ENTRY_BYTES: u64 = 200;

/// A sample type, or what a period is in: name and unit.
type Ty = (&'static str, &'static str);

/// Functions that readers leave out, with what they called, since the reader asks who called them. Regular expressions.
#[derive(Debug, Clone, Copy)]
pub(super) enum Dropped {
    Allocators,
    Locks,
    Signals,
}

/// A message that grows by stacks.
#[derive(Debug)]
pub(super) struct Stacks<'a> {
    pub(super) name: &'a str,
    pub(super) message: protos::Profile,
    by_address: HashMap<u64, u64>,
    functions: HashMap<(String, String), u64>,
    told: Told<'a>,
    room: u64,
}

impl<'a> Stacks<'a> {
    pub(super) fn new(name: &'a str, types: &[Ty], period: (Ty, i64), dropped: Dropped) -> Self {
        let mut stacks = Self {
            name,
            message: protos::Profile {
                string_table: vec![String::new()],
                ..protos::Profile::default()
            },
            by_address: HashMap::new(),
            functions: HashMap::new(),
            told: Told::default(),
            room: BYTES_MAX,
        };
        stacks.message.sample_type = types.iter().map(|ty| stacks.ty(ty.0, ty.1)).collect();
        stacks.message.period_type = Some(stacks.ty(period.0.0, period.0.1));
        stacks.message.period = period.1;
        let (drop, keep) = dropped.patterns();
        stacks.message.drop_frames = stacks.text(drop);
        stacks.message.keep_frames = stacks.text(keep);
        stacks
    }

    pub(super) fn ty(&mut self, ty: &str, unit: &str) -> protos::ValueType {
        protos::ValueType {
            ty: self.text(ty),
            unit: self.text(unit),
        }
    }

    /// Appends to the table of strings; the few that come twice stand there twice.
    pub(super) fn text(&mut self, text: &str) -> i64 {
        if text.is_empty() {
            return 0;
        }
        self.message.string_table.push(text.to_owned());
        i64::try_from(self.message.string_table.len() - 1).unwrap_or(0)
    }

    /// Takes this much of what reading may take.
    pub(super) fn take(&mut self, bytes: u64) -> Result<(), ProfileError> {
        self.room = self
            .room
            .checked_sub(bytes)
            .ok_or_else(|| ProfileError::TooLarge {
                input: self.name.to_owned(),
                reason: format!("read, it would take more than {BYTES_MAX} bytes"),
            })?;
        Ok(())
    }

    /// A sample with a stack, the leaf first. `block` is how large each block of it is.
    pub(super) fn add(
        &mut self,
        addresses: &[u64],
        value: Vec<i64>,
        block: Option<i64>,
    ) -> Result<(), ProfileError> {
        self.take(SAMPLE_BYTES + FRAME_BYTES * addresses.len() as u64)?;
        self.name_frames()?;
        let mut location_id = Vec::with_capacity(addresses.len());
        for &address in addresses {
            location_id.push(self.location(address)?);
        }
        let label = match block {
            Some(size) => vec![protos::Label {
                key: self.bytes_label(),
                num: size,
                ..protos::Label::default()
            }],
            None => Vec::new(),
        };
        self.message.sample.push(protos::Sample {
            location_id,
            value,
            label,
        });
        Ok(())
    }

    /// The word `bytes`, which each sample of a heap has.
    fn bytes_label(&mut self) -> i64 {
        let table = &self.message.string_table;
        match table.iter().take(16).position(|text| text == "bytes") {
            Some(at) => i64::try_from(at).unwrap_or(0),
            None => self.text("bytes"),
        }
    }

    fn location(&mut self, address: u64) -> Result<u64, ProfileError> {
        if let Some(&id) = self.by_address.get(&address) {
            return Ok(id);
        }
        self.take(LOCATION_BYTES)?;
        let id = self.message.location.len() as u64 + 1;
        self.message.location.push(protos::Location {
            id,
            address,
            ..protos::Location::default()
        });
        self.by_address.insert(address, id);
        Ok(id)
    }

    /// The location at an address, where a stack has been there.
    pub(super) fn known(&mut self, address: u64) -> Option<&mut protos::Location> {
        let id = usize::try_from(*self.by_address.get(&address)?).ok()?;
        self.message.location.get_mut(id - 1)
    }

    pub(super) fn function(&mut self, name: &str, file: &str) -> Result<u64, ProfileError> {
        let key = (name.to_owned(), file.to_owned());
        if let Some(&id) = self.functions.get(&key) {
            return Ok(id);
        }
        self.take(ENTRY_BYTES + 2 * (name.len() + file.len()) as u64)?;
        let id = self.message.function.len() as u64 + 1;
        let function = protos::Function {
            id,
            name: self.text(name),
            filename: self.text(file),
            ..protos::Function::default()
        };
        self.message.function.push(function);
        self.functions.insert(key, id);
        Ok(id)
    }

    /// Takes a line of comment, which may name a frame of the sample before it.
    pub(super) fn comment(&mut self, line: &'a str) -> Result<(), ProfileError> {
        if self.told.take(line) {
            self.take(ENTRY_BYTES)?;
        }
        Ok(())
    }

    /// Names the last sample's frames by the comments that followed it.
    fn name_frames(&mut self) -> Result<(), ProfileError> {
        if self.told.is_empty() {
            return Ok(());
        }
        let told = std::mem::take(&mut self.told);
        let Some(last) = self.message.sample.last() else {
            return Ok(());
        };
        let stack: Vec<(u64, u64)> = last
            .location_id
            .iter()
            .filter_map(|&id| {
                let at = usize::try_from(id).ok()?;
                Some((id, self.message.location.get(at - 1)?.address))
            })
            .collect();
        for (id, frames) in told.frames(&stack) {
            let at = usize::try_from(id).map_or(0, |id| id - 1);
            if !self.message.location[at].line.is_empty() {
                continue;
            }
            for frame in frames {
                let function_id = self.function(frame.function, frame.file)?;
                let line = frame.line;
                self.message.location[at]
                    .line
                    .push(protos::Line { function_id, line });
            }
        }
        Ok(())
    }

    /// The message, with the files that the rest of the text says were mapped.
    pub(super) fn finish(mut self, rest: &mut Lines<'_>) -> Result<protos::Profile, ProfileError> {
        self.name_frames()?;
        maps::read(&mut self, rest)?;
        Ok(self.message)
    }

    /// A file that was mapped; its range and what else is known of it.
    pub(super) fn mapping(&mut self, mapping: &maps::Mapping<'_>) -> Result<u64, ProfileError> {
        self.take(ENTRY_BYTES + mapping.file.len() as u64)?;
        let id = self.message.mapping.len() as u64 + 1;
        let mapping = protos::Mapping {
            id,
            memory_start: mapping.start,
            memory_limit: mapping.limit,
            file_offset: mapping.offset,
            filename: self.text(&mapping.file),
            build_id: self.text(mapping.build_id),
            ..protos::Mapping::default()
        };
        self.message.mapping.push(mapping);
        Ok(id)
    }
}

/// Has addresses point into the calls that they are the ends of: all but the leaf, which the sampler read where it stood.
pub(super) fn into_calls(addresses: &mut [u64]) {
    for address in addresses.iter_mut().skip(1) {
        *address = address.wrapping_sub(1);
    }
}

impl Dropped {
    /// What is left out, and what of it is kept all the same. Which functions these are is part of the forms: Go's tool leaves out
    /// the same ones.
    fn patterns(self) -> (&'static str, &'static str) {
        match self {
            Self::Allocators => (
                r"(tc_)?([cm]alloc|c?free|memalign|posix_memalign|p?valloc|realloc)|do_memalign|__posix_memalign|__libc_malloc|tcmalloc::.*|tc_(new|delete)(array)?|tc_new(array)?_nothrow|malloc_zone_([cm]alloc|valloc|realloc|memalign|free)|(::)?do_malloc(_no_errno|_pages)?|operator new(\[\])?|__builtin_(vec_)?(new|delete)|_M_allocate|(__gnu_cxx::new_allocator::|__malloc_alloc_template::|simple_alloc::)?allocate|cpp_alloc|BaseArena::.*|DoSampledAllocation|MallocedMemBlock::MallocedMemBlock|runtime\..*",
                r"runtime\.(panic|reflectcall|call[0-9]*)",
            ),
            Self::Locks => (
                r"(base::)?(RecordLock|SubmitMutex|SubmitSpinLock)ProfileData.*|((base::)?Mutex::)?(AwaitCommon|Unlock|UnlockSlow|ReaderUnlock).*|((base::)?MutexLock::)?~MutexLock.*|(SpinLock::)?(Unlock|SlowUnlock).*|(SpinLockHolder::)?~SpinLockHolder.*",
                "",
            ),
            Self::Signals => (
                "ProfileData::(Add|prof_handler)|CpuProfiler::prof_handler|__pthread_sighandler|__restore",
                "",
            ),
        }
    }
}
