//! A collection that keeps the room of its largest moment.
