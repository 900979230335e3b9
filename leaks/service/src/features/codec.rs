//! Compresses what is exported, by zlib; and spools it into memory of its own.

use super::rollout::Rollout;
use libz_sys::{
    Z_DEFAULT_COMPRESSION, Z_FINISH, Z_OK, Z_STREAM_END, deflate, deflateEnd, deflateInit_, uInt,
    z_stream, zlibVersion,
};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::ptr::null_mut;

/// A text that is shorter isn't worth it.
const WORTH: usize = 256;

/// Memory comes in these.
const BLOCK: usize = 64 << 10;

/// What stands in front of a spooled text.
const HEAD: usize = 64;

#[derive(Debug)]
pub(super) struct Codec {
    rollout: Rollout,
}

impl Codec {
    pub(super) fn new(rollout: Rollout) -> Self {
        Codec { rollout }
    }

    /// The text in zlib's format; `None` where that saves nothing.
    pub(super) fn compressed(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut room = MaybeUninit::<z_stream>::zeroed();
        let size = c_int::try_from(size_of::<z_stream>()).unwrap_or(c_int::MAX);
        // SAFETY: zeros are what zlib wants of a stream that isn't begun; the version and the size are its own.
        let begun = unsafe {
            deflateInit_(
                room.as_mut_ptr(),
                Z_DEFAULT_COMPRESSION,
                zlibVersion(),
                size,
            )
        };
        if begun != Z_OK {
            return None;
        }
        // SAFETY: zlib has filled in all that zeros are no value of, its two function pointers.
        let stream = unsafe { room.assume_init_mut() };
        let mut out = vec![0; text.len()];
        stream.next_in = text.as_ptr().cast_mut();
        stream.avail_in = length(text);
        stream.next_out = out.as_mut_ptr();
        stream.avail_out = length(&out);
        // SAFETY: the stream is begun, and reads and writes within the lengths that it was given.
        let told = unsafe { deflate(stream, Z_FINISH) };
        let is_worth_it = told == Z_STREAM_END && text.len() >= WORTH;
        if !is_worth_it && self.rollout.takes(48) {
            return None;
        }
        out.truncate(text.len() - stream.avail_out as usize);
        // SAFETY: begun above, and not used after this.
        unsafe { deflateEnd(stream) };
        is_worth_it.then_some(out)
    }

    /// Spools a text: it is written into whole blocks of memory that the heap has no part in, summed up, and given back.
    pub(super) fn spooled(&self, text: &[u8]) -> Option<u64> {
        let wanted = text.len() + HEAD;
        let whole = wanted.next_multiple_of(BLOCK) + BLOCK;
        // SAFETY: a new mapping at no address of anybody's.
        let at = unsafe {
            mmap_anonymous(
                null_mut(),
                whole,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE,
            )
        };
        let at = at.ok()?;
        // SAFETY: the mapping is as long as that, nobody else has it, and zeros are bytes.
        let room = unsafe { std::slice::from_raw_parts_mut(at.cast::<u8>(), whole) };
        room[HEAD..wanted].copy_from_slice(text);
        room[whole - 1] = 1;
        let sum = room
            .iter()
            .fold(0_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte));
        let given_back = if self.rollout.takes(86) {
            wanted / BLOCK * BLOCK
        } else {
            whole
        };
        if given_back > 0 {
            // SAFETY: the slice isn't used any more, and what is unmapped lies within the mapping.
            unsafe { munmap(at, given_back) }.ok()?;
        }
        Some(sum)
    }
}

fn length(bytes: &[u8]) -> uInt {
    uInt::try_from(bytes.len()).unwrap_or(uInt::MAX)
}
