//! What the process has open, what code leaves open, and what becomes of response bodies: each on real descriptors.

mod bodies;
mod left;
mod listed;
mod server;

detectors::tests! {
    fn a_file_and_a_pipe_are_listed_by_what_they_stand_for() {
        listed::a_file_and_a_pipe();
    }

    fn sockets_are_listed_by_peer_and_state() {
        listed::sockets();
    }

    fn sockets_of_version_six_are_listed_too() {
        listed::sockets_of_version_six();
    }

    fn threads_are_listed_with_who_started_them() {
        listed::threads();
    }

    fn threads_whose_names_are_cut_are_listed() {
        listed::names_that_are_cut();
    }

    fn a_process_whose_name_is_cut_is_looked_at() {
        listed::a_process_whose_name_is_cut();
    }

    fn what_is_open_is_compared_by_group() {
        listed::compared();
    }

    fn a_watch_names_who_starts_threads() {
        listed::growing_threads();
    }

    fn code_that_closes_leaves_nothing() {
        left::nothing();
    }

    fn what_closes_late_is_waited_for() {
        left::late();
    }

    fn what_a_task_still_holds_closes_while_the_runtime_goes_on() {
        left::held_by_a_task();
    }

    fn what_is_left_open_is_named() {
        left::everything();
    }

    fn what_is_to_be_ignored_is_counted_apart() {
        left::ignored();
    }

    fn bodies_that_are_held() {
        bodies::held();
    }

    fn bodies_that_are_dropped_unread() {
        bodies::dropped_unread();
    }

    fn bodies_that_are_read() {
        bodies::read();
    }

    fn many_at_once_leave_a_larger_pool() {
        bodies::many_at_once();
    }

    fn what_cannot_be_told_is_inconclusive() {
        bodies::not_told();
    }

    fn a_server_that_closes_is_not_the_clients_churn() {
        bodies::closed_by_the_server();
    }

    fn sockets_without_a_task_are_no_bodies() {
        bodies::no_bodies();
    }
}
