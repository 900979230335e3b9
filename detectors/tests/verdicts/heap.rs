//! The heap's proofs, for whichever allocator the program declares.
//!
//! Each proof repeats its watch with another seed each time, with a busy process and other proofs beside it. A *false word* is a leak called
//! calm, or a clean workload called a leak: none is allowed. `inconclusive` is no false word, and allowed only where the
//! proof says that noise is part of the workload.

use crate::harness::{fires, fires_or_is_unsure, silent, silent_or_unsure};
use crate::{READS_SITES, clean, faults};
use detectors::Watch;

detectors::tests! {
    // The fault, with the function that allocates what leaks; then its fixed twin.

    fn a_kept_slice_of_a_page() { fires("fetch_page", |watch, _| watch.run(faults::kept_slices)); }
    fn a_copied_slice_of_a_page() { silent(|watch, _| watch.run(clean::copied_slices)); }

    fn one_byte_an_iteration() { fires("one_byte", |watch, _| watch.run(faults::one_byte)); }
    fn one_byte_at_a_time() { silent(|watch, _| watch.run(clean::one_byte)); }

    fn a_vector_that_is_never_cleared() { fires("unbounded_vector", |watch, _| watch.run(faults::unbounded_vector)); }
    fn a_vector_that_doubles_without_end() { fires("several_pushes", |watch, seed| watch.run(|| faults::several_pushes(seed))); }
    fn a_vector_that_is_cleared() { silent(|watch, seed| watch.run(|| clean::cleared_vector(seed))); }

    fn a_map_keyed_by_user_input() { fires("unbounded_map", |watch, _| watch.run(faults::unbounded_map)); }
    fn a_map_with_a_bound() { silent(|watch, seed| watch.run(|| clean::bounded_cache(seed, 40))); }

    fn a_cycle_of_rc() { fires("cycle", |watch, _| watch.run(faults::reference_cycle)); }
    fn a_weak_back_pointer() { silent(|watch, _| watch.run(clean::weak_back_pointer)); }

    fn a_box_leaked_for_each_request() { fires("leaked_box", |watch, _| watch.run(faults::leaked_box)); }
    fn a_box_dropped_for_each_request() { silent(|watch, _| watch.run(clean::dropped_box)); }

    fn a_queue_without_a_bound() { fires("unbounded_queue", |watch, _| watch.run(faults::unbounded_queue)); }
    fn a_queue_that_is_drained() { silent(|watch, _| watch.run(clean::drained_queue)); }

    fn a_log_that_only_grows() { fires("growing_log", |watch, _| watch.run(faults::growing_log)); }

    fn a_leak_in_one_iteration_of_five() { fires_or_is_unsure("now_and_then", |watch, seed| watch.run(|| faults::now_and_then(seed))); }

    fn a_leak_under_large_transient_buffers() { fires("under_buffers", |watch, seed| watch.run(|| faults::under_buffers(seed))); }

    fn one_byte_an_iteration_in_a_hundred_kilobytes_of_noise() {
        let run = |watch: Watch, seed| watch.run(|| faults::one_byte_in_noise(seed));
        if READS_SITES { fires("one_byte_in_noise", run) } else { fires_or_is_unsure("one_byte_in_noise", run) }
    }

    fn a_leak_beside_a_churning_cache() { fires("beside_a_cache", |watch, seed| watch.run(|| faults::beside_a_cache(seed))); }

    fn a_leak_beside_a_busy_thread() { fires_or_is_unsure("beside_a_thread", |watch, seed| watch.run(|| faults::beside_a_thread(seed))); }

    fn results_left_by_threads() { fires("thread_results", |watch, _| watch.run(faults::thread_results)); }

    fn tasks_that_wait_for_ever() { fires("waiting_tasks", |watch, _| watch.run_async(faults::waiting_tasks)); }
    fn tasks_that_are_awaited() { silent(|watch, _| watch.run_async(clean::awaited_tasks)); }

    // Look-alikes: none of them leaks.

    fn a_cache_that_warms_up() { silent(|watch, _| watch.run(|| clean::warming_cache(180))); }
    fn a_cache_that_warms_up_slowly() { silent(|watch, _| watch.run(|| clean::warming_cache(500))); }
    fn a_static_that_fills_once() { silent_or_unsure(|watch, seed| watch.run(|| clean::filling_static(seed))); }
    fn a_cache_that_is_hit_at_random() { silent(|watch, seed| watch.run(|| clean::bounded_cache(seed, 200))); }
    fn a_vector_that_doubles_to_its_bound() { silent(|watch, _| watch.run(|| clean::doubling_vector(700))); }
    fn a_batch_that_is_flushed() { silent(|watch, seed| watch.run(|| clean::flushed_batch(20 + seed % 30))); }
    fn a_buffer_as_large_as_the_last_request() { silent_or_unsure(|watch, seed| watch.run(|| clean::last_buffer(seed))); }
    fn a_set_of_known_names() { silent(|watch, seed| watch.run(|| clean::known_names(seed))); }
    fn a_busy_neighbour_thread() { silent_or_unsure(|watch, seed| watch.run(|| clean::busy_thread(seed))); }
    fn threads_that_end_late() { silent_or_unsure(|watch, _| watch.run(clean::late_threads)); }
    fn tasks_that_end_late() { silent(|watch, _| watch.run_async(clean::late_tasks)); }
    fn tasks_on_a_runtime_of_many_threads() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        silent_or_unsure(|watch, _| watch.run_on(runtime.handle(), clean::late_tasks));
    }
    fn nothing_at_all() { silent(|watch, _| watch.run(|| || ())); }
}
