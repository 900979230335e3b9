//! Cleanup that comes too late, or never.
