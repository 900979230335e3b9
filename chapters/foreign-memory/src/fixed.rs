//! Ends zlib's stream on every way out.

use crate::upload::{self, Refused};
use libz_sys::{inflateEnd, z_stream};
use std::mem::MaybeUninit;

// ANCHOR: apexes
/// A stream of zlib's that is ended when its scope ends.
struct Ended<'r>(&'r mut z_stream);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        // SAFETY: `apexes` has begun it, and nobody uses it after its owner.
        unsafe { inflateEnd(self.0) };
    }
}

/// The apexes of an upload: a text that is compressed, with one apex in each line.
///
/// # Errors
///
/// When the body isn't what a client may send.
pub fn apexes(body: &[u8]) -> Result<Vec<String>, Refused> {
    let mut room = MaybeUninit::uninit();
    let stream = Ended(upload::begin(&mut room)?);
    let text = upload::inflated(stream.0, body)?;
    Ok(upload::lines(&text))
}
// ANCHOR_END: apexes

/// One iteration is two uploads: one as it should be, and one of a client that says `deflate` and sends plain text.
///
/// # Panics
///
/// When an upload is answered as it shouldn't be.
pub fn workload() -> impl FnMut() {
    let text = "shop.example\nmail.example\n";
    let good = upload::compressed(text);
    move || {
        assert_eq!(apexes(&good).map(|all| all.len()), Ok(2));
        assert_eq!(apexes(text.as_bytes()), Err(Refused::NotCompressed));
    }
}
