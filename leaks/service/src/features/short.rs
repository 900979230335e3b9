//! A short text: in place, or as a part of what it came in.

use bytes::Bytes;

/// Letters that have room in place.
const ROOM: usize = 31;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Short {
    Here([u8; ROOM], u8),
    There(Bytes),
}

impl Short {
    /// A copy, in place where it is short.
    pub(super) fn copied(text: &str) -> Self {
        let mut here = [0; ROOM];
        match (here.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(room), Ok(length)) => {
                room.copy_from_slice(text.as_bytes());
                Short::Here(here, length)
            }
            _ => Short::There(Bytes::copy_from_slice(text.as_bytes())),
        }
    }

    /// The text where it lies in `whole`.
    pub(super) fn part(whole: &Bytes, text: &str) -> Self {
        Short::There(whole.slice_ref(text.as_bytes()))
    }

    pub(super) fn length(&self) -> usize {
        match self {
            Short::Here(_, length) => usize::from(*length),
            Short::There(text) => text.len(),
        }
    }
}
