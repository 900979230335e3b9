//! Heap profiles: made from what an allocator or dhat saw, read from anyone's file, and shown.
//!
//! The format is pprof's protobuf, gzipped, which Go's tools and many others read. Ours have Go's
//! four heap sample types in Go's order: `alloc_objects`, `alloc_space`, `inuse_objects` and
//! `inuse_space`, the last being the default.
//!
//! Read are also dhat's JSON and the forms that came before pprof's, which Go's tool still reads:
//!
//! | form | begins with |
//! |---|---|
//! | Go's text, by `?debug=1`; names come from its comments | `heap profile: .. @ heap/..`, `goroutine profile: total ..`, `--- mutex:`, `--- contention:` |
//! | gperftools' heap and its growth | `heap profile: .. @ heapprofile`, `.. @ heap_v2/..`, `.. @ growthz` |
//! | gperftools' CPU time | words of 0, 3 and 0, of either size and order |
//! | gperftools' waits for locks, and the stacks of threads | `--- contentionz`, `--- threadz` |
//! | jemalloc's heap, which Go's tool doesn't read | `heap_v2/..` |
//! | old Java agents' heap, waits and CPU time | `--- heapz`, `--- contentionz` with `format = java` |
//!
//! Sampled values are scaled as Go's tool scales them. On Linux, addresses without names get those of the files that the profile says
//! were mapped, where these lie on this disk and tell no other build; C++ names stay as the linker has them. Elsewhere a row names the
//! file, as `[shop]`.
//!
//! Three words run through the module. A *sample* is a stack with its values, one per sample type.
//! *Flat* is what a function allocated itself. *Cum* is that plus what the functions it called
//! allocated, each sample counted once however often the function stands in its stack.
//!
//! ```
//! use detectors::profile::{DhatOptions, Profile};
//!
//! let json = r#"{"dhatFileVersion":2,"mode":"rust-heap","verb":"Allocated","cmd":"shop","pid":1,
//!     "te":1,"tg":1,"bklt":true,"bkacc":false,"tu":"µs","Mtu":"s","tuth":10,
//!     "pps":[{"tb":4096,"tbk":4,"tl":0,"mb":0,"mbk":0,"gb":0,"gbk":0,"eb":1024,"ebk":1,"fs":[1]}],
//!     "ftbl":["[root]","0x10: shop::cart::add (shop/src/cart.rs:7:5)"]}"#;
//! let profile = Profile::from_dhat(json, &DhatOptions::default())?;
//! assert_eq!(profile.total("inuse_space")?, 1024);
//! assert_eq!(profile.top(None)?.rows[0].function, "shop::cart::add");
//! # Ok::<(), detectors::profile::ProfileError>(())
//! ```

mod assemble;
mod build;
mod by_label;
mod call_graph;
mod check;
#[cfg(feature = "tokio")]
mod counted;
#[cfg(all(feature = "debug", unix))]
pub(crate) mod cpu;
mod decoded;
mod dhat;
mod diff;
mod error;
mod flamegraph;
mod graph;
#[cfg(target_os = "linux")]
mod lean;
mod legacy;
mod list;
mod measured;
mod narrow;
#[cfg(target_os = "linux")]
mod on_disk;
mod peek;
mod program;
mod protos;
mod prune;
mod read;
mod remember;
mod stack;
mod symbols;
mod top;
mod trim;
mod units;
mod write;

/// The readable name of the static at an address of a program's or a library's file.
#[cfg(target_os = "linux")]
pub(crate) use lean::symbol_at as data_symbol;

use std::fmt;
use std::path::Path;

pub use by_label::{ByLabel, LabelRow, LabelRows};
pub use dhat::DhatOptions;
pub use error::ProfileError;
pub use flamegraph::{FlamegraphOptions, FlamegraphStyle};
pub use list::{Line, Listing, Routine, SourcePaths};
pub use measured::Measured;
pub(crate) use measured::{Names, resolve_stacks};
pub use peek::{Calls, Peek, Peeked};
#[cfg(feature = "dhat")]
pub(crate) use program::is_stripped;
pub(crate) use program::{lacks, learn_machinery};
pub use read::DECOMPRESSED_BYTES_MAX;
pub(crate) use remember::RememberNames;
pub use stack::{Stack, StackFrame};
pub(crate) use symbols::give_back;
#[cfg(all(feature = "tokio", tells_await_stacks))]
pub(crate) use symbols::others_resolve;
pub use symbols::{SourceFrame, Symbols};
pub use top::{Inlining, Row, Top, TopOptions};
pub(crate) use write::write_whole;

