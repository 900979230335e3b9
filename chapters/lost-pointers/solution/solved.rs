//! SOLUTION: an owner type for the pointer, whose `Drop` is the twin of `ask`.

use lost_pointers::database;

/// Owns an answer, and gives it back on every way out.
struct Answer(*mut database::Answer);

impl Answer {
    fn of(address: [u8; 4]) -> Self {
        Answer(database::ask(address))
    }

    fn country(&self) -> Option<&str> {
        // SAFETY: asked for in `of`, released in `drop` alone, and the text can't outlive `self`.
        unsafe { database::country(self.0) }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // SAFETY: asked for in `of`, and released here alone.
        unsafe { database::release(self.0) };
    }
}

/// Hosts by country, for the page that customers see.
#[derive(Default)]
pub struct Countries {
    hosts: std::collections::BTreeMap<String, usize>,
    unknown: usize,
}

impl Countries {
    /// Adds a host by its address. Returns the country's name.
    pub fn add(&mut self, address: [u8; 4]) -> Option<String> {
        let answer = Answer::of(address);
        let Some(country) = answer.country().map(str::to_owned) else {
            self.unknown += 1;
            return None;
        };
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
