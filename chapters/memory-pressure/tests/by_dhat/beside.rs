//! The same request in five ways: what each needs at once, as a multiple of what the cluster sent.

use memory_pressure::{cluster, fixed, leaky, ways};
use serde_json::Value;
use std::hint::black_box;
use std::io;

/// Pages of the largest customer.
const PAGES: usize = 10;

/// The most that is live at once while `call` runs.
fn peak<T>(call: impl FnOnce() -> T) -> usize {
    let _profiler = dhat::Profiler::builder().testing().build();
    black_box(call());
    dhat::HeapStats::get().max_bytes
}

/// A customer's answer, written nowhere.
type Way = fn(Box<dyn Iterator<Item = String>>, &mut io::Sink) -> io::Result<usize>;

fn needed(way: Way) -> usize {
    peak(|| way(Box::new(cluster::pages(PAGES)), &mut io::sink()).expect("an answer"))
}

detectors::tests! {
    /// Small objects cost most: a leaf of their B-tree has eleven slots, whether it has one entry or eleven.
    fn trees_and_five_ways_to_the_same_answer() {
        let tree = |what: &str, text: &str| {
            let bytes = peak(|| serde_json::from_str::<Value>(text).expect("it is JSON"));
            println!("{what:<38} {:>9} {bytes:>9} {:>7.1}", text.len(), bytes as f64 / text.len() as f64);
            bytes as f64 / text.len() as f64
        };
        println!("{:<38} {:>9} {:>9} {:>7}", "a tree of", "text", "bytes", "times");
        let object = r#"{"port":22}"#;
        let small = tree(object, object);
        let object = r#"{"ip":"192.0.2.7","ttl":300}"#;
        tree(object, object);
        let page = tree("a page of 50 hosts", &cluster::page(0));
        let long = tree("one text of 10,000 letters", &format!("{:?}", "x".repeat(10_000)));
        assert!(small > 40.0 && page > 10.0 && long < 3.0);

        println!(" "); // an empty line would end what the page shows
        let document: usize = cluster::pages(PAGES).map(|page| page.len()).sum();
        let row = |way: &str, bytes: usize| {
            println!("{way:<38} {bytes:>9} {:>7.1}", bytes as f64 / document as f64);
        };
        println!("{:<38} {:>9} {:>7}", "at its peak", "bytes", "times");
        row("the 10 pages themselves", document);
        let cloned = needed(leaky::by_apex);
        row("trees of values, copied", cloned);
        let taken = needed(ways::taken);
        row("trees of values, moved", taken);
        let typed = needed(ways::typed);
        row("types that borrow, all pages", typed);
        let page_by_page = needed(ways::page_by_page);
        row("trees of values, page after page", page_by_page);
        let fixed = needed(fixed::by_apex);
        row("types that borrow, page after page", fixed);
        assert!(cloned > 10 * document && taken > 10 * document);
        assert!(typed < 3 * document);
        assert!(page_by_page < 3 * document && fixed < document / 2);
    }

    fn all_ways_answer_alike() {
        type Written = fn(Box<dyn Iterator<Item = String>>, &mut Vec<u8>) -> io::Result<usize>;
        let ways: [Written; 5] =
            [leaky::by_apex, ways::taken, ways::typed, ways::page_by_page, fixed::by_apex];
        let answers: Vec<Vec<u8>> = ways
            .iter()
            .map(|way| {
                let mut out = Vec::new();
                way(Box::new(cluster::pages(3)), &mut out).expect("an answer");
                out
            })
            .collect();
        assert!(!answers[0].is_empty());
        assert!(answers.iter().all(|answer| *answer == answers[0]));
    }
}
