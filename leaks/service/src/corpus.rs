//! What the embedded cluster knows: hosts of customers' domains, the same each time.

use serde_json::{Value, json};

/// Customers `customer-0000.example` to `customer-9999.example`, with 20 to 499 hosts each.
const CUSTOMERS: u64 = 10_000;

/// Large customers `large-00.example` to `large-99.example`, with 4,000 to 5,999 hosts each.
const LARGE: u64 = 100;

/// How many hosts an apex has; none when nobody knows it.
pub(crate) fn hosts(apex: &str) -> u64 {
    let numbered = |prefix: &str, digits: usize, below: u64| {
        let number = apex.strip_prefix(prefix)?.strip_suffix(".example")?;
        let is_written_so =
            number.len() == digits && number.bytes().all(|digit| digit.is_ascii_digit());
        let number: u64 = is_written_so.then(|| number.parse().ok())??;
        (number < below).then_some(number)
    };
    if let Some(number) = numbered("customer-", 4, CUSTOMERS) {
        20 + scattered(number) % 480
    } else if let Some(number) = numbered("large-", 2, LARGE) {
        4_000 + scattered(number) % 2_000
    } else {
        0
    }
}

/// The host of that number. Names are in the order of their numbers.
pub(crate) fn host_name(apex: &str, number: u64) -> String {
    format!("h{number:05}.{apex}")
}

/// The number of a host by its name, or of the first one that comes after that name.
pub(crate) fn first_after(apex: &str, name: &str) -> u64 {
    let all = hosts(apex);
    let (mut low, mut high) = (0, all);
    while low < high {
        let middle = low.midpoint(high);
        if host_name(apex, middle).as_str() <= name {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// What is known of one host: about a kilobyte and a half of JSON.
pub(crate) fn document(apex: &str, number: u64) -> Value {
    const SERVICES: [(u16, &str); 5] = [
        (22, "ssh"),
        (80, "http"),
        (443, "https"),
        (8080, "http-proxy"),
        (8443, "https-alt"),
    ];
    const TECHNOLOGIES: [&str; 6] = [
        "nginx",
        "Apache httpd",
        "OpenSSH",
        "jQuery",
        "WordPress",
        "HAProxy",
    ];
    let host = host_name(apex, number);
    let mut chance = Chance(scattered(
        number
            ^ apex
                .bytes()
                .fold(0, |sum, byte| scattered(sum ^ u64::from(byte))),
    ));
    let address = |chance: &mut Chance| format!("192.0.2.{}", chance.below(256));
    let records: Vec<Value> = (0..=chance.below(3))
        .map(|_| json!({ "type": "A", "value": address(&mut chance), "ttl": 300 }))
        .collect();
    let ports: Vec<Value> = SERVICES[..=usize::try_from(chance.below(5)).unwrap_or(0)]
        .iter()
        .map(|(port, service)| {
            json!({
                "port": port,
                "service": service,
                "banner": format!("HTTP/1.1 200 OK server={:016x} etag={:016x}", chance.next(), chance.next()),
            })
        })
        .collect();
    let technologies: Vec<Value> = TECHNOLOGIES[..usize::try_from(chance.below(6)).unwrap_or(0)]
        .iter()
        .map(|name| json!({ "name": name, "version": format!("{}.{}.{}", chance.below(9), chance.below(20), chance.below(30)) }))
        .collect();
    let names: Vec<String> = (0..=chance.below(4))
        .map(|name| format!("www{name}.{host}"))
        .collect();
    json!({
        "apex": apex,
        "host": host,
        "first_seen": day(chance.below(700)),
        "last_seen": day(700 + chance.below(300)),
        "records": records,
        "ports": ports,
        "certificate": {
            "subject": host,
            "issuer": "CN=R11, O=Let's Encrypt, C=US",
            "not_after": day(1_000 + chance.below(90)),
            "fingerprint": format!("{:016x}{:016x}{:016x}{:016x}", chance.next(), chance.next(), chance.next(), chance.next()),
            "names": names,
        },
        "technologies": technologies,
        "headers": {
            "content-type": "text/html; charset=utf-8",
            "strict-transport-security": "max-age=31536000; includeSubDomains",
            "x-request-id": format!("{:016x}", chance.next()),
        },
    })
}

/// A day of the years 2023 to 2025, and each month has 28 of them.
fn day(number: u64) -> String {
    format!(
        "{}-{:02}-{:02}T00:00:00Z",
        2023 + number / 336,
        number / 28 % 12 + 1,
        number % 28 + 1
    )
}

/// Numbers that look random and are the same each time (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scattered(self.0)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

fn scattered(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::{document, first_after, host_name, hosts};

    #[test]
    fn customers_are_known_and_nobody_else() {
        assert!((20..500).contains(&hosts("customer-0042.example")));
        assert!((4_000..6_000).contains(&hosts("large-07.example")));
        for nobody in [
            "",
            "customer-42.example",
            "customer-00042.example",
            "large-100.example",
            "customer-0042.test",
            "customer-+042.example",
        ] {
            assert_eq!(hosts(nobody), 0, "{nobody:?}");
        }
    }

    #[test]
    fn a_host_is_found_by_name_and_what_lies_between_two_is_too() {
        let apex = "customer-0042.example";
        assert_eq!(first_after(apex, &host_name(apex, 6)), 7);
        assert_eq!(first_after(apex, "h00006.z"), 7);
        assert_eq!(first_after(apex, ""), 0);
        assert_eq!(first_after(apex, "z"), hosts(apex));
    }

    #[test]
    fn documents_are_the_same_each_time_and_about_so_large() {
        let apex = "customer-0042.example";
        assert_eq!(document(apex, 3), document(apex, 3));
        assert_ne!(document(apex, 3), document("customer-0043.example", 3));
        let all: usize = (0..20)
            .map(|number| document(apex, number).to_string().len())
            .sum();
        assert!((800 * 20..2_000 * 20).contains(&all), "{}", all / 20);
    }
}
