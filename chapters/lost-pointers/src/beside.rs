//! Three other ways to lose a block, each with its mended twin.

use std::mem::ManuallyDrop;

/// What each way handles: a zone of a kibibyte.
pub const ZONE_BYTES: usize = 1_024;

// ANCHOR: raw
/// A library with C's calling rules: who opens a zone must close it.
pub mod zones {
    /// A zone that was read from disk.
    #[derive(Debug)]
    pub struct Zone {
        records: Vec<u8>,
    }

    /// Opens a zone. Give it back to [`close`].
    pub fn open() -> *mut Zone {
        let records = vec![b'r'; super::ZONE_BYTES];
        Box::into_raw(Box::new(Zone { records }))
    }

    /// How many bytes of records it has.
    ///
    /// # Safety
    ///
    /// `zone` came from [`open`] and was not closed.
    pub unsafe fn len(zone: *const Zone) -> usize {
        // SAFETY: the caller's promise.
        unsafe { (*zone).records.len() }
    }

    /// Closes a zone: the twin of [`open`].
    ///
    /// # Safety
    ///
    /// `zone` came from [`open`], was not closed, and is not used after this.
    pub unsafe fn close(zone: *mut Zone) {
        // SAFETY: the caller's promise: `open` made it by `into_raw`.
        drop(unsafe { Box::from_raw(zone) });
    }
}

/// Whether a zone has more records than that. One way out doesn't close.
pub fn raw(least: usize) -> bool {
    let zone = zones::open();
    // SAFETY: just opened.
    if unsafe { zones::len(zone) } < least {
        return false;
    }
    // SAFETY: just opened, and not used after this.
    unsafe { zones::close(zone) };
    true
}

/// Owns an open zone, and closes it on every way out.
struct OpenZone(*mut zones::Zone);

impl Drop for OpenZone {
    fn drop(&mut self) {
        // SAFETY: opened in `owned`, closed here alone.
        unsafe { zones::close(self.0) };
    }
}

/// The same question, with an owner for the pointer.
pub fn owned(least: usize) -> bool {
    let zone = OpenZone(zones::open());
    // SAFETY: open for as long as its owner lives.
    unsafe { zones::len(zone.0) >= least }
}
// ANCHOR_END: raw

// ANCHOR: forget
/// A change to a zone. Dropped on an early way out, it puts back what was before.
#[derive(Debug)]
pub struct Editing<'z> {
    zone: &'z mut Vec<u8>,
    before: Option<Vec<u8>>,
}

impl<'z> Editing<'z> {
    /// Keeps a copy of the zone, to go back to.
    pub fn begin(zone: &'z mut Vec<u8>) -> Self {
        let before = Some(zone.clone());
        Editing { zone, before }
    }

    /// Adds a record.
    pub fn add(&mut self, record: u8) {
        self.zone.push(record);
    }

    /// The change is good, so `Drop` must not run. The copy isn't dropped either.
    #[expect(
        clippy::mem_forget,
        reason = "what this chapter is about; the workspace denies it everywhere else"
    )]
    pub fn commit_by_forgetting(self) {
        std::mem::forget(self);
    }

    /// The change is good: the copy is taken out, and `Drop` finds nothing to put back.
    pub fn commit(mut self) {
        self.before = None;
    }
}

impl Drop for Editing<'_> {
    fn drop(&mut self) {
        if let Some(before) = self.before.take() {
            *self.zone = before;
        }
    }
}
// ANCHOR_END: forget

// ANCHOR: manual
/// A reader and the buffer that it reads from. The reader must go first, so both were taken out of the compiler's hands,
/// and nobody takes them into theirs.
#[derive(Debug)]
pub struct ByHand {
    _reader: ManuallyDrop<Box<[u8; 16]>>,
    _buffer: ManuallyDrop<Vec<u8>>,
}

/// The same order without a word: fields drop in the order in which they are written.
#[derive(Debug)]
pub struct ByOrder {
    _reader: Box<[u8; 16]>,
    _buffer: Vec<u8>,
}

/// Makes and drops a value of the first kind.
pub fn by_hand() {
    let _gone_at_the_end = ByHand {
        _reader: ManuallyDrop::new(Box::new([0; 16])),
        _buffer: ManuallyDrop::new(vec![0; ZONE_BYTES]),
    };
}

/// Makes and drops a value of the second kind.
pub fn by_order() {
    let _gone_at_the_end = ByOrder {
        _reader: Box::new([0; 16]),
        _buffer: vec![0; ZONE_BYTES],
    };
}
// ANCHOR_END: manual
