//! A queue that takes whatever comes.
