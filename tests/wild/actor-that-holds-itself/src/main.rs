//! tqwewe/kameo#171, 2025: an actor never stops, since the task that runs it keeps a reference to the actor.
//!
//! An actor ends when the last reference to it is dropped. The task took its own reference apart for two of the fields, and kept the
//! rest until its end, the mailbox's sender among it. So the task waits for a message that only itself could send.

use kameo::Actor;
use kameo::actor::PreparedActor;
use kameo::mailbox;

wild::case!(async an_actor_that_everybody_dropped);

#[derive(Actor)]
struct TestActor;

// The fixed version has a new name for `wait_startup`, and knows the old one.
#[allow(deprecated)]
async fn an_actor_that_everybody_dropped() -> impl AsyncFnMut() {
    async || {
        let prepared = PreparedActor::<TestActor>::new(mailbox::bounded(64)); // <- the line
        let actor = prepared.actor_ref().clone();
        let running = prepared.spawn(TestActor); // <- the line
        actor.wait_startup().await;
        drop(actor);
        drop(running);
        // What a drop ends needs a moment of the runtime's to end.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
}
