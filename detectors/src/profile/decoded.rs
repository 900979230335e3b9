//! How much memory a message takes once it is decoded, told from its bytes before it is.
//!
//! An empty record is two bytes in the file. Decoded it is as large as its type, in a vector with room to grow.

use super::protos::{Function, Label, Line, Location, Mapping, Sample, ValueType};

/// What an allocator adds to a block, about.
const BLOCK_BYTES: u64 = 16;

/// A vector's first room, in elements.
const FIRST_ROOM: u64 = 4;

/// A text's first room.
const FIRST_TEXT_BYTES: u64 = 8;

/// What checking keeps for each element that others refer to: an entry in a map, of which a part is empty.
const REFERRED_BYTES: u64 = 40;

const NUMBER_BYTES: usize = size_of::<u64>();

/// The fields of the outermost message that come again and again, and what an element of each takes.
const ELEMENTS: [(u64, usize); 7] = [
    (1, size_of::<ValueType>()),
    (SAMPLE, size_of::<Sample>()),
    (3, size_of::<Mapping>()),
    (LOCATION, size_of::<Location>()),
    (5, size_of::<Function>()),
    (STRING, size_of::<String>()),
    (COMMENT, NUMBER_BYTES),
];
const SAMPLE: u64 = 2;
const LOCATION: u64 = 4;
const STRING: u64 = 6;
const COMMENT: u64 = 13;

/// Wire types: a number, and what says its own length.
const NUMBER: u64 = 0;
const BYTES: u64 = 2;

/// The outermost records of a message so far.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    /// Elements of each of [`ELEMENTS`].
    elements: [u64; ELEMENTS.len()],
    /// What elements hold themselves.
    within: u64,
}

impl Decoded {
    /// Adds a record; `None` when it ends inside one of its own fields, or has one of a kind that no profile uses.
    pub(super) fn add(&mut self, field: u64, wire: u64, content: &[u8]) -> Option<()> {
        let Some(of) = ELEMENTS.iter().position(|(number, _)| *number == field) else {
            return Some(());
        };
        self.elements[of] += match field {
            COMMENT => numbers(wire, content),
            _ => u64::from(wire == BYTES),
        };
        self.within += match field {
            SAMPLE => sample(content)?,
            LOCATION => location(content)?,
            STRING if !content.is_empty() => {
                BLOCK_BYTES + FIRST_TEXT_BYTES.max(content.len() as u64)
            }
            _ => 0,
        };
        Some(())
    }

    /// Bytes that all records take together.
    pub(super) fn bytes(&self) -> u64 {
        let vectors = self.elements.iter().zip(ELEMENTS);
        let vectors: u64 = vectors.map(|(&count, (_, size))| vector(count, size)).sum();
        let referred = ELEMENTS.iter().zip(self.elements);
        let referred: u64 = referred
            .filter(|((field, _), _)| (3..=5).contains(field))
            .map(|(_, count)| count * REFERRED_BYTES)
            .sum();
        vectors + referred + self.within
    }
}

/// What a sample's locations, values and labels take.
fn sample(mut content: &[u8]) -> Option<u64> {
    let (mut locations, mut values, mut labels) = (0, 0, 0);
    while !content.is_empty() {
        let (field, wire, content) = next(&mut content)?;
        match field {
            1 => locations += numbers(wire, content),
            2 => values += numbers(wire, content),
            3 => labels += 1,
            _ => {}
        }
    }
    let numbers = vector(locations, NUMBER_BYTES) + vector(values, NUMBER_BYTES);
    Some(numbers + vector(labels, size_of::<Label>()))
}

/// What a location's lines take.
fn location(mut content: &[u8]) -> Option<u64> {
    let mut lines = 0;
    while !content.is_empty() {
        let (field, _, _) = next(&mut content)?;
        lines += u64::from(field == 4);
    }
    Some(vector(lines, size_of::<Line>()))
}

/// What a vector takes that was filled one by one: it doubles its room when that is full.
fn vector(elements: u64, size: usize) -> u64 {
    match elements {
        0 => 0,
        _ => BLOCK_BYTES + elements.next_power_of_two().max(FIRST_ROOM) * size as u64,
    }
}

/// How many numbers a field holds: one, or many packed behind each other, of which each has one byte without the upper bit.
fn numbers(wire: u64, content: &[u8]) -> u64 {
    match wire {
        NUMBER => 1,
        BYTES => content.iter().filter(|byte| **byte < 0x80).count() as u64,
        _ => 0,
    }
}

