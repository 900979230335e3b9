//! Remembers a handful of ids in a vector that was collected from a large one.

use crate::backend::{Certificate, CertificateId, CertificateLog};
use detectors::Kept;

/// How many customers the service has at most.
pub const CUSTOMERS_MAX: usize = 10_000;

/// How many certificates a warning lists at most. With the customers' bound that is 1.6 MB. Or so it looks.
pub const LISTED_MAX: usize = 20;

// ANCHOR: warnings
/// For each customer, the certificates that expire soon.
#[derive(Debug)]
pub struct Warnings {
    by_customer: Vec<Vec<CertificateId>>,
}

impl Warnings {
    /// Reads a log's answer, and returns how many of the customer's certificates expire soon.
    pub fn refresh(&mut self, customer: usize, answer: &str) -> serde_json::Result<usize> {
        let certificates: Vec<Certificate<'_>> = serde_json::from_str(answer)?;
        let soon: Vec<CertificateId> = certificates
            .into_iter()
            .filter(Certificate::expires_soon)
            .map(|certificate| certificate.id)
            .take(LISTED_MAX)
            .collect();
        let count = soon.len();
        self.by_customer[customer] = soon;
        Ok(count)
    }
    // ANCHOR_END: warnings

    /// No warnings yet, with a place for each customer.
    pub fn new() -> Self {
        Warnings {
            by_customer: vec![Vec::new(); CUSTOMERS_MAX],
        }
    }

    /// The certificates of a customer that expire soon.
    pub fn of(&self, customer: usize) -> &[CertificateId] {
        &self.by_customer[customer]
    }

    /// For how many ids the customer's vector has room.
    pub fn room_of(&self, customer: usize) -> usize {
        self.by_customer[customer].capacity()
    }

    /// The bytes of the ids that are remembered.
    pub fn kept(&self) -> Kept {
        let ids: usize = self.by_customer.iter().map(Vec::len).sum();
        Kept::bytes(ids * size_of::<CertificateId>())
            .of_at_most(CUSTOMERS_MAX * LISTED_MAX * size_of::<CertificateId>())
    }
}

impl Default for Warnings {
    fn default() -> Self {
        Self::new()
    }
}

/// One iteration is one customer, as the service's nightly round would take them.
///
/// # Panics
///
/// When the log's answer can't be parsed, which would be a bug of this crate. After [`CUSTOMERS_MAX`] iterations.
pub fn workload() -> impl FnMut() -> Kept {
    let log = CertificateLog;
    let mut warnings = Warnings::new();
    let mut customer = 0;
    move || {
        warnings
            .refresh(customer, &log.certificates_of(customer))
            .expect("the log's answers are valid");
        customer += 1;
        warnings.kept()
    }
}
