//! A table with an entry for each line of the code, to which entries are only added: no lock, and no unsafe code.

use std::panic::Location;
use std::ptr;
use std::sync::OnceLock;

const BUCKETS: usize = 64;

/// Values by where in the code they belong. It is as large as the code has such lines, so nothing is ever taken out.
#[derive(Debug)]
pub(crate) struct ByLocation<T> {
    buckets: [Link<T>; BUCKETS],
}

type Link<T> = OnceLock<Box<Entry<T>>>;

#[derive(Debug)]
struct Entry<T> {
    location: &'static Location<'static>,
    value: T,
    next: Link<T>,
}

impl<T> ByLocation<T> {
    pub(crate) const fn new() -> Self {
        ByLocation {
            buckets: [const { OnceLock::new() }; BUCKETS],
        }
    }

    /// The value of a location, made the first time that it is asked for.
    ///
    /// The compiler may give one line several addresses, each of which is a location of its own here: to compare the texts
    /// would cost more than all the rest. Who reads the table puts them together.
    pub(crate) fn get(
        &self,
        location: &'static Location<'static>,
        make: impl Fn(&'static Location<'static>) -> T,
    ) -> &T {
        let mut link = &self.buckets[bucket(location)];
        loop {
            let entry = link.get_or_init(|| {
                // An instrument's own memory is none of the program's.
                crate::allocator::uncounted(|| {
                    Box::new(Entry {
                        location,
                        value: make(location),
                        next: OnceLock::new(),
                    })
                })
            });
            if ptr::eq(entry.location, location) {
                return &entry.value;
            }
            link = &entry.next;
        }
    }

    #[cfg_attr(
        not(feature = "tokio"),
        expect(dead_code, reason = "tasks are counted by it")
    )]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.buckets
            .iter()
            .flat_map(|first| std::iter::successors(first.get(), |entry| entry.next.get()))
            .map(|entry| &entry.value)
    }
}

fn bucket(location: &'static Location<'static>) -> usize {
    // Locations lie side by side, so their addresses differ in the lower bits.
    let number = ptr::from_ref(location).addr() / size_of::<Location<'_>>();
    number % BUCKETS
}
