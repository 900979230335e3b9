//! A collection that keeps the room of its largest moment.
//!
//! A service warns its customers of certificates that expire soon. It asks a certificate log for all certificates of a
//! customer, two hundred of 64 bytes, and remembers the ids of the five that matter. [`leaky`] collects the ids into a vector,
//! which keeps the room of two hundred certificates; [`fixed`] collects them into a boxed slice, which has no room to keep.
//! [`beside`] measures other vectors, maps and pools that have shrunk or emptied.

pub mod backend;
pub mod beside;
pub mod fixed;
pub mod leaky;
