//! The search cluster: answers a query page by page in Elasticsearch's JSON, the same each time.

use std::fmt::Write;

/// Hosts on one page.
pub const PAGE_HOSTS: usize = 50;

/// The pages of a customer's hosts. Each is asked for when the one before it has been taken.
pub fn pages(of: usize) -> impl Iterator<Item = String> {
    (0..of).map(page)
}

/// How many pages the next customer's hosts fill: 1 to 10, and few customers are large.
pub fn customers() -> impl Iterator<Item = usize> {
    [1, 1, 2, 1, 3, 1, 2, 1, 2, 5, 1, 1, 6, 2, 1, 10]
        .into_iter()
        .cycle()
}

/// One page, as the cluster sends it.
pub fn page(number: usize) -> String {
    let mut page = String::with_capacity(32 << 10);
    page +=
        r#"{"took":3,"timed_out":false,"hits":{"total":{"value":10000,"relation":"gte"},"hits":["#;
    for host in number * PAGE_HOSTS..(number + 1) * PAGE_HOSTS {
        if host > number * PAGE_HOSTS {
            page.push(',');
        }
        hit(host, &mut page);
    }
    page += "]}}";
    page
}

fn hit(host: usize, page: &mut String) {
    let name = format!("h{host:05}.shop.example");
    // A String takes whatever comes.
    let _ = write!(
        page,
        r#"{{"_index":"hosts","_id":"{name}","_source":{{"host":"{name}","addresses":[{{"ip":"192.0.2.{}","ttl":300}}],"ports":["#,
        host % 256
    );
    for port in 0..4 + host % 5 {
        let comma = if port > 0 { "," } else { "" };
        let number = [22, 80, 443, 993, 5_432, 6_443, 8_080, 8_443, 9_200][port];
        let _ = write!(
            page,
            r#"{comma}{{"port":{number},"tls":{}}}"#,
            number % 10 == 3
        );
    }
    let _ = write!(
        page,
        r#"],"first_seen":"2025-01-{:02}"}},"sort":["{name}"]}}"#,
        1 + host % 28
    );
}
