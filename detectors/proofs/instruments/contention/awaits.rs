use super::{at, total};
use detectors::contention::{block_profile, waiting};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use tokio::sync::{Semaphore, mpsc};

#[inline(never)]
async fn asks_for_a_place(places: &Semaphore) {
    let _place = waiting(places.acquire()).await.expect("it is never closed");
}

#[inline(never)]
async fn receives(receiver: &mut mpsc::Receiver<u32>) -> Option<u32> {
    waiting(receiver.recv()).await
}

/// Polls a future once, which doesn't end with that.
async fn once<F: Future>(future: &mut std::pin::Pin<&mut F>) {
    let pending = poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending()));
    assert!(pending.await, "it has to wait");
}

pub(crate) async fn waits() {
    let places = Semaphore::new(1);
    let place = places.acquire().await.expect("it is never closed");
    let (mut first, mut second) = (
        pin!(asks_for_a_place(&places)),
        pin!(asks_for_a_place(&places)),
    );
    once(&mut first).await;
    once(&mut second).await;
    assert_eq!(
        total(&block_profile()).0,
        0,
        "a wait counts when it has ended"
    );
    drop(place);
    first.await;
    second.await;

    let (sender, mut receiver) = mpsc::channel(1);
    let mut answer = pin!(receives(&mut receiver));
    once(&mut answer).await;
    sender.send(7).await.expect("somebody receives");
    assert_eq!(answer.await, Some(7));

    let block = block_profile();
    let top = || block.top(None).expect("a type");
    assert_eq!(
        at(&block, "::asks_for_a_place::{{closure}}").0,
        2,
        "{}",
        top()
    );
    assert_eq!(at(&block, "::receives::{{closure}}").0, 1, "{}", top());
    assert_eq!(total(&block).0, 3);
    assert!(total(&block).1 > 0);
}

pub(crate) async fn ready() {
    let places = Semaphore::new(1);
    for _ in 0..100 {
        asks_for_a_place(&places).await;
    }
    assert_eq!(total(&block_profile()), (0, 0));
}

pub(crate) async fn given_up() {
    let places = Semaphore::new(0);
    {
        let mut asked = pin!(asks_for_a_place(&places));
        once(&mut asked).await;
    }
    let block = block_profile();
    assert_eq!(
        at(&block, "::asks_for_a_place::{{closure}}").0,
        1,
        "{}",
        block.top(None).expect("a type")
    );
}
