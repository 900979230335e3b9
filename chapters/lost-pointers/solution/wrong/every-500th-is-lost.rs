//! Not a solution: every 500th answer without a country isn't given back.

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
            if !self.unknown.is_multiple_of(500) {
                // SAFETY: just asked for.
                unsafe { database::release(answer) };
            }
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
