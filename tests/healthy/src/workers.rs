//! Threads that wait for requests, as a service without a runtime has them.

use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

type Request = Box<dyn FnOnce() + Send>;

/// They end when this goes.
pub(crate) struct Workers {
    requests: SyncSender<Request>,
}

impl Workers {
    pub(crate) fn start(threads: usize) -> Self {
        let (requests, waiting) = sync_channel::<Request>(threads);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..threads {
            let waiting = Arc::clone(&waiting);
            thread::spawn(move || {
                while let Some(request) = next(&waiting) {
                    request();
                }
            });
        }
        Workers { requests }
    }

    /// Has the requests answered, and waits for that.
    pub(crate) fn answer<F: FnOnce() + Send + 'static>(&self, requests: impl Iterator<Item = F>) {
        let (answered, answers) = channel::<()>();
        for request in requests {
            let answered = answered.clone();
            let request = Box::new(move || {
                request();
                drop(answered);
            });
            self.requests.send(request).expect("the workers live");
        }
        drop(answered);
        assert!(answers.recv().is_err(), "nothing is sent");
    }
}

fn next(waiting: &Mutex<Receiver<Request>>) -> Option<Request> {
    waiting.lock().expect("nobody panicked").recv().ok()
}
