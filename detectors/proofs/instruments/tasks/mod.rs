//! Tasks by spawn site: every way in which a task can end is counted, each once, on every kind of runtime; what is left behind is
//! found, named and told, and nothing else is accused.

mod counting;
mod left;
mod once;
mod profile;
mod subject;
mod waiting;

detectors::tests! {
    fn a_task_counts_until_it_is_done() { counting::until_done(); }
    fn a_task_counts_until_it_panics() { counting::until_it_panics(); }
    fn a_task_counts_until_it_is_aborted() { counting::until_aborted(); }
    fn a_task_that_is_never_polled_counts_until_it_is_dropped() { counting::never_polled(); }
    fn a_task_counts_until_its_runtime_goes() { counting::until_the_runtime_goes(); }
    fn a_runtime_that_is_shut_down_refuses_tasks() { counting::refused(); }
    fn a_detached_task_counts() { counting::detached(); }
    fn many_threads_spawn_at_once() { counting::many_threads(); }
    fn a_scope_doesnt_see_what_the_instrument_remembers() { counting::unseen_by_scopes(); }

    fn a_wrapped_task_on_a_hooked_runtime_counts_once() { once::wrapped_and_hooked(); }
    fn a_future_wrapped_outside_counts_where_it_runs() { once::wrapped_outside(); }
    fn runtimes_dont_count_each_others_tasks() { once::side_by_side(); }
    fn a_task_grows_by_two_words_at_most() { once::sizes(); }
    fn runtimes_that_are_gone_leave_nothing() { once::many_runtimes(); }
    fn baselines_of_two_runtimes_dont_compare() { once::two_baselines(); }

    fn an_orphan_is_found_with_its_line() { left::orphan(); }
    fn an_orphan_is_found_on_many_threads() { left::orphan_on_threads(); }
    fn its_fixed_twin_leaves_nothing() { left::fixed_twin(); }
    fn a_task_that_ends_late_is_waited_for() { left::late(); }
    fn what_was_there_before_is_no_finding() { left::before(); }
    fn one_that_ends_doesnt_hide_one_that_is_new() { left::exchanged(); }
    fn what_is_to_be_ignored_is_ignored() { left::ignored(); }
    fn ignoring_what_isnt_known_is_inconclusive() { left::inconclusive(); }
    fn a_busy_neighbour_is_none_of_its_business() { left::neighbour(); }
    fn orphans_of_unknown_sites_are_counted() { left::unknown_sites(); }
    fn the_failure_says_what_to_do_next() { left::text(); }

    fn a_profile_of_tasks_reads_as_gos_tool_reads_it() { profile::go_agrees(); }
    fn a_profile_is_kept_where_it_is_asked_for() { profile::is_kept(); }

    fn where_tasks_wait_is_told_or_said_why_not() { waiting::told(); }
    fn where_tasks_wait_on_many_threads() { waiting::on_threads(); }
    fn a_blocked_thread_doesnt_block_for_ever() { waiting::blocked(); }
    fn a_current_thread_runtime_tells_from_within() { waiting::from_outside(); }
}
