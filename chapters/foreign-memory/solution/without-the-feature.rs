//! Steady, and useless: without compression no stream is needed, and every answer is as long as its text.

use std::collections::VecDeque;

/// How many answers are remembered.
pub const REMEMBERED: usize = 8;

/// One answer: its pieces go in as text.
pub struct Answer {
    sent: Vec<u8>,
}

impl Answer {
    /// An answer without a piece.
    pub fn new() -> Self {
        Answer { sent: Vec::new() }
    }

    /// Adds a piece of the text.
    pub fn write(&mut self, piece: &str) {
        self.sent.extend_from_slice(piece.as_bytes());
    }

    /// Ends the text. Returns the whole answer.
    pub fn finish(&mut self) -> &[u8] {
        &self.sent
    }

    /// How long the text was, and how long its answer is.
    pub fn lengths(&self) -> (usize, usize) {
        (self.sent.len(), self.sent.len())
    }
}

/// The last answers, for the page that operators look at.
#[derive(Default)]
pub struct Recent {
    answers: VecDeque<Answer>,
}

impl Recent {
    /// Answers with these pieces, and remembers the answer.
    pub fn answer(&mut self, pieces: &[&str]) -> Vec<u8> {
        let mut answer = Answer::new();
        for piece in pieces {
            answer.write(piece);
        }
        let sent = answer.finish().to_vec();
        if self.answers.len() == REMEMBERED {
            self.answers.pop_front();
        }
        self.answers.push_back(answer);
        sent
    }

    /// How long each remembered text was, and how long its answer is; oldest first.
    pub fn lengths(&self) -> Vec<(usize, usize)> {
        self.answers.iter().map(Answer::lengths).collect()
    }
}
