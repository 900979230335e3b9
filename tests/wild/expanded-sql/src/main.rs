//! rusqlite/rusqlite#552, 2019: a statement's text with its parameters filled in is SQLite's to allocate and the caller's to free.
//!
//! `expanded_sql` gave out the text and freed it never: memory of a C library, which no Rust allocator sees.

use rusqlite::Connection;

wild::case!(log_a_statement);

fn log_a_statement() -> impl FnMut() {
    let database = Connection::open_in_memory().expect("SQLite opens in memory");
    let name = "n".repeat(20_000);
    move || {
        let mut statement = database.prepare("SELECT ?1").expect("it is SQL");
        let _ = statement.query([&name]).expect("one parameter").next();
        let text = statement.expanded_sql(); // <- the line
        assert!(text.is_some_and(|text| text.len() >= 10));
    }
}
