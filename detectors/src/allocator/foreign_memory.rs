//! The macro that defines the C library's symbols in the test's program.

/// Has watches and scopes see what C code asks for: `malloc` and its sisters, `mmap` and its. Put it into a test's file once, beside
/// [`memory_tests!`](crate::memory_tests) or [`tests!`](crate::tests).
///
/// ```no_run
/// detectors::foreign_memory!();
///
/// detectors::memory_tests! {
///     fn statements_are_finalized() {
///         detectors::Watch::new("statements").run(|| || { /* calls a -sys crate */ }).assert_steady();
///     }
/// }
/// ```
///
/// A leak in `SQLite`, zlib, OpenSSL or any other C library is then a `leak` of the class
/// [`foreign-memory`](crate::Class::ForeignMemory), with the Rust line that called it and the C functions under it.
///
/// It defines `malloc`, `calloc`, `realloc`, `reallocarray`, `free`, `posix_memalign`, `aligned_alloc`, `memalign`, `valloc`, `pvalloc`,
/// `mmap`, `mmap64`, `munmap` and `mremap` in the program, and every library that is linked to it calls these. They do what the C
/// library's do. Without a [`Scope`](crate::Scope) they cost a load each, so it is for tests.
///
/// # What it can't see
///
/// - Anything, where the program's global allocator is no [`ProfilingAllocator`](crate::ProfilingAllocator), and on other systems than
///   64-bit Linux with glibc: there it defines nothing. A program that is linked statically to musl has no such symbols to define.
/// - What was allocated before the first watch or scope, and before `main`; such a block's free is nobody's loss.
/// - A C library with an allocator of its own, such as one that cuts a large mapping into pieces: the mapping is seen, and not the
///   pieces. What calls the kernel without the C library, as rustix does, and what the C library maps for itself: stacks, and its heap.
/// - Which memory a mapping of a file keeps in RAM: it counts as its length. Addresses that are reserved alone, with `PROT_NONE` or
///   `MAP_NORESERVE`, don't count: what is used of them is resident memory, and a watch tells that it grows, without a line.
/// - Threads that C code starts, in a scope of one thread. In [`tests!`](crate::tests) a watch counts the whole process.
///
/// Another allocator that defines `malloc` in the same program (mimalloc with `override`, jemalloc without a prefix) is refused by the
/// linker: *duplicate symbol*.
#[macro_export]
macro_rules! foreign_memory {
    () => {
        #[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
        #[allow(unsafe_code, reason = "it defines the C library's symbols")]
        const _: () = {
            use ::core::ffi::{c_int, c_void};
            use $crate::allocator::foreign::entry;

            $crate::foreign_symbols! {
                fn malloc(size: usize) -> *mut c_void;
                fn calloc(count: usize, size: usize) -> *mut c_void;
                fn realloc(block: *mut c_void, size: usize) -> *mut c_void;
                fn reallocarray(block: *mut c_void, count: usize, size: usize) -> *mut c_void;
                fn free(block: *mut c_void);
                fn posix_memalign(place: *mut *mut c_void, alignment: usize, size: usize) -> c_int;
                fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void;
                fn memalign(alignment: usize, size: usize) -> *mut c_void;
                fn valloc(size: usize) -> *mut c_void;
                fn pvalloc(size: usize) -> *mut c_void;
                fn mmap(at: *mut c_void, length: usize, rights: c_int, flags: c_int, file: c_int, offset: i64) -> *mut c_void;
                fn mmap64(at: *mut c_void, length: usize, rights: c_int, flags: c_int, file: c_int, offset: i64) -> *mut c_void;
                fn munmap(at: *mut c_void, length: usize) -> c_int;
                fn mremap(at: *mut c_void, length: usize, wanted: usize, flags: c_int, new_at: *mut c_void) -> *mut c_void;
            }
        };
    };
}

/// What [`foreign_memory!`](crate::foreign_memory) expands to.
#[doc(hidden)]
#[macro_export]
macro_rules! foreign_symbols {
    ($(fn $name:ident($($argument:ident: $of:ty),*) $(-> $gives:ty)?;)*) => {
        $(
            #[unsafe(no_mangle)]
            #[inline(never)]
            unsafe extern "C" fn $name($($argument: $of),*) $(-> $gives)? {
                // SAFETY: the caller's promise, which is the C library's.
                unsafe { entry::$name($($argument),*) }
            }
        )*
    };
}
