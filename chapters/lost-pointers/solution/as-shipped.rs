//! EXERCISE: the country database that forgets its answers.
//!
//! The service tells each customer where their hosts stand. A database in another language answers by address; its rule is
//! C's: whoever asks gets a pointer, and gives it back with `release`. The wrapper below was reviewed twice. In production
//! it grows by one answer for each address that nobody has registered.
//!
//! Your task: make it steady, and keep it working.
//!
//! ```text
//! cargo run -- check lost-pointers     is it fixed? (also tells what is still wrong)
//! cargo run -- hint lost-pointers      three hints, from a question to nearly the line
//! cargo run -- reset lost-pointers     start over
//! ```
//!
//! You may change everything in this file but the names and arguments of the public functions. The module `database`
//! stands for the other language, and lies in `src/database.rs`.

use lost_pointers::database;

/// Hosts by country, for the page that customers see.
#[derive(Default)]
pub struct Countries {
    hosts: std::collections::BTreeMap<String, usize>,
    unknown: usize,
}

impl Countries {
    /// Adds a host by its address. Returns the country's name.
    pub fn add(&mut self, address: [u8; 4]) -> Option<String> {
        let answer = database::ask(address);
        // SAFETY: just asked for.
        let Some(country) = (unsafe { database::country(answer) }) else {
            self.unknown += 1;
            return None;
        };
        let country = country.to_owned();
        // SAFETY: just asked for, and the text that is used from here on is a copy.
        unsafe { database::release(answer) };
        *self.hosts.entry(country.clone()).or_default() += 1;
        Some(country)
    }

    /// How many hosts stand in that country.
    pub fn hosts_in(&self, country: &str) -> usize {
        self.hosts.get(country).copied().unwrap_or(0)
    }

    /// How many hosts stand nowhere that is known.
    pub fn unknown(&self) -> usize {
        self.unknown
    }
}
