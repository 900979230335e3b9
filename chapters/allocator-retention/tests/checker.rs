//! The checker of the exercise: what it must still do, and that what it freed goes back. Used on the learner's file by
//! `tests/exercise.rs`, and on the author's by `tests/profiled/proof.rs`.

use super::exercise::Blocklist;
use allocator_retention::{NIGHT_BYTES, feed};
use detectors::allocator::stats;
use detectors::memory::RetentionKind;
use detectors::{Evidence, Watch};

/// What the exercise as shipped must be accused of.
#[allow(dead_code, reason = "the learner's check doesn't need it")]
pub const AS_SHIPPED: RetentionKind = RetentionKind::Fragmentation;

/// How many hosts a night's feed has.
const HOSTS: usize = 28_000;

/// What a host on the list may take: its name of 18 bytes, a place in a table, and some room.
const HOST_BYTES_MAX: u64 = 100;

/// Hosts on the list are blocked, others aren't, and a broken feed changes nothing.
pub fn behaviour() {
    let mut list = Blocklist::default();
    assert!(
        !list.is_blocked("shop.example"),
        "an empty list blocks nobody"
    );
    let feed = r#"[{"host":"shop.example","seen":1},{"host":"b.example"},{"seen":3},{"host":"a.example","ports":[{"port":22}]}]"#;
    assert_eq!(
        list.refresh(feed).expect("JSON"),
        3,
        "refresh counts the hosts that have a name"
    );
    for host in ["a.example", "b.example", "shop.example"] {
        assert!(list.is_blocked(host), "is_blocked knows a host of the feed");
    }
    assert!(!list.is_blocked("c.example"), "another host isn't blocked");
    assert!(
        list.refresh(&feed[..40]).is_err(),
        "half a feed is an error"
    );
    assert!(
        list.is_blocked("b.example"),
        "after a broken feed the older list holds"
    );
    assert_eq!(list.refresh(r#"[{"host":"c.example"}]"#).expect("JSON"), 1);
    assert!(
        list.is_blocked("c.example") && !list.is_blocked("b.example"),
        "refresh replaces the list"
    );
    assert_eq!(list.refresh(r#"[{"host":"d.example"}]"#).expect("JSON"), 1);
    assert!(
        list.is_blocked("d.example") && !list.is_blocked("c.example"),
        "refresh replaces the list, be the next feed as long"
    );
    let hosts = 5_000;
    assert_eq!(list.refresh(&feed::batch(7, hosts)).expect("JSON"), hosts);
    for host in 0..hosts {
        let name = format!("h{host:05}.b07.example");
        assert!(
            list.is_blocked(&name),
            "is_blocked knows every host of the feed"
        );
    }
    for other in ["h00000.b08.example", "h05000.b07.example", "h00000"] {
        assert!(!list.is_blocked(other), "another host isn't blocked");
    }
}

/// A night leaves 64 to 78 MB resident as shipped, by chance: more than this in every run.
const RETAINED_BYTES: u64 = 40 << 20;

/// Requests, and a night between some of them.
pub fn memory() -> Evidence {
    Watch::new("the blocklist")
        .warm_up(8)
        .pressure_from(NIGHT_BYTES)
        .retention_from(RETAINED_BYTES)
        .run(|| {
            let mut list = Blocklist::default();
            let mut requests = 0;
            move || {
                requests += 1;
                if requests % 8 == 4 {
                    let night = requests / 8;
                    list.refresh(&feed::batch(night % 2, HOSTS)).expect("JSON");
                }
                list.is_blocked("h00007.b00.example");
            }
        })
}

/// What is live is the names: what is kept on purpose doesn't go back either.
pub fn exactly() {
    let hosts = HOSTS / 4;
    let mut list = Blocklist::default();
    let before = stats().live_bytes;
    for night in 0..2 {
        list.refresh(&feed::batch(night, hosts)).expect("JSON");
        let live = stats().live_bytes.saturating_sub(before) / hosts as u64;
        assert!(
            live <= HOST_BYTES_MAX,
            "{live} bytes are live for each host of the feed: its name is kept, and all else that the feed says goes"
        );
    }
}
