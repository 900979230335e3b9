//! A response that nobody reads keeps its connection.
