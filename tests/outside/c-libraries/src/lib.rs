//! Rust over C libraries: each function here forgets one call, and its twin doesn't.

use libsqlite3_sys as sqlite;
use libz_sys as zlib;
use std::ffi::{CStr, c_int};
use std::mem::MaybeUninit;
use std::ptr::null_mut;

/// A database in memory.
pub struct Database(*mut sqlite::sqlite3);

impl Database {
    pub fn open() -> Self {
        let mut database = null_mut();
        // SAFETY: a name that ends in a zero, and room for an address.
        let refused = unsafe { sqlite::sqlite3_open(c":memory:".as_ptr(), &raw mut database) };
        assert_eq!(refused, sqlite::SQLITE_OK);
        Database(database)
    }

    fn prepare(&self, query: &CStr) -> *mut sqlite::sqlite3_stmt {
        let mut statement = null_mut();
        // SAFETY: an open database, a text that ends in a zero, and room for an address.
        let refused = unsafe {
            sqlite::sqlite3_prepare_v2(self.0, query.as_ptr(), -1, &raw mut statement, null_mut())
        };
        assert_eq!(refused, sqlite::SQLITE_OK);
        statement
    }

    /// Steps a statement and never finalizes it.
    pub fn ask(&self) -> c_int {
        let statement = self.prepare(c"SELECT 1 + 2");
        // SAFETY: prepared above.
        unsafe {
            sqlite::sqlite3_step(statement);
            sqlite::sqlite3_column_int(statement, 0)
        }
    }

    /// The same, and finalizes it.
    pub fn ask_and_finalize(&self) -> c_int {
        let statement = self.prepare(c"SELECT 1 + 2");
        // SAFETY: prepared above, and not used after it is finalized.
        unsafe {
            sqlite::sqlite3_step(statement);
            let answer = sqlite::sqlite3_column_int(statement, 0);
            sqlite::sqlite3_finalize(statement);
            answer
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // SAFETY: opened by `open`, and closed once. One with statements is busy and stays.
        unsafe { sqlite::sqlite3_close(self.0) };
    }
}

/// Begins a stream of zlib's; `ends` says whether it gives it back.
fn compress(ends: bool) -> c_int {
    let mut stream = MaybeUninit::<zlib::z_stream>::zeroed();
    let stream = stream.as_mut_ptr();
    // SAFETY: zlib takes a zeroed stream, and nulls for its allocator's functions.
    unsafe {
        let version = zlib::zlibVersion();
        let length = size_of::<zlib::z_stream>() as c_int;
        let refused = zlib::deflateInit_(stream, 6, version, length);
        assert_eq!(refused, zlib::Z_OK);
        if ends { zlib::deflateEnd(stream) } else { 0 }
    }
}

pub fn compress_without_an_end() -> c_int {
    compress(false)
}

pub fn compress_and_end() -> c_int {
    compress(true)
}
