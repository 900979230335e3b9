//! The certificate log as the service sees it: one JSON array for each customer.

use serde::Deserialize;
use std::fmt::Write;

/// A certificate's number in the log.
pub type CertificateId = u64;

/// A day, counted from 1970-01-01.
pub type Day = u32;

/// The day on which the service asks.
pub const TODAY: Day = 20_782;

/// Certificates of each customer.
pub const CERTIFICATES_PER_CUSTOMER: u64 = 200;

/// One of so many expires soon.
const ONE_IN: u64 = 40;

/// One certificate. Its texts are views into the answer: nothing is copied while parsing.
#[derive(Debug, Deserialize)]
pub struct Certificate<'answer> {
    /// Its number in the log.
    pub id: CertificateId,
    /// The host that it was issued to.
    pub host: &'answer str,
    /// Who issued it.
    pub issuer: &'answer str,
    /// Its number with its issuer.
    pub serial: &'answer str,
    /// Its last day.
    pub expires_on: Day,
}

impl Certificate<'_> {
    /// Whether the customer should be warned: it expires within thirty days.
    pub fn expires_soon(&self) -> bool {
        (TODAY..TODAY + 30).contains(&self.expires_on)
    }
}

/// A log that knows as many certificates of every customer.
#[derive(Debug, Default)]
pub struct CertificateLog;

impl CertificateLog {
    /// All certificates of a customer, as they arrive: a JSON array.
    ///
    /// # Panics
    ///
    /// Never: a `String` takes any text.
    pub fn certificates_of(&self, customer: usize) -> String {
        let mut answer = String::from("[");
        for number in 0..CERTIFICATES_PER_CUSTOMER {
            if number > 0 {
                answer.push(',');
            }
            let id = customer as u64 * CERTIFICATES_PER_CUSTOMER + number;
            let in_days = if number.is_multiple_of(ONE_IN) {
                12
            } else {
                60
            };
            write!(
                answer,
                r#"{{"id":{id},"host":"host-{number:03}.shop-{customer:06}.example","issuer":"Example Authority R3","#
            )
            .expect("a String takes any text");
            write!(
                answer,
                r#""serial":"{:032x}","expires_on":{}}}"#,
                // Spread over the whole range, so that serial numbers look like them.
                u128::from(id).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
                TODAY + in_days
            )
            .expect("a String takes any text");
        }
        answer.push(']');
        answer
    }
}
