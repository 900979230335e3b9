//! Moments at which an allocator has nothing to stand on: before main, at a thread's end, after a fork, without memory.

#[cfg(unix)]
mod fork;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod loader;
mod moments;
mod rates;
mod refusals;

detectors::tests! {
    fn before_main() {
        moments::before_main();
    }

    fn in_destructors_at_a_threads_end() {
        moments::in_destructors();
    }

    fn where_panics_abort() {
        moments::where_panics_abort();
    }

    fn without_memory_for_tables() {
        moments::without_memory_for_tables();
    }

    fn what_is_refused_is_in_no_figure() {
        refusals::are_in_no_figure();
    }

    fn a_threads_first_step_may_be_a_reallocation() {
        refusals::first_step_is_a_reallocation();
    }

    fn after_a_fork() {
        fork::while_others_allocate();
    }

    fn while_the_loader_holds_its_locks_on_the_threads_own_stack() {
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        loader::by_frame_pointer();
    }

    fn while_the_loader_holds_its_locks_on_another_stack() {
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        loader::by_unwinder();
    }

    fn rates_change_while_threads_allocate() {
        rates::change_while_threads_allocate();
    }

    fn four_profiles_at_once_while_threads_allocate() {
        rates::four_profiles_at_once();
    }

    fn the_calling_thread_follows_at_once() {
        rates::the_calling_thread_follows_at_once();
    }
}
