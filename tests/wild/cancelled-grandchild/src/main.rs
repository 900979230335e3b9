//! tokio-rs/tokio#4639, 2022: a cancelled tree of tokens leaves a node behind.
//!
//! The author's sanitizer saw 72 bytes lost after a token with a grandchild had been cancelled, where nothing held the child
//! between them.

use tokio_util::sync::CancellationToken;

wild::case!(a_request_with_a_nested_token);

fn a_request_with_a_nested_token() -> impl FnMut() {
    || {
        let parent = CancellationToken::new(); // <- the line, corrected
        let child = parent.child_token().child_token(); // <- the line
        parent.cancel();
        assert!(child.is_cancelled());
    }
}
