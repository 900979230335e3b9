//! The watch over all that it counts: each kind fires on its fault, names what it can, and is silent on the fixed twin and on
//! look-alikes.

mod kinds;
mod older;
mod peak;

detectors::tests! {
    fn a_task_that_waits_for_ever() { kinds::waiting_tasks(); }
    fn tasks_that_may_wake_and_such_that_never_will() { kinds::tasks_that_may_wake(); }
    fn tasks_that_end_late_are_no_leak() { kinds::late_tasks(); }
    fn a_thread_that_waits_for_ever() { kinds::waiting_threads(); }
    fn threads_that_are_joined_are_no_leak() { kinds::joined_threads(); }
    fn a_file_that_stays_open() { kinds::open_files(); }
    fn files_that_close_are_no_leak() { kinds::closed_files(); }
    fn a_bounded_pool_of_files_is_no_leak() { kinds::pooled_files(); }
    fn a_socket_that_stays_open() { kinds::open_sockets(); }
    fn sockets_that_close_are_no_leak() { kinds::closed_sockets(); }
    fn what_grows_has_a_name() { kinds::names(); }
    fn what_grows_beside_the_heap_is_in_every_text() { kinds::texts(); }

    fn many_windows_need_little_room() { kinds::many_windows_need_little_room(); }
    #[should_panic(expected = "64 windows can't be judged")]
    fn more_windows_than_can_be_are_refused_in_words() { kinds::more_windows_than_can_be(); }
    fn a_long_run_keeps_few_readings() { kinds::a_long_run_keeps_few_readings(); }

    fn a_cache_that_was_full_before_is_not_accused() { older::full_cache(); }
    fn a_leak_beside_a_full_cache_is_still_one() { older::leak_beside_it(); }

    fn growth_that_does_not_come_again_is_told() { older::table_that_doubled_before(); }
    fn a_holder_that_fills_is_told_to_have_a_bound() { older::holder_that_fills(); }

    fn files_opened_all_at_once() { peak::files_at_once(); }
    fn files_opened_one_by_one() { peak::files_one_by_one(); }
    fn bytes_collected_until_the_end() { peak::bytes_at_once(); }
    fn an_index_of_the_items_is_no_fault() { peak::an_index(); }
    fn a_large_buffer_for_any_work_is_no_fault() { peak::one_buffer(); }
    fn what_stays_is_a_leak() { peak::what_stays(); }
    fn tasks_spawned_all_at_once() { peak::tasks_at_once(); }
    #[should_panic(expected = "each twice the one before")]
    fn amounts_that_make_no_row_are_refused_in_words() { peak::amounts_beyond_all_numbers(); }
    fn a_peak_fails_in_words() { peak::complaint(); }
}
