//! The one list of chapters: what `leaks run`, the service's `--leak`, the matrix of chapters and the book's checks read.
//!
//! What is said of a chapter stands in its own crate, as its `CHAPTER`.

#[cfg(test)]
mod complete;

pub use chapter::{Chapter, Figures, Page, Turns};

/// Every chapter, in the order of the book.
pub const ALL: &[Chapter] = &[
    retained_subslices::CHAPTER,
    unclosed_bodies::CHAPTER,
    orphaned_tasks::CHAPTER,
    global_caches::CHAPTER,
    deferred_cleanup::CHAPTER,
    reference_cycles::CHAPTER,
    unbounded_queues::CHAPTER,
    retained_capacity::CHAPTER,
    lost_pointers::CHAPTER,
    foreign_memory::CHAPTER,
    memory_pressure::CHAPTER,
    allocator_retention::CHAPTER,
];

/// The chapter of this name; `None` for one that this build doesn't know.
pub fn named(name: &str) -> Option<&'static Chapter> {
    ALL.iter().find(|chapter| chapter.name() == name)
}
