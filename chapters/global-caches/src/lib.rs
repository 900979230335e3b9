//! A static collection that only grows.
