//! Who holds what grows, in programs of other people's making: the holder of most bytes decides the class, and what hangs on it is told
//! as what it holds. Each fault has its mended twin, and what looks like it.

mod channels;
mod copies;
mod deques;
mod owners;
mod sockets;
mod statics;
mod waiters;

use detectors::{Class, Evidence, Owner, Root, Verdict, Watch};
use std::sync::atomic::{AtomicU64, Ordering};

/// 256 iterations.
fn watch(name: &str) -> Watch {
    Watch::new(name).warm_up(8)
}

/// For what opens something in each iteration: 128 of them.
fn short(name: &str) -> Watch {
    watch(name).windows(4)
}

/// A leak of this class, or of none.
#[track_caller]
fn leaks(evidence: Evidence, class: Option<Class>) -> Evidence {
    let told = format!("{}\n{:#?}", evidence.because, evidence.holders);
    assert_eq!(evidence.verdict, Verdict::Leak, "{told}");
    assert_eq!(evidence.class, class, "{told}");
    evidence
}

/// What holds nearly all blocks of the largest site.
#[track_caller]
fn root(evidence: &Evidence) -> &Root {
    let (root, share) = evidence.holders[0].mostly().expect("blocks");
    assert!(share > 0.9, "{}", evidence.holders_list());
    root
}

fn owner(evidence: &Evidence) -> Option<&Owner> {
    evidence.holders[0].owner.as_ref()
}

#[track_caller]
fn is_static(evidence: &Evidence, name: &str) {
    let name = format!("elsewhere::holders::{name}");
    assert_eq!(root(evidence), &Root::Static(name));
}

/// A cache in this static, and no queue.
#[track_caller]
fn is_cache(evidence: Evidence, name: &str) {
    let told = leaks(evidence, Some(Class::GlobalCaches));
    is_static(&told, name);
    let list = told.holders_list().to_string();
    assert!(!list.contains("in a queue of"), "{list}");
}

/// Never the same.
fn fresh() -> u64 {
    static KEYS: AtomicU64 = AtomicU64::new(0);
    KEYS.fetch_add(1, Ordering::Relaxed)
}

detectors::tests! {
    fn a_cycle_decides_before_its_socket() {
        sockets::cycles();
    }

    fn a_cycle_is_told_behind_the_latest_that_are_in_use() {
        sockets::cycles_behind_the_latest();
    }

    fn a_cycle_decides_before_the_threads_of_a_server() {
        sockets::a_cycle_and_a_threaded_server();
    }

    fn a_cycle_decides_before_the_tasks_of_a_server() {
        sockets::a_cycle_and_an_async_server();
    }

    fn a_lost_block_decides_before_its_socket() {
        sockets::lost();
    }

    fn a_static_map_decides_before_what_its_entries_own() {
        sockets::static_sessions();
    }

    fn a_queue_decides_before_the_sockets_in_it() {
        sockets::queued();
    }

    fn a_task_with_a_socket_is_a_task() {
        sockets::tasks();
    }

    fn the_twins_of_what_owns_a_socket_are_silent() {
        sockets::twins();
    }

    fn a_map_of_a_servers_task_names_the_task() {
        owners::a_map_of_a_task();
    }

    fn a_map_of_a_task_is_not_held_by_whoever_has_the_runtime() {
        owners::a_map_of_a_task_on_a_runtime_of_its_own();
    }

    fn a_map_where_a_channels_messages_were_is_not_the_channels() {
        owners::a_map_where_messages_were();
    }

    fn a_tree_of_a_servers_task_names_the_task() {
        owners::a_tree_of_a_task();
    }

    fn a_list_of_a_servers_task_names_the_task() {
        owners::a_list_of_a_task();
    }

    fn a_map_of_a_thread_names_the_thread() {
        owners::of_a_thread();
    }

    fn a_map_behind_a_http_server_is_a_cache() {
        owners::of_a_http_server();
    }

    fn a_map_outside_of_the_setup_or_in_it_is_told_as_that() {
        owners::of_whoever_watches();
    }

    fn a_map_of_a_thread_local_is_a_cache() {
        owners::of_a_thread_local();
    }

    fn what_a_thread_local_sees_is_not_its_own() {
        owners::of_a_thread_local_and_not();
    }

    fn the_twins_of_what_owns_a_map_are_silent() {
        owners::twins();
    }

    fn a_static_is_named_when_it_leads_to_all() {
        statics::named();
    }

    fn a_stray_pointer_in_a_static_names_no_holder() {
        statics::stray();
    }

    fn the_thread_that_has_most_is_the_holder_whichever_others_have_a_pointer() {
        statics::stray_beside_a_thread();
    }

    fn statics_that_disagree_tell_no_class() {
        statics::that_disagree();
    }

    fn a_list_of_epochs_is_held_by_its_static() {
        statics::epochs();
    }

    fn what_waits_for_a_static_is_not_held_by_it() {
        statics::that_are_waited_for();
    }

    fn empty_channels_that_pile_up_are_no_queue() {
        channels::pile_up();
    }

    fn a_channel_that_fills_is_a_queue_whoever_holds_it() {
        channels::fill();
    }

    fn sets_of_futures_and_timers_are_queues() {
        channels::sets();
    }

    fn a_deque_with_a_slow_reader_is_a_queue() {
        deques::queues();
    }

    fn a_list_in_a_deque_is_no_queue() {
        deques::lists();
    }

    fn a_deque_with_a_prompt_reader_is_silent() {
        deques::twins();
    }

    fn wakers_that_pile_up_are_a_queue() {
        waiters::wakers();
    }

    fn wakers_that_are_woken_are_silent() {
        waiters::woken();
    }

    fn what_looks_like_wakers_is_no_queue() {
        waiters::look_alikes();
    }

    fn waiters_in_the_list_of_a_channel_are_a_queue() {
        waiters::in_a_channel();
    }

    fn the_twins_of_channels_are_silent() {
        channels::twins();
    }

    fn small_copies_pin_nothing() {
        copies::small();
    }

    fn what_is_pinned_is_told_with_a_bound_and_without() {
        copies::pinned();
    }

    fn what_nobody_accounts_for_is_told_by_its_use() {
        copies::unaccounted();
    }

    fn a_full_deque_has_no_unused_room() {
        copies::deques();
    }

    fn two_lines_of_a_function_are_told_apart() {
        copies::two_lines();
    }
}