/// A profile whose references all hold: it can be asked anything without further checks.
///
/// It has at least one sample type. It may have no sample: see [`is_empty`](Self::is_empty).
#[derive(Clone)]
pub struct Profile {
    /// What errors call it: the path, or a description of where it came from.
    name: String,
    /// Mappings, functions and locations carry the ids 1, 2, 3 and so on, in their order.
    message: protos::Profile,
    narrowed: narrow::Narrowed,
}

/// What one value of every sample measures.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize)]
#[non_exhaustive]
pub struct SampleType {
    /// The type's name, such as `inuse_space`.
    pub name: String,
    /// The values' unit, such as `bytes` or `count`.
    pub unit: String,
}

impl fmt::Display for SampleType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Printable(&self.name), Printable(&self.unit))
    }
}

impl Profile {
    /// The profile in the file at `path`: pprof's format, gzipped or plain, dhat's JSON, or one of the [older forms](self).
    ///
    /// Frames that the file itself asks to leave out (`drop_frames`, as profiles of C and C++
    /// programs do for their allocators) are gone after reading, as in Go's pprof.
    ///
    /// # Errors
    ///
    /// When the file can't be read, is no profile or is damaged. An input that would unpack to more
    /// than [`DECOMPRESSED_BYTES_MAX`], or take more than a gibibyte once decoded, is refused before it
    /// has done so.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, ProfileError> {
        let path = path.as_ref();
        read::from_path(path)
    }

    /// The profile in `bytes`; errors call it `name`. Otherwise like [`read`](Self::read).
    ///
    /// # Errors
    ///
    /// As for [`read`](Self::read).
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self, ProfileError> {
        read::from_bytes(name, bytes, DECOMPRESSED_BYTES_MAX)
    }

    /// The profile that dhat's JSON describes, to the byte: `alloc_*` are its totals, `inuse_*`
    /// what was live when its profiler was dropped.
    ///
    /// # Errors
    ///
    /// When `json` isn't what dhat writes for a heap, contradicts itself, or has no samples.
    pub fn from_dhat(json: &str, options: &DhatOptions<'_>) -> Result<Self, ProfileError> {
        Self::from_dhat_named("dhat's output", json, options)
    }

    fn from_dhat_named(
        name: &str,
        json: &str,
        options: &DhatOptions<'_>,
    ) -> Result<Self, ProfileError> {
        dhat::convert(name, json, options)
    }

    /// The profile of stacks that an instrument took in this process, by return address; `name` is what errors call it.
    ///
    /// `period` is how many bytes lie between two samples on average, 1 where every allocation was seen. The allocator's
    /// frames at the leaf are cut, and the thread's start at the root.
    ///
    /// # Errors
    ///
    /// When there are no stacks.
    pub fn from_measured(
        name: &str,
        stacks: &[Measured],
        period: i64,
        symbols: Symbols<'_>,
    ) -> Result<Self, ProfileError> {
        let profile = Self::of_heap(name, stacks, period, symbols);
        profile.refuse_empty()?;
        Ok(profile)
    }

    /// The same, and it may be empty, as Go's is: that nothing was sampled yet is an answer.
    pub(crate) fn of_heap(
        name: &str,
        stacks: &[Measured],
        period: i64,
        symbols: Symbols<'_>,
    ) -> Self {
        measured::heap(name, stacks, period, symbols)
    }

    /// The profile of waits, by return addresses of this process: how many they were, and how many nanoseconds they took.
    /// It may be empty as well.
    pub(crate) fn of_waits(name: &str, stacks: &[(Vec<usize>, [i64; 2])]) -> Self {
        measured::waits(name, stacks)
    }

    /// The profile of stacks that were counted, the leaf first; `unit` names the only sample type.
    #[cfg(feature = "tokio")]
    pub(crate) fn of_counts(
        name: &str,
        unit: &str,
        stacks: &[(Vec<crate::model::place::Frame>, u64)],
    ) -> Result<Self, ProfileError> {
        let profile = Self::of_counts_or_empty(name, unit, stacks);
        profile.refuse_empty()?;
        Ok(profile)
    }

    /// The same of what the kernel tells: what has no line there is a name, and no code whose lines are lost.
    #[cfg(feature = "debug")]
    pub(crate) fn of_names(
        name: &str,
        unit: &str,
        stacks: &[(Vec<crate::model::place::Frame>, u64)],
    ) -> Result<Self, ProfileError> {
        let mut profile = Self::of_counts(name, unit, stacks)?;
        let comments = std::mem::take(&mut profile.message.comment);
        let is_of_packages = |text: &i64| profile.text(*text).starts_with(build::OTHER_PACKAGE);
        profile.message.comment = comments.into_iter().filter(is_of_packages).collect();
        Ok(profile)
    }

    /// The same, which may be empty as well.
    #[cfg(feature = "tokio")]
    pub(crate) fn of_counts_or_empty(
        name: &str,
        unit: &str,
        stacks: &[(Vec<crate::model::place::Frame>, u64)],
    ) -> Self {
        counted::convert(name, unit, stacks)
    }

    /// The profile as gzipped protobuf. Equal profiles give equal bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        write::to_bytes(self)
    }

    /// Writes [`to_bytes`](Self::to_bytes) to `path`, whole or not at all.
    ///
    /// # Errors
    ///
    /// When the folder can't be written to or has no space left; a file that was there is kept.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), ProfileError> {
        let path = path.as_ref();
        write::to_path(self, path)
    }

    /// What each sample's values measure, in the file's order.
    pub fn sample_types(&self) -> Vec<SampleType> {
        self.message
            .sample_type
            .iter()
            .map(|value| SampleType {
                name: self.text(value.ty).to_owned(),
                unit: self.text(value.unit).to_owned(),
            })
            .collect()
    }

    /// The type that is shown when none is asked for: the file's own choice, else its last one.
    pub fn default_sample_type(&self) -> SampleType {
        self.sample_types().swap_remove(self.default_index())
    }

    /// The same profile, which readers show by another of its types unless told otherwise.
    ///
    /// # Errors
    ///
    /// When it has no such type.
    pub fn showing_first(mut self, sample_type: &str) -> Result<Self, ProfileError> {
        let index = self.index(Some(sample_type))?;
        self.message.default_sample_type = self.message.sample_type[index].ty;
        Ok(self)
    }

    /// Whether it has no sample: nothing had been sampled when it was taken, or nothing had waited.
    pub fn is_empty(&self) -> bool {
        self.message.sample.is_empty()
    }

    /// The sum over all samples. In a [`diff`](Self::diff) this is the net growth.
    ///
    /// # Errors
    ///
    /// When there is no such sample type; the error lists those that there are.
    pub fn total(&self, sample_type: &str) -> Result<i64, ProfileError> {
        let index = self.index(Some(sample_type))?;
        let values = self.message.sample.iter().map(|sample| sample.value[index]);
        Ok(values.fold(0, i64::saturating_add))
    }

    /// The functions with the largest flat values, trimmed as Go's `-top` trims: without those
    /// whose cum is below half a per cent.
    ///
    /// # Errors
    ///
    /// When there is no such sample type; the error lists those that there are.
    pub fn top(&self, sample_type: Option<&str>) -> Result<Top, ProfileError> {
        self.top_with(sample_type, &TopOptions::default())
    }

    /// Like [`top`](Self::top), with a choice of how much is shown.
    ///
    /// # Errors
    ///
    /// As for [`top`](Self::top).
    pub fn top_with(
        &self,
        sample_type: Option<&str>,
        options: &TopOptions,
    ) -> Result<Top, ProfileError> {
        Ok(top::top(self, self.index(sample_type)?, options))
    }

    /// The functions whose names match `pattern`, each between who called it and what it called, as Go's `-peek` shows them.
    ///
    /// # Errors
    ///
    /// When the sample type is unknown, `pattern` isn't a regular expression, or nothing matches.
    pub fn peek(&self, sample_type: Option<&str>, pattern: &str) -> Result<Peek, ProfileError> {
        peek::peek(self, self.index(sample_type)?, pattern)
    }

    /// What each value of each label stands for, such as a request's route or a tenant. A service sets them with a
    /// [`Label`](crate::allocator::Label), or as its language has them; Go's `-tags` lists the same.
    ///
    /// # Errors
    ///
    /// When the sample type is unknown.
    pub fn by_label(&self, sample_type: Option<&str>) -> Result<ByLabel, ProfileError> {
        Ok(by_label::by_label(self, self.index(sample_type)?))
    }

    /// The part that has the label `key` with a value that matches `pattern`. Shares stay those of the whole.
    ///
    /// # Errors
    ///
    /// When `pattern` isn't a regular expression, or no sample has such a label.
    pub fn labelled(self, key: &str, pattern: &str) -> Result<Self, ProfileError> {
        by_label::labelled(self, key, pattern)
    }

    /// The part whose stacks have a frame that matches `pattern`: by the function's name, its source file or the program's file.
    /// Shares stay those of the whole.
    ///
    /// # Errors
    ///
    /// When `pattern` isn't a regular expression, or no frame matches.
    pub fn focus(self, pattern: &str) -> Result<Self, ProfileError> {
        narrow::focus(self, pattern)
    }

    /// The part whose stacks have no frame that matches `pattern`, as [`focus`](Self::focus) matches. Where none does, that is all.
    ///
    /// # Errors
    ///
    /// When `pattern` isn't a regular expression.
    pub fn ignore(self, pattern: &str) -> Result<Self, ProfileError> {
        narrow::ignore(self, pattern)
    }

    /// The same, with stacks of the program's own frames: what Rust's standard library and the allocator allocated is their callers'.
    ///
    /// Our own profiles have no such frames at the leaf; those of other samplers, such as jemalloc's, begin with many. A profile of a
    /// program that isn't in Rust stays as it is.
    #[must_use]
    pub fn without_standard_library(self) -> Self {
        narrow::without_standard(self)
    }

    /// The source of every function whose name matches `pattern`, each line with its flat and cum.
    ///
    /// # Errors
    ///
    /// When the sample type is unknown, `pattern` isn't a regular expression, nothing matches or there
    /// are no samples.
    /// A source file that isn't found is no error: the listing then says which, and what to do.
    pub fn list(
        &self,
        sample_type: Option<&str>,
        pattern: &str,
        sources: &SourcePaths,
    ) -> Result<Listing, ProfileError> {
        self.refuse_empty()?;
        list::list(self, self.index(sample_type)?, pattern, sources)
    }

    /// What this profile has more, or less, than `base`.
    ///
    /// The result holds the samples of both, the base's negated and marked as Go's `-diff_base`
    /// marks them. So Go's tool shows the same figures for the written result, and shares are of
    /// the base's total. [`stacks`](Self::stacks) gives each stack once, with the difference.
    ///
    /// # Errors
    ///
    /// When the two have different sample types.
    pub fn diff(&self, base: &Self) -> Result<Self, ProfileError> {
        diff::diff(self, base)
    }

    /// A flame graph as SVG: each frame as wide as its share, callers above what they called.
    ///
    /// # Errors
    ///
    /// When the sample type is unknown, or nothing in the profile is above zero for it.
    pub fn flamegraph(&self, options: &FlamegraphOptions) -> Result<String, ProfileError> {
        self.refuse_empty()?;
        flamegraph::draw(self, self.index(options.sample_type.as_deref())?, options)
    }

    /// The call graph in graphviz's language, DOT: a box for each function, the larger the more it allocated itself, and an arrow for
    /// each call, with what was allocated in it. `dot -Tsvg` draws it.
    ///
    /// Of a large profile it has the functions that tell most, 80 at most, as Go's `-dot` and `-png` choose them.
    ///
    /// # Errors
    ///
    /// When the sample type is unknown, or every value of it is zero.
    pub fn call_graph(&self, sample_type: Option<&str>) -> Result<String, ProfileError> {
        self.refuse_empty()?;
        call_graph::draw(self, self.index(sample_type)?)
    }

    /// Every stack with its values, the frame that allocated first, each stack once per set of
    /// labels.
    pub fn stacks(&self) -> impl Iterator<Item = Stack<'_>> {
        stack::stacks(self)
    }

    /// The folders of packages that aren't the program's own, as the program that was profiled knew them.
    #[cfg(any(test, feature = "triage"))]
    pub(crate) fn other_packages(&self) -> Vec<&str> {
        self.comments()
            .filter_map(|comment| comment.strip_prefix(build::OTHER_PACKAGE))
            .filter(|root| !root.is_empty())
            .collect()
    }

    /// The same, with the time at which it was taken, in nanoseconds since 1970, and a comment.
    #[cfg(feature = "debug")]
    pub(crate) fn taken_at(mut self, time_nanos: i64, comment: &str) -> Self {
        let at = i64::try_from(self.message.string_table.len());
        self.message.string_table.push(comment.to_owned());
        let at = at.expect("a table in memory has fewer than 2^63 strings");
        self.message.comment.push(at);
        self.message.time_nanos = time_nanos;
        self
    }

    pub(crate) fn comments(&self) -> impl Iterator<Item = &str> {
        self.message.comment.iter().map(|&text| self.text(text))
    }

    /// Takes a message that has passed [`check::checked`].
    fn new(name: &str, message: protos::Profile) -> Self {
        Self {
            name: name.to_owned(),
            message,
            narrowed: narrow::Narrowed::default(),
        }
    }

    /// Takes a message that has passed [`check::checked`], from an instrument that has nothing to tell without samples.
    fn sealed(name: &str, message: protos::Profile) -> Result<Self, ProfileError> {
        let profile = Self::new(name, message);
        profile.refuse_empty()?;
        Ok(profile)
    }

    pub(crate) fn refuse_empty(&self) -> Result<(), ProfileError> {
        if self.is_empty() {
            return Err(ProfileError::NoSamples {
                input: self.name.clone(),
            });
        }
        Ok(())
    }

    /// The string at a checked index.
    fn text(&self, index: i64) -> &str {
        &self.message.string_table[usize::try_from(index).expect("checked when it was read")]
    }

    /// The element that a checked id names.
    fn by_id<T>(elements: &[T], id: u64) -> &T {
        &elements[usize::try_from(id).expect("checked when it was read") - 1]
    }

    fn location(&self, id: u64) -> &protos::Location {
        Self::by_id(&self.message.location, id)
    }

    fn function(&self, id: u64) -> &protos::Function {
        Self::by_id(&self.message.function, id)
    }

    fn default_index(&self) -> usize {
        let types = &self.message.sample_type;
        let wanted = self.text(self.message.default_sample_type);
        types
            .iter()
            .position(|value| !wanted.is_empty() && self.text(value.ty) == wanted)
            .unwrap_or(types.len() - 1)
    }

    fn index(&self, sample_type: Option<&str>) -> Result<usize, ProfileError> {
        let Some(wanted) = sample_type else {
            return Ok(self.default_index());
        };
        let types = &self.message.sample_type;
        types
            .iter()
            .position(|value| self.text(value.ty) == wanted)
            .ok_or_else(|| ProfileError::UnknownSampleType {
                input: self.name.clone(),
                wanted: wanted.to_owned(),
                known: types
                    .iter()
                    .map(|value| self.text(value.ty).to_owned())
                    .collect(),
            })
    }

    /// What shares are taken of: the amounts of all samples, or in a diff those of the base's.
    fn reference_total(&self, index: usize) -> i64 {
        if let Some(&whole) = self.narrowed.totals.get(index) {
            return whole;
        }
        let sum = |base_only: bool| {
            self.message
                .sample
                .iter()
                .filter(|sample| !base_only || self.is_base(sample))
                .fold(0, |sum: i64, sample| {
                    sum.saturating_add(sample.value[index].saturating_abs())
                })
        };
        match sum(true) {
            0 => sum(false),
            base => base,
        }
    }

    /// Whether a sample came from the base of a diff.
    fn is_base(&self, sample: &protos::Sample) -> bool {
        sample.label.iter().any(|label| self.is_base_label(label))
    }

    fn is_base_label(&self, label: &protos::Label) -> bool {
        self.text(label.key) == diff::BASE_LABEL.0 && self.text(label.str) == diff::BASE_LABEL.1
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("name", &self.name)
            .field("sample_types", &self.sample_types())
            .field("samples", &self.message.sample.len())
            .finish_non_exhaustive()
    }
}

/// Text from a profile on its way to a person: names may come from anywhere, and control
/// characters would steer the terminal that shows them.
struct Printable<'a>(&'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        for character in self.0.chars() {
            if character.is_control() && character != '\t' {
                write!(f, "{}", character.escape_default())?;
            } else {
                f.write_char(character)?;
            }
        }
        Ok(())
    }
}
