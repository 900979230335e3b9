//! What both variants share: an upload's body, and zlib's calls, as its C header gives them.

use libz_sys::{
    Z_BUF_ERROR, Z_FINISH, Z_MEM_ERROR, Z_OK, Z_STREAM_END, compress, inflate, inflateInit_, uInt,
    z_stream, zlibVersion,
};
use std::ffi::c_int;
use std::fmt;
use std::mem::MaybeUninit;

/// The longest text that an upload may hold.
pub const TEXT_MAX: usize = 4_096;

/// Why an upload is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The body isn't in zlib's format: many clients say `deflate` and send something else.
    NotCompressed,
    /// The body ends before its text does.
    CutShort,
    /// The text is longer than [`TEXT_MAX`].
    TooLong,
    /// The text isn't UTF-8.
    NotText,
    /// The system has no memory for a stream.
    NoMemory,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refused::NotCompressed => "the body isn't compressed as zlib does it",
            Refused::CutShort => "the body ends before its text does",
            Refused::TooLong => "the text is too long",
            Refused::NotText => "the text isn't UTF-8",
            Refused::NoMemory => "there is no memory for another upload",
        })
    }
}

impl std::error::Error for Refused {}

// ANCHOR: begin
/// Makes a stream of zlib's in this room. Whoever calls it must end the stream by `inflateEnd`.
///
/// # Errors
///
/// When the system has no memory.
pub fn begin(room: &mut MaybeUninit<z_stream>) -> Result<&mut z_stream, Refused> {
    *room = MaybeUninit::zeroed();
    let size = c_int::try_from(size_of::<z_stream>()).unwrap_or(c_int::MAX);
    // SAFETY: zeros are what zlib wants of a stream that isn't begun; the version and the size are its own.
    match unsafe { inflateInit_(room.as_mut_ptr(), zlibVersion(), size) } {
        // SAFETY: zlib has filled in all that zeros are no value of, its two function pointers.
        Z_OK => Ok(unsafe { room.assume_init_mut() }),
        _ => Err(Refused::NoMemory),
    }
}
// ANCHOR_END: begin

/// The whole text of a body.
///
/// # Errors
///
/// When the body isn't what a client may send.
pub fn inflated(stream: &mut z_stream, body: &[u8]) -> Result<String, Refused> {
    let mut text = [0; TEXT_MAX];
    stream.next_in = body.as_ptr().cast_mut();
    stream.avail_in = length(body);
    stream.next_out = text.as_mut_ptr();
    stream.avail_out = length(&text);
    // SAFETY: the stream is begun, and reads and writes within the lengths that it was given.
    match unsafe { inflate(stream, Z_FINISH) } {
        Z_STREAM_END => {}
        Z_OK | Z_BUF_ERROR if stream.avail_out == 0 => return Err(Refused::TooLong),
        Z_OK | Z_BUF_ERROR => return Err(Refused::CutShort),
        Z_MEM_ERROR => return Err(Refused::NoMemory),
        _ => return Err(Refused::NotCompressed),
    }
    let length = TEXT_MAX - stream.avail_out as usize;
    String::from_utf8(text[..length].to_vec()).map_err(|_| Refused::NotText)
}

/// One apex in each line.
pub fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

/// A text as a client should send it.
///
/// # Panics
///
/// When the text is longer than [`TEXT_MAX`] by far.
pub fn compressed(text: &str) -> Vec<u8> {
    let mut body = vec![0; 2 * TEXT_MAX];
    let mut written = body.len() as _;
    // SAFETY: zlib reads and writes within the lengths that it is given.
    let told = unsafe {
        let (from, length) = (text.as_ptr(), text.len() as _);
        compress(body.as_mut_ptr(), &raw mut written, from, length)
    };
    assert_eq!(told, Z_OK, "the text is short");
    body.truncate(usize::try_from(written).unwrap_or(usize::MAX));
    body
}

fn length(bytes: &[u8]) -> uInt {
    uInt::try_from(bytes.len()).unwrap_or(uInt::MAX)
}
