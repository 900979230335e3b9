//! What the audit log keeps of a lookup.

/// One lookup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub number: u64,
    pub line: String,
}

impl Record {
    /// The record of that request.
    pub fn of(number: u64) -> Self {
        Record {
            number,
            line: format!(
                "request {number:08}: GET /apex/customer-{:04}.example",
                number % 1_000
            ),
        }
    }
}
