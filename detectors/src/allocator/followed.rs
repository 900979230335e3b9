//! A future that is somewhere whenever it runs: in a scope, under a label.

use std::pin::Pin;
use std::task::{Context, Poll};

/// Where a thread is while it has what [`enter`](Place::enter) gave.
pub(super) trait Place: Copy {
    type Entered;

    fn enter(self) -> Self::Entered;
}

/// A future that runs in a place, and whose end does too.
pub(super) struct Followed<P: Place, F> {
    place: P,
    /// `None` once it is dropped.
    future: Option<F>,
}

impl<P: Place, F> Followed<P, F> {
    pub(super) fn new(place: P, future: F) -> Self {
        Followed {
            place,
            future: Some(future),
        }
    }
}

impl<P: Place, F: Future> Future for Followed<P, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: the future is never moved: it is only used through this pin, and dropped in place by `Drop`.
        let this = unsafe { self.get_unchecked_mut() };
        let _entered = this.place.enter();
        let future = this
            .future
            .as_mut()
            .expect("a future that was dropped isn't polled");
        // SAFETY: as above.
        unsafe { Pin::new_unchecked(future) }.poll(context)
    }
}

impl<P: Place, F> Drop for Followed<P, F> {
    fn drop(&mut self) {
        let _entered = self.place.enter();
        // Dropped in place: assigning drops the old value where it is.
        self.future = None;
    }
}
