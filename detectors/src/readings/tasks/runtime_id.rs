//! Which runtime a handle is of.

use std::fmt;
use std::hash::{Hash, Hasher};
use tokio::runtime::Handle;

/// A runtime, told from all others that run. Where tokio doesn't number them, all are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct RuntimeId(u64);

impl RuntimeId {
    pub(super) fn of(runtime: &Handle) -> Self {
        // tokio's own `id` where it has one, or else the trait's below: a method of a type goes before that of a trait.
        let id = runtime.id();
        let mut number = Number(0);
        id.hash(&mut number);
        RuntimeId(number.0)
    }
}

impl fmt::Display for RuntimeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// For a tokio whose runtimes have no numbers: before 1.49, unless built with `--cfg tokio_unstable`.
#[allow(dead_code, reason = "a newer tokio numbers its runtimes")]
trait Unnumbered {
    fn id(&self) -> u64 {
        0 // no runtime's number
    }
}

impl Unnumbered for Handle {}

/// The number itself, which tokio shows by its hash alone without allocating.
struct Number(u64);

impl Hasher for Number {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 << 8) | u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::RuntimeId;
    use tokio::runtime::Builder;

    #[test]
    fn each_runtime_has_its_own() {
        let runtime = || Builder::new_current_thread().build().unwrap();
        let (one, other) = (runtime(), runtime());
        assert_eq!(
            RuntimeId::of(one.handle()),
            RuntimeId::of(&one.handle().clone())
        );
        assert_ne!(RuntimeId::of(one.handle()), RuntimeId::of(other.handle()));
        assert_eq!(
            RuntimeId::of(one.handle()).to_string(),
            one.handle().id().to_string()
        );
    }
}
