//! The service's program on jemalloc, which is built the first time that an incident needs it: jemalloc is C, and nobody else
//! should wait for it.

use crate::started::Program;

pub(super) const ON_JEMALLOC: Program = Program {
    name: "leaks-on-jemalloc",
    what: "the service on jemalloc",
    arguments: &["-p", "leaks-on-jemalloc"],
    takes: "two minutes",
    needs: "jemalloc is built from C: see that `cc` and `make` are installed.",
};