/// The next field of a message: its number, its wire type, and what it holds unless that is a number.
fn next<'a>(rest: &mut &'a [u8]) -> Option<(u64, u64, &'a [u8])> {
    let tag = varint(rest)?;
    let length = match tag & 7 {
        NUMBER => {
            varint(rest)?;
            0
        }
        1 => 8,
        BYTES => varint(rest)?,
        5 => 4,
        _ => return None,
    };
    let (content, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = after;
    Some((tag >> 3, tag & 7, content))
}

pub(super) fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::protos::{self, Message};
    use super::{BLOCK_BYTES, Decoded, REFERRED_BYTES, next};
    use std::io::Read;
    use std::path::Path;

    fn surveyed(mut message: &[u8]) -> u64 {
        let mut decoded = Decoded::default();
        while !message.is_empty() {
            let (field, wire, content) = next(&mut message).expect("it is whole");
            decoded.add(field, wire, content).expect("it is whole");
        }
        decoded.bytes()
    }

    fn room<T>(vector: &Vec<T>) -> u64 {
        let bytes = (vector.capacity() * size_of::<T>()) as u64;
        if bytes == 0 { 0 } else { BLOCK_BYTES + bytes }
    }

    /// What the message takes indeed, by the capacities of all that it holds.
    fn taken(message: &protos::Profile) -> u64 {
        let samples = message
            .sample
            .iter()
            .map(|sample| room(&sample.location_id) + room(&sample.value) + room(&sample.label));
        let lines = message.location.iter().map(|location| room(&location.line));
        let texts = message
            .string_table
            .iter()
            .map(|text| match text.capacity() {
                0 => 0,
                bytes => BLOCK_BYTES + bytes as u64,
            });
        let referred = message.mapping.len() + message.location.len() + message.function.len();
        let vectors = room(&message.sample_type)
            + room(&message.sample)
            + room(&message.mapping)
            + room(&message.location)
            + room(&message.function)
            + room(&message.string_table)
            + room(&message.comment);
        let within = samples.chain(lines).chain(texts);
        vectors + within.sum::<u64>() + referred as u64 * REFERRED_BYTES
    }

    #[track_caller]
    fn agrees(encoded: &[u8]) {
        let message = protos::Profile::decode(encoded).expect("it is a message");
        assert_eq!(surveyed(encoded), taken(&message));
    }

    #[test]
    fn profiles_by_go_take_what_was_told() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("proofs/data/go");
        let mut read = 0;
        for entry in std::fs::read_dir(folder).expect("the data") {
            let path = entry.expect("the data").path();
            let bytes = std::fs::read(&path).expect("the data");
            let mut plain = Vec::new();
            match path.to_string_lossy().rsplit_once(".pb") {
                Some((_, ".gz")) => {
                    let mut gzip = flate2::read::MultiGzDecoder::new(&*bytes);
                    gzip.read_to_end(&mut plain).expect("it is gzip");
                }
                Some((_, "")) => plain = bytes,
                _ => continue,
            }
            agrees(&plain);
            read += 1;
        }
        assert!(read >= 3, "{read}");
    }

    #[test]
    fn any_number_of_elements_takes_what_was_told() {
        for count in [0, 1, 3, 4, 5, 127, 128, 129, 1_000] {
            let many = |number: u64| vec![number; count];
            let sample = protos::Sample {
                location_id: many(300),
                value: vec![-1; count],
                label: vec![protos::Label::default(); count],
            };
            let location = protos::Location {
                line: vec![protos::Line::default(); count],
                ..protos::Location::default()
            };
            agrees(
                &protos::Profile {
                    sample_type: vec![protos::ValueType::default(); count],
                    sample: vec![sample; 5],
                    mapping: vec![protos::Mapping::default(); count],
                    location: vec![location; 5],
                    function: vec![protos::Function::default(); count],
                    string_table: (0..count).map(|length| "x".repeat(length % 20)).collect(),
                    comment: vec![7; count],
                    ..protos::Profile::default()
                }
                .encode_to_vec(),
            );
        }
    }

    #[test]
    fn numbers_count_packed_and_one_by_one() {
        // A sample with a value, two packed ones of two bytes each, and one more.
        let sample = [0x10, 1, 0x12, 4, 0x80, 1, 0x80, 1, 0x10, 1];
        let mut message = vec![0x12, u8::try_from(sample.len()).expect("it is short")];
        message.extend(sample);
        // Comments, in three pieces.
        message.extend([0x6a, 3, 1, 2, 3, 0x68, 4, 0x6a, 0]);
        agrees(&message);
    }

    #[test]
    fn what_is_cut_inside_or_of_no_known_kind_is_told() {
        for content in [&[0x1a][..], &[0x1a, 1], &[0x10], &[0x1b], &[0x80]] {
            assert_eq!(Decoded::default().add(2, 2, content), None, "{content:?}");
            assert_eq!(Decoded::default().add(4, 2, content), None, "{content:?}");
        }
        // What a later version may add is passed over.
        assert_eq!(
            Decoded::default().add(2, 2, &[0x7a, 1, 0, 0x79, 0, 0, 0, 0, 0, 0, 0, 0]),
            Some(())
        );
    }
}
