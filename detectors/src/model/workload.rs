//! What a watch runs: a setup that makes a fresh state, and the iteration that is repeated on it.

#[cfg(feature = "tokio")]
use std::future::Future;
#[cfg(feature = "tokio")]
use std::pin::Pin;

/// What an iteration may say about its holder: how many bytes it *means* to keep, and at most how many.
///
/// A holder that accounts for 1,600 bytes while 65 kB stay live is the mark of
/// [`Class::RetainedSubslices`](crate::Class::RetainedSubslices). A holder that accounts for all that grows, and
/// is below its bound, is filling and leaks nothing. An iteration that returns nothing says nothing: then the
/// evidence names no class, and growth is growth.
///
/// ```
/// use detectors::Kept;
///
/// let seen: Vec<[u8; 16]> = vec![[0; 16]; 100];
/// let kept = Kept::bytes(seen.len() * 16).of_at_most(1_000 * 16);
/// # let _ = kept;
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kept {
    pub(crate) bytes: Option<u64>,
    pub(crate) bound: Option<u64>,
}

impl Kept {
    /// The holder means to keep this many bytes now, over all iterations so far.
    pub fn bytes(bytes: usize) -> Self {
        Kept {
            bytes: Some(bytes as u64),
            bound: None,
        }
    }

    /// The holder never means to keep more bytes than this.
    #[must_use]
    pub fn of_at_most(mut self, bytes: usize) -> Self {
        self.bound = Some(bytes as u64);
        self
    }
}

impl From<()> for Kept {
    fn from((): ()) -> Self {
        Kept::default()
    }
}

impl From<usize> for Kept {
    fn from(bytes: usize) -> Self {
        Kept::bytes(bytes)
    }
}

/// A workload in a box, for lists of workloads of different types.
///
/// `Watch::run` and `Watch::run_async` take closures directly; [`Watch::run_workload`](crate::Watch::run_workload)
/// takes this.
pub struct Workload(pub(crate) Boxed);

pub(crate) type Iteration = Box<dyn FnMut() -> Kept>;
#[cfg(feature = "tokio")]
pub(crate) type AsyncIteration = Box<dyn FnMut() -> Pin<Box<dyn Future<Output = Kept>>>>;

pub(crate) enum Boxed {
    Sync(Box<dyn Fn() -> Iteration>),
    #[cfg(feature = "tokio")]
    Async(Box<dyn Fn() -> AsyncIteration>),
}

impl std::fmt::Debug for Workload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Boxed::Sync(_) => "Workload::sync(..)",
            #[cfg(feature = "tokio")]
            Boxed::Async(_) => "Workload::future(..)",
        })
    }
}

impl Workload {
    /// A workload whose iterations are plain calls. `setup` makes a fresh state and returns the iteration.
    pub fn sync<W, K>(setup: impl Fn() -> W + 'static) -> Self
    where
        W: FnMut() -> K + 'static,
        K: Into<Kept>,
    {
        Workload(Boxed::Sync(Box::new(move || {
            let mut iteration = setup();
            Box::new(move || iteration().into())
        })))
    }

    /// A workload whose iterations are futures; they run on a current-thread runtime that the watch makes.
    #[cfg(feature = "tokio")]
    pub fn future<W, F, K>(setup: impl Fn() -> W + 'static) -> Self
    where
        W: FnMut() -> F + 'static,
        F: Future<Output = K> + 'static,
        K: Into<Kept>,
    {
        Workload(Boxed::Async(Box::new(move || {
            let mut iteration = setup();
            Box::new(move || {
                let future = iteration();
                Box::pin(async move { future.await.into() })
            })
        })))
    }
}
