//! rust-embedded/heapless#482, 2024: a queue is dropped with messages in it, and the messages aren't.
//!
//! The queue's places are uninitialised until they are filled, and it had no `Drop` of its own.

wild::case!(a_queue_that_ends_early, mended);

fn a_queue_that_ends_early() -> impl FnMut() {
    || {
        let queue = heapless::mpmc::MpMcQueue::<Vec<u8>, 8>::new();
        for size in 1..=4 {
            let message = vec![7; 64 * size]; // <- the line
            assert!(queue.enqueue(message).is_ok());
        }
        assert!(queue.dequeue().is_some());
    }
}

fn mended() -> impl FnMut() {
    || {
        let queue = heapless_mended::mpmc::Queue::<Vec<u8>, 8>::default();
        for size in 1..=4 {
            let message = vec![7; 64 * size];
            assert!(queue.enqueue(message).is_ok());
        }
        assert!(queue.dequeue().is_some());
    }
}
