//! Ends zlib's stream on the good path alone.

use crate::upload::{self, Refused};
use libz_sys::inflateEnd;
use std::mem::MaybeUninit;

// ANCHOR: apexes
/// The apexes of an upload: a text that is compressed, with one apex in each line.
///
/// # Errors
///
/// When the body isn't what a client may send.
pub fn apexes(body: &[u8]) -> Result<Vec<String>, Refused> {
    let mut room = MaybeUninit::uninit();
    let stream = upload::begin(&mut room)?;
    let text = upload::inflated(stream, body)?;
    // SAFETY: begun above, and not used after this.
    unsafe { inflateEnd(stream) };
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
