//! rumqttd and rumqttc: sensors publish, a subscriber listens, and devices come and go.

use crate::Observer;
use crate::random::bytes;
use fastrand::Rng;
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};
use rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};
use std::cell::RefCell;
use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;
use tokio::sync::mpsc;

/// What the broker remembers of each topic's messages: the newest segments, each of so many bytes.
const SEGMENT_BYTES: usize = 8 << 10;
const SEGMENTS: usize = 4;

/// Three messages an iteration, by a sensor that stays connected; and now and then one of six devices that come and go.
pub fn run<O: Observer>(observer: O) -> O::Says {
    let address = broker();
    let runtime = crate::runtime();
    let (heard, hears) = mpsc::channel(64);
    let (sensor, _listener) = runtime.block_on(async {
        let (sensor, events) = connected(&address, "sensor").await;
        tokio::spawn(listen(events, None));
        let (listener, mut events) = connected(&address, "listener").await;
        listener
            .subscribe("sensors/#", QoS::AtLeastOnce)
            .await
            .expect("the event loop lives");
        while !matches!(events.poll().await, Ok(Event::Incoming(Packet::SubAck(_)))) {}
        tokio::spawn(listen(events, Some(heard)));
        (sensor, listener)
    });
    let hears = RefCell::new(hears);
    observer.of_futures(runtime.handle(), async || {
        async || {
            let mut random = Rng::new();
            for _ in 0..3 {
                let topic = format!("sensors/{}/state", random.u8(..60));
                let message = bytes(&mut random, 10, 900);
                sensor
                    .publish(topic, QoS::AtLeastOnce, false, message)
                    .await
                    .expect("the event loop lives");
            }
            // Nobody else holds it: an iteration ends before the next begins.
            let mut hears = hears.borrow_mut();
            for _ in 0..3 {
                hears.recv().await.expect("the listener lives");
            }
            if random.u8(..6) == 0 {
                let (device, mut events) =
                    connected(&address, &format!("device-{}", random.u8(..6))).await;
                device.disconnect().await.expect("the event loop lives");
                while events.poll().await.is_ok() {}
            }
        }
    })
}

/// A client whose connection stands.
async fn connected(address: &SocketAddr, name: &str) -> (AsyncClient, EventLoop) {
    let mut options = MqttOptions::new(name, address.ip().to_string(), address.port());
    options.set_keep_alive(Duration::from_secs(60));
    let (client, mut events) = AsyncClient::new(options, 16);
    let event = events.poll().await.expect("the broker answers");
    assert!(
        matches!(event, Event::Incoming(Packet::ConnAck(_))),
        "{event:?}"
    );
    (client, events)
}

/// Drives a connection, and says how long each message was.
async fn listen(mut events: EventLoop, heard: Option<mpsc::Sender<usize>>) {
    while let Ok(event) = events.poll().await {
        if let (Event::Incoming(Packet::Publish(message)), Some(heard)) = (event, &heard)
            && heard.send(message.payload.len()).await.is_err()
        {
            break;
        }
    }
}

fn broker() -> SocketAddr {
    let free = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let listen = free.local_addr().expect("bound");
    drop(free);
    let connections = ConnectionSettings {
        connection_timeout_ms: 60_000,
        max_payload_size: 4 << 10,
        max_inflight_count: 100,
        auth: None,
        external_auth: None,
        dynamic_filters: true,
    };
    let server = ServerSettings {
        name: "v4".to_owned(),
        listen,
        tls: None,
        next_connection_delay_ms: 1,
        connections,
    };
    let config = Config {
        router: RouterConfig {
            max_connections: 100,
            max_outgoing_packet_count: 200,
            max_segment_size: SEGMENT_BYTES,
            max_segment_count: SEGMENTS,
            ..RouterConfig::default()
        },
        v4: Some(HashMap::from([("1".to_owned(), server)])),
        ..Config::default()
    };
    thread::spawn(move || Broker::new(config).start().expect("a free port"));
    while TcpStream::connect(listen).is_err() {
        thread::yield_now();
    }
    listen
}
