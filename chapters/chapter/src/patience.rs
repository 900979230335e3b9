//! How long a checker waits for an exercise that may wait for ever.

use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// Turns of the runtime, a millisecond each at least.
const TURNS: u32 = 1_000;

/// Waits until it is so, for a thousand turns of the runtime at most, and says whether it came. Turns and not time: a busy machine gives
/// few of them in a second, to the other end as well.
///
/// # Panics
///
/// Outside of a runtime whose time is enabled.
pub async fn comes(is_so: impl Fn() -> bool) -> bool {
    let mut turns = interval(Duration::from_millis(1));
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for _ in 0..TURNS {
        if is_so() {
            return true;
        }
        turns.tick().await;
    }
    is_so()
}

/// Ends when a checker has waited long enough.
///
/// # Panics
///
/// As [`comes`].
pub async fn runs_out() {
    comes(|| false).await;
}
