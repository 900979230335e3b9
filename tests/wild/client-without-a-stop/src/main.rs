//! jscott3201/rusty-bacnet#74, 2026: a client that is dropped without its `stop` leaves its dispatch task running, and the task
//! its socket.
//!
//! The reporter's supervisor restarts drivers by dropping them. `stop` is async, so no `Drop` could call it, and there was none.

use bacnet_client::client::BACnetClient;
use std::net::Ipv4Addr;

wild::case!(async a_driver_that_is_restarted);

async fn a_driver_that_is_restarted() -> impl AsyncFnMut() {
    async || {
        let starting = BACnetClient::bip_builder()
            .interface(Ipv4Addr::LOCALHOST)
            .port(0)
            .broadcast_address(Ipv4Addr::LOCALHOST)
            .build(); // <- the line
        let client = starting.await.expect("loopback has a port"); // <- the line
        drop(client);
        // What a drop ends needs a moment of the runtime's to end.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
}
