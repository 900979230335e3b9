//! The allocator apart from the program: the program's own allocator is another one, so nothing is counted but what the tests ask
//! for themselves, and every figure of the process is known. A process for each test, since the rate and the tables are the process'.

mod model;
#[path = "../random.rs"]
mod random;
mod stress;

detectors::test_modules! { model, stress }
