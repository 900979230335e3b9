//! Not a solution: the room is given back, and the counts of those who have gone are kept.

use std::collections::HashMap;

/// How many connections the listener accepts at once.
pub const CONNECTIONS_MAX: usize = 4_096;

/// The longest line. The listener ends a connection that sends a longer one.
pub const LINE_BYTES_MAX: usize = 64;

/// A customer's connection.
#[derive(Default)]
struct Connection {
    /// What has arrived and is not yet a whole line.
    pending: Box<[u8]>,
    domains: usize,
}

/// Reads domains from connections.
pub struct Importer {
    connections: HashMap<u64, Connection>,
    gone: Vec<u64>,
}

impl Importer {
    /// An importer with a place for each connection.
    pub fn new() -> Self {
        Importer {
            connections: HashMap::with_capacity(CONNECTIONS_MAX),
            gone: Vec::new(),
        }
    }

    /// A customer has connected.
    pub fn open(&mut self, connection: u64) {
        self.connections.insert(connection, Connection::default());
    }

    /// Bytes have arrived. Returns the domains whose lines are complete now, in order; nothing for a connection that isn't open.
    pub fn receive(&mut self, connection: u64, bytes: &[u8]) -> Vec<String> {
        let Some(connection) = self.connections.get_mut(&connection) else {
            return Vec::new();
        };
        let arrived = [&connection.pending, bytes].concat();
        let last_end = arrived.iter().rposition(|&byte| byte == b'\n');
        let (complete, rest) = arrived.split_at(last_end.map_or(0, |end| end + 1));
        let lines = String::from_utf8_lossy(complete);
        let domains: Vec<String> = lines.lines().map(str::to_owned).collect();
        connection.domains += domains.len();
        connection.pending = Box::from(rest);
        domains
    }

    /// How many domains a connection has sent.
    pub fn domains_of(&self, connection: u64) -> usize {
        let connection = self.connections.get(&connection);
        connection.map_or(0, |connection| connection.domains)
    }

    /// A customer has gone.
    pub fn close(&mut self, connection: u64) {
        self.gone.push(connection);
        self.connections.remove(&connection);
    }

    /// How many connections are open.
    pub fn open_connections(&self) -> usize {
        self.connections.len()
    }
}
