//! The instruments' tables lie apart from the program's blocks.
//!
//! The bug: a table that covers 16 MiB of addresses came from the system's allocator, which took it from the heap where told to
//! map nothing, or once its threshold for that had risen. The table itself then pushed the next block out of what it covers,
//! so that each block wanted another table, until memory ran out.

use detectors::{Scope, heap::Detail};

/// A table has a word of eight bytes for each eight bytes of the 16 MiB that it covers.
const TABLE_BYTES: usize = 16 << 20;

detectors::tests! {
    fn a_table_pushes_no_block_out_of_what_it_covers() {
        // SAFETY: sets a number in the C library.
        let is_set = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, 32 << 20) };
        assert_eq!(
            is_set, 1,
            "from here on large blocks come from the heap too"
        );
        let scope = Scope::new(Detail::Counts).expect("the allocator is a ProfilingAllocator");
        let blocks: [Vec<u8>; 8] = std::array::from_fn(|_| Vec::with_capacity(100_000));
        let addresses = blocks.each_ref().map(|block| block.as_ptr().addr());
        let (first, last) = (addresses.iter().min(), addresses.iter().max());
        let span = last.zip(first).map(|(last, first)| last - first);
        let live = scope.read().blocks;
        // A failure is told with a backtrace, which would want tables too.
        drop(scope);
        assert_eq!(live, 8);
        // Small tables may lie between them, and what glibc had free before. A large one may not.
        assert!(span.is_some_and(|span| span < TABLE_BYTES), "{addresses:?}");
    }
}
