//! tokio-rs/bytes#773, 2025: `Bytes` that were made of an owner become a vector, and the owner is never dropped.
//!
//! The conversion copied the bytes out and gave up nothing of what it had been handed.

use bytes::Bytes;

wild::case!(a_body_as_a_vector);

fn a_body_as_a_vector() -> impl FnMut() {
    || {
        let owner = vec![7_u8; 1_000]; // <- the line
        let body = Bytes::from_owner(owner); // <- the line
        let copy: Vec<u8> = body.into();
        assert_eq!(copy.len(), 1_000);
    }
}
