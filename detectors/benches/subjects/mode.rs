//! Which of a profiling allocator's instruments run.

use detectors::Scope;
use detectors::heap::Detail;

pub(crate) fn set(mode: &str) {
    match mode {
        "counting" => detectors::allocator::set_sampling_interval(None),
        "sampling" => detectors::allocator::set_sampling_interval(Some(512 << 10)),
        "sites" => {
            detectors::allocator::set_sampling_interval(None);
            let scope = Scope::of_process(Detail::Stacks).expect("no other scope runs");
            // For as long as the process lives.
            Box::leak(Box::new(scope));
        }
        other => panic!("no mode named {other}"),
    }
}
