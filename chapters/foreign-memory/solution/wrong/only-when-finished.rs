//! WRONG: only a finished answer is ended. A client that goes away in the middle leaves its stream.

use libz_sys::{
    Z_DATA_ERROR, Z_DEFAULT_STRATEGY, Z_DEFLATED, Z_FINISH, Z_NO_FLUSH, Z_OK, deflate, deflateEnd,
    deflateInit2_, uInt, z_stream, zlibVersion,
};
use std::collections::VecDeque;
use std::ffi::c_int;
use std::mem::MaybeUninit;

/// How many answers are remembered.
pub const REMEMBERED: usize = 8;

/// zlib's own settings: from fast to short, and for how much it looks back. Answers are short.
const LEVEL: c_int = 6;
const WINDOW_BITS: c_int = 10;
const MEMORY_LEVEL: c_int = 2;

/// One answer: its pieces go in as text, and come out compressed.
pub struct Answer {
    stream: Box<MaybeUninit<z_stream>>,
    /// An answer without a piece needs no stream.
    is_begun: bool,
    sent: Vec<u8>,
}

impl Answer {
    /// An answer without a piece.
    pub fn new() -> Self {
        Answer {
            stream: Box::new(MaybeUninit::zeroed()),
            is_begun: false,
            sent: Vec::new(),
        }
    }

    /// Adds a piece of the text.
    pub fn write(&mut self, piece: &str) {
        self.compress(piece.as_bytes(), Z_NO_FLUSH);
    }

    /// Ends the text. Returns the whole answer, compressed.
    pub fn finish(&mut self) -> &[u8] {
        self.compress(&[], Z_FINISH);
        self.end();
        &self.sent
    }

    /// How long the text was, and how long its answer is.
    pub fn lengths(&self) -> (usize, usize) {
        // SAFETY: zeros, or what zlib has made of them: lengths are numbers.
        let told = unsafe { (*self.stream.as_ptr()).total_in };
        (usize::try_from(told).unwrap_or(usize::MAX), self.sent.len())
    }

    /// Begins the stream of zlib's.
    fn begin(&mut self) {
        let size = c_int::try_from(size_of::<z_stream>()).expect("a stream is small");
        // SAFETY: zeros are what zlib wants of a stream that isn't begun; the version and the size are its own.
        let told = unsafe {
            deflateInit2_(
                self.stream.as_mut_ptr(),
                LEVEL,
                Z_DEFLATED,
                WINDOW_BITS,
                MEMORY_LEVEL,
                Z_DEFAULT_STRATEGY,
                zlibVersion(),
                size,
            )
        };
        assert_eq!(told, Z_OK, "there is memory for a stream");
        self.is_begun = true;
    }

    fn compress(&mut self, text: &[u8], flush: c_int) {
        if !self.is_begun {
            self.begin();
        }
        let mut room = [0; 512];
        // SAFETY: begun above.
        let stream = unsafe { self.stream.assume_init_mut() };
        stream.next_in = text.as_ptr().cast_mut();
        stream.avail_in = length(text);
        loop {
            stream.next_out = room.as_mut_ptr();
            stream.avail_out = length(&room);
            // SAFETY: zlib reads and writes within the lengths that it was given.
            unsafe { deflate(stream, flush) };
            let written = room.len() - stream.avail_out as usize;
            self.sent.extend_from_slice(&room[..written]);
            if stream.avail_out > 0 {
                return;
            }
        }
    }
}

impl Answer {
    fn end(&mut self) {
        if std::mem::take(&mut self.is_begun) {
            // SAFETY: begun, and not used after this.
            let told = unsafe { deflateEnd(self.stream.as_mut_ptr()) };
            assert!(matches!(told, Z_OK | Z_DATA_ERROR), "zlib refuses: {told}");
        }
    }
}

fn length(bytes: &[u8]) -> uInt {
    uInt::try_from(bytes.len()).expect("a piece is short")
}

/// The last answers, for the page that operators look at.
#[derive(Default)]
pub struct Recent {
    answers: VecDeque<Answer>,
}

impl Recent {
    /// Answers with these pieces, and remembers the answer. Returns it compressed.
    pub fn answer(&mut self, pieces: &[&str]) -> Vec<u8> {
        let mut answer = Answer::new();
        for piece in pieces {
            answer.write(piece);
        }
        let compressed = answer.finish().to_vec();
        if self.answers.len() == REMEMBERED {
            self.answers.pop_front();
        }
        self.answers.push_back(answer);
        compressed
    }

    /// How long each remembered text was, and how long its answer is; oldest first.
    pub fn lengths(&self) -> Vec<(usize, usize)> {
        self.answers.iter().map(Answer::lengths).collect()
    }
}
