//! The allocator against a model of it, and its estimates against the truth.

mod bounds;
mod checking;
mod sequences;
mod statistics;
mod threads;

detectors::tests! {
    fn a_scope_counts_what_the_model_counts() {
        sequences::in_a_scope();
    }

    fn the_process_counts_what_the_model_counts() {
        sequences::in_the_process();
    }

    fn more_samples_than_there_is_room_for() {
        bounds::more_samples_than_there_is_room_for();
    }

    fn a_move_that_is_refused_while_the_table_fills() {
        bounds::a_move_that_is_refused_while_the_table_fills();
    }

    fn five_hundred_threads() {
        threads::five_hundred();
    }

    fn estimates_are_unbiased() {
        statistics::estimates_are_unbiased();
    }
}
