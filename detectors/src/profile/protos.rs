//! The messages of pprof's format, by the numbers and types of its public definition (`profile.proto` in google/pprof).
//!
//! Texts are numbers into [`Profile::string_table`], whose first entry is empty. Locations, functions and mappings refer to each
//! other by their ids.
//!
//! `prost` reads and writes each field. What its derive macro would write stands in `messages!`: the macro brings five libraries.

use prost::DecodeError;
pub(super) use prost::Message;
use prost::bytes::{Buf, BufMut};
use prost::encoding::{self, DecodeContext, WireType, skip_field};

/// Messages, each field with its number.
macro_rules! messages {
    ($(
        $(#[$about:meta])*
        struct $name:ident { $($(#[$of_field:meta])* $tag:literal = $field:ident: $type:ty,)* }
    )*) => {$(
        $(#[$about])*
        #[derive(Debug, Default)]
        pub(super) struct $name {
            $($(#[$of_field])* pub(super) $field: $type,)*
        }

        impl Message for $name {
            fn encode_raw<B: BufMut>(&self, buffer: &mut B) {
                $(self.$field.put($tag, buffer);)*
            }

            fn merge_field<B: Buf>(
                &mut self,
                tag: u32,
                wire_type: WireType,
                buffer: &mut B,
                context: DecodeContext,
            ) -> Result<(), DecodeError> {
                match tag {
                    $($tag => self.$field.read(wire_type, buffer, context).map_err(|mut error| {
                        error.push(stringify!($name), stringify!($field));
                        error
                    }),)*
                    _ => skip_field(wire_type, tag, buffer, context),
                }
            }

            fn encoded_len(&self) -> usize {
                [$(self.$field.length($tag)),*].iter().sum()
            }

            fn clear(&mut self) {
                *self = Self::default();
            }
        }

        impl Field for Vec<$name> {
            fn put<B: BufMut>(&self, tag: u32, buffer: &mut B) {
                encoding::message::encode_repeated(tag, self, buffer);
            }

            fn read<B: Buf>(&mut self, wire_type: WireType, buffer: &mut B, context: DecodeContext) -> Result<(), DecodeError> {
                encoding::message::merge_repeated(wire_type, self, buffer, context)
            }

            fn length(&self, tag: u32) -> usize {
                encoding::message::encoded_len_repeated(tag, self)
            }
        }
    )*};
}

/// What a field may be.
trait Field {
    fn put<B: BufMut>(&self, tag: u32, buffer: &mut B);

    fn read<B: Buf>(
        &mut self,
        wire_type: WireType,
        buffer: &mut B,
        context: DecodeContext,
    ) -> Result<(), DecodeError>;

    /// Of its encoding, with the tag.
    fn length(&self, tag: u32) -> usize;
}

/// A single value isn't written while it is what a reader takes for it anyway.
macro_rules! single {
    ($($type:ty: $as:ident),*) => {$(
        impl Field for $type {
            fn put<B: BufMut>(&self, tag: u32, buffer: &mut B) {
                if *self != Self::default() {
                    encoding::$as::encode(tag, self, buffer);
                }
            }

            fn read<B: Buf>(&mut self, wire_type: WireType, buffer: &mut B, context: DecodeContext) -> Result<(), DecodeError> {
                encoding::$as::merge(wire_type, self, buffer, context)
            }

            fn length(&self, tag: u32) -> usize {
                if *self == Self::default() { 0 } else { encoding::$as::encoded_len(tag, self) }
            }
        }
    )*};
}

single! { bool: bool, i64: int64, u64: uint64 }

macro_rules! repeated {
    ($($type:ty: $as:ident, $encode:ident, $length:ident;)*) => {$(
        impl Field for Vec<$type> {
            fn put<B: BufMut>(&self, tag: u32, buffer: &mut B) {
                encoding::$as::$encode(tag, self, buffer);
            }

            fn read<B: Buf>(&mut self, wire_type: WireType, buffer: &mut B, context: DecodeContext) -> Result<(), DecodeError> {
                encoding::$as::merge_repeated(wire_type, self, buffer, context)
            }

            fn length(&self, tag: u32) -> usize {
                encoding::$as::$length(tag, self)
            }
        }
    )*};
}

repeated! {
    i64: int64, encode_packed, encoded_len_packed;
    u64: uint64, encode_packed, encoded_len_packed;
    String: string, encode_repeated, encoded_len_repeated;
}

impl Field for Option<ValueType> {
    fn put<B: BufMut>(&self, tag: u32, buffer: &mut B) {
        if let Some(message) = self {
            encoding::message::encode(tag, message, buffer);
        }
    }

    fn read<B: Buf>(
        &mut self,
        wire_type: WireType,
        buffer: &mut B,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        encoding::message::merge(wire_type, self.get_or_insert_default(), buffer, context)
    }

    fn length(&self, tag: u32) -> usize {
        self.as_ref()
            .map_or(0, |message| encoding::message::encoded_len(tag, message))
    }
}

messages! {
    /// Samples with the stacks that they were taken on.
    #[derive(Clone, PartialEq)]
    struct Profile {
        1 = sample_type: Vec<ValueType>,
        2 = sample: Vec<Sample>,
        3 = mapping: Vec<Mapping>,
        4 = location: Vec<Location>,
        5 = function: Vec<Function>,
        6 = string_table: Vec<String>,
        /// Frames whose function matches this are left out, with all that they call.
        7 = drop_frames: i64,
        /// Except those that match this.
        8 = keep_frames: i64,
        9 = time_nanos: i64,
        10 = duration_nanos: i64,
        11 = period_type: Option<ValueType>,
        12 = period: i64,
        13 = comment: Vec<i64>,
        14 = default_sample_type: i64,
    }

    /// What a value measures, and in which unit.
    #[derive(Clone, Copy, PartialEq, Eq)]
    struct ValueType {
        1 = ty: i64,
        2 = unit: i64,
    }

    /// A stack, the leaf first, with a value of each type.
    #[derive(Clone, PartialEq)]
    struct Sample {
        1 = location_id: Vec<u64>,
        2 = value: Vec<i64>,
        3 = label: Vec<Label>,
    }

    /// A word or a number beside a sample.
    #[derive(Clone, Copy, PartialEq, Eq)]
    struct Label {
        1 = key: i64,
        2 = str: i64,
        3 = num: i64,
        4 = num_unit: i64,
    }

    /// A file that was mapped into the program's memory.
    #[derive(Clone, Copy, PartialEq, Eq)]
    struct Mapping {
        1 = id: u64,
        2 = memory_start: u64,
        3 = memory_limit: u64,
        4 = file_offset: u64,
        5 = filename: i64,
        6 = build_id: i64,
        7 = has_functions: bool,
        8 = has_filenames: bool,
        9 = has_line_numbers: bool,
        10 = has_inline_frames: bool,
    }

    /// An address, with the lines that it stands for: more than one where functions were inlined, the innermost first.
    #[derive(Clone, PartialEq)]
    struct Location {
        1 = id: u64,
        2 = mapping_id: u64,
        3 = address: u64,
        4 = line: Vec<Line>,
        5 = is_folded: bool,
    }

    /// A line of a function.
    #[derive(Clone, Copy, PartialEq, Eq)]
    struct Line {
        1 = function_id: u64,
        2 = line: i64,
    }

    /// A function, with the file that it is in.
    #[derive(Clone, Copy, PartialEq, Eq)]
    struct Function {
        1 = id: u64,
        2 = name: i64,
        3 = system_name: i64,
        4 = filename: i64,
        5 = start_line: i64,
    }
}
