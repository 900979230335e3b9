//! The checker of the exercise: what it must still do, and that what it freed goes back. Used on the learner's file by
//! `tests/exercise.rs`, and on the author's three by `tests/profiled/proof.rs`.

use super::exercise::Blocklist;
use allocator_retention::{NIGHT_BYTES, feed};
use detectors::memory::RetentionKind;
use detectors::{Evidence, Watch};

/// What the exercise as shipped must be accused of.
#[allow(dead_code, reason = "the learner's check doesn't need it")]
pub const AS_SHIPPED: RetentionKind = RetentionKind::Fragmentation;

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
}

/// Requests, and a night between some of them.
pub fn memory() -> Evidence {
    Watch::new("the blocklist")
        .warm_up(8)
        .pressure_from(NIGHT_BYTES)
        .run(|| {
            let mut list = Blocklist::default();
            let mut requests = 0;
            move || {
                requests += 1;
                if requests % 8 == 4 {
                    list.refresh(&feed::batch(0, 28_000)).expect("JSON");
                }
                list.is_blocked("h00007.b00.example");
            }
        })
}
