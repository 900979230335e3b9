//! What a service says that withholds who holds what: a comment in its metrics, since whoever scrapes them skips comments.

/// The whole line.
pub(super) const WITHHELD: &str =
    "# withheld: class, holder and line of what grows, by whoever runs this service";
