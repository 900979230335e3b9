//! The checker of the exercise: what it must still do, and that it is steady. Used on the learner's file by
//! `tests/exercise.rs`, and on the author's by `tests/profiled/proof.rs`.

use super::exercise::{CONNECTIONS_MAX, Importer, LINE_BYTES_MAX};
use chapter::assert_holds_no_more;
use detectors::allocator::stats;
use detectors::{Class, Evidence, Kept, Watch};
use std::fmt::Write;

/// What the exercise as shipped must be accused of.
#[allow(dead_code, reason = "the learner's check doesn't need it")]
pub const AS_SHIPPED: (Class, &str) = (Class::RetainedCapacity, "Importer::receive");

/// How much of a list comes at once.
const DELIVERY_BYTES: usize = 16 << 10;

/// Lines are put together from what arrives, for each connection apart.
pub fn behaviour() {
    let mut importer = Importer::new();
    importer.open(1);
    importer.open(2);
    assert_eq!(
        importer.receive(1, b"a.example\nb.example\nc.ex"),
        ["a.example", "b.example"],
        "receive returns the complete lines in order"
    );
    assert!(
        importer.receive(2, b"other").is_empty(),
        "a line that is not complete waits"
    );
    assert_eq!(
        importer.receive(1, b"ample\n"),
        ["c.example"],
        "a line that arrives in two parts is one domain"
    );
    assert!(importer.receive(2, b".exa").is_empty());
    assert_eq!(
        importer.receive(2, b"mple\nnext"),
        ["other.example"],
        "a line that arrives in three parts is one domain"
    );
    assert_eq!(
        (importer.domains_of(1), importer.domains_of(2)),
        (3, 1),
        "domains_of counts each connection's domains"
    );
    importer.close(2);
    assert!(
        importer.receive(2, b".example\n").is_empty(),
        "a connection that isn't open sends nothing"
    );
    importer.open(2);
    assert_eq!(
        importer.receive(2, b".example\n"),
        [".example"],
        "a connection that is opened again starts with nothing"
    );
    assert_eq!(importer.open_connections(), 2);

    let longest = "x".repeat(LINE_BYTES_MAX);
    assert!(importer.receive(1, longest.as_bytes()).is_empty());
    assert_eq!(
        importer.receive(1, b"\n"),
        [longest],
        "the longest line is kept until it is complete"
    );
}

/// One customer after the other connects, sends a list, begins one more line, and stays.
pub fn memory() -> Evidence {
    // A customer's list is long: some hundreds tell as much as some thousands.
    Watch::new("the importer").warm_up(20).run(|| {
        let mut importer = Importer::new();
        let mut customers = 0;
        move || {
            importer.open(customers);
            importer.receive(customers, list(customers).as_bytes());
            customers += 1;
            Kept::bytes(importer.open_connections() * LINE_BYTES_MAX)
                .of_at_most(CONNECTIONS_MAX * LINE_BYTES_MAX)
        }
    })
}

/// About 16 kB of domains. The last line is not complete.
fn list(customer: u64) -> String {
    let mut list = String::with_capacity(DELIVERY_BYTES);
    for number in 0.. {
        write!(list, "host-{number:04}.customer-{customer:06}.example")
            .expect("a String takes any text");
        if list.len() + LINE_BYTES_MAX > DELIVERY_BYTES {
            break;
        }
        list.push('\n');
    }
    list
}

/// What an idle connection may hold beside its place in the map: a line that isn't complete, with some room.
const IDLE_BYTES_MAX: u64 = 2 * LINE_BYTES_MAX as u64;

/// An idle connection holds the beginning of a line, however its list came. All connections are kept, and one that has gone holds
/// nothing.
pub fn exactly() {
    let ways: [(&str, usize, bool); 4] = [
        (
            "in one piece, and its last line isn't complete",
            DELIVERY_BYTES,
            false,
        ),
        (
            "in one piece, and its last line is complete",
            DELIVERY_BYTES,
            true,
        ),
        (
            "in pieces of 1,000 bytes, and its last line isn't complete",
            1_000,
            false,
        ),
        (
            "in pieces of 1,000 bytes, and its last line is complete",
            1_000,
            true,
        ),
    ];
    let mut importer = Importer::new();
    let mut connections = 0_u64;
    for (how, piece, is_complete) in ways {
        let before = stats().live_bytes;
        for connection in connections..connections + 100 {
            importer.open(connection);
            let mut list = list(connection);
            if is_complete {
                list.push('\n');
            }
            for piece in list.as_bytes().chunks(piece) {
                importer.receive(connection, piece);
            }
        }
        connections += 100;
        let held = stats().live_bytes.saturating_sub(before) / 100;
        assert!(
            held <= IDLE_BYTES_MAX,
            "an idle connection holds {held} bytes when its list came {how}: expected a line of at most {LINE_BYTES_MAX}, with some room"
        );
    }
    assert_eq!(
        importer.open_connections() as u64,
        connections,
        "an idle connection stays open"
    );
    for connection in 0..connections {
        let domains = importer.domains_of(connection);
        let ended = importer.receive(connection, b"x\n");
        assert!(
            domains >= 300 && ended.len() == 1,
            "an idle connection keeps its count of domains, {domains}, and the beginning of its line"
        );
    }
    assert_holds_no_more("an importer whose customers come and go", 1_000, || {
        connections += 1;
        importer.open(connections);
        importer.receive(connections, b"a.example\nb.ex");
        importer.close(connections);
    });
}
