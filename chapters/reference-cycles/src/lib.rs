//! Owners that own each other.
