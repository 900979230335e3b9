//! What vectors, maps and pools keep when they have shrunk or emptied, counted by dhat.

use retained_capacity::backend::{Certificate, CertificateLog};
use retained_capacity::beside::{self, BUFFERS, FEW, LARGEST_BYTES, MANY, Pool, USUAL_BYTES};
use std::collections::{BTreeMap, HashMap};

/// Live bytes of what `keep` returns, once all else is gone.
fn live<T>(keep: impl FnOnce() -> T) -> usize {
    let before = dhat::HeapStats::get().curr_bytes;
    let kept = keep();
    let after = dhat::HeapStats::get().curr_bytes;
    drop(kept);
    after - before
}

fn print(title: &str, rows: &[(&str, usize)]) {
    println!("{title:<46} {:>12}", "live bytes");
    for (way, bytes) in rows {
        println!("{way:<46} {bytes:>12}");
    }
    println!();
}

/// A customer's certificates, in a vector that is as long as they are.
fn certificates(answer: &str) -> Vec<Certificate<'_>> {
    let mut certificates: Vec<_> = serde_json::from_str(answer).expect("a valid answer");
    certificates.shrink_to_fit();
    certificates
}

fn hits() -> Vec<u64> {
    let mut hits = Vec::with_capacity(MANY);
    hits.extend(0..MANY as u64);
    hits
}

fn sessions<M: FromIterator<(u64, u64)>>() -> M {
    (0..MANY as u64).map(|id| (id, id)).collect()
}

/// What a pool holds after so many requests that each buffer has met a large one.
fn pool(mut pool: Pool) -> Pool {
    for round in 0..1_000 {
        pool.serve(round * BUFFERS);
    }
    pool
}

detectors::tests! {
    fn collecting_keeps_the_source_where_it_can() {
        let _profiler = dhat::Profiler::builder().testing().build();
        let answer = CertificateLog.certificates_of(0);
        let rows = [
            ("into_iter, collect::<Vec<u64>>", live(|| beside::collect_vec(certificates(&answer)))),
            ("the same, then shrink_to_fit", live(|| beside::collect_and_shrink(certificates(&answer)))),
            ("into_iter, collect::<Box<[u64]>>", live(|| beside::collect_box(certificates(&answer)))),
            ("iter, collect::<Vec<u64>>", live(|| beside::collect_borrowed(&certificates(&answer)))),
            ("into_iter, collect::<Vec<u32>>", live(|| beside::collect_days(certificates(&answer)))),
        ];
        print("five of 200 certificates, 64 bytes each", &rows);
        assert_eq!(rows.map(|(_, bytes)| bytes), [200 * 64, 5 * 8, 5 * 8, 8 * 8, 8 * 4]);
    }

    fn shrinking_a_vector_keeps_its_room() {
        let _profiler = dhat::Profiler::builder().testing().build();
        let rows = [
            ("truncate", live(|| beside::truncate(hits()))),
            ("drain", live(|| beside::drain(hits()))),
            ("retain", live(|| beside::retain(hits()))),
            ("clear", live(|| beside::clear(hits()))),
            ("truncate, then shrink_to_fit", live(|| beside::truncate_and_shrink(hits()))),
        ];
        print("ten of a Vec of 100,000, 8 bytes each", &rows);
        let all = MANY * 8;
        assert_eq!(rows.map(|(_, bytes)| bytes), [all, all, all, all, FEW * 8]);
    }

    fn emptying_a_map_keeps_its_table() {
        let _profiler = dhat::Profiler::builder().testing().build();
        let rows = [
            ("HashMap, full", live(sessions::<HashMap<_, _>>)),
            ("HashMap, remove each", live(|| beside::remove_each(sessions()))),
            ("HashMap, retain none", live(|| beside::retain_none(sessions()))),
            ("HashMap, retain none, then shrink_to_fit", live(|| beside::retain_none_and_shrink(sessions()))),
            ("BTreeMap, full", live(sessions::<BTreeMap<_, _>>)),
            ("BTreeMap, remove each", live(|| beside::remove_each_from_tree(sessions()))),
        ];
        print("none of a map of 100,000, 16 bytes each", &rows);
        let [full, removed, retained, shrunk, _, tree] = rows.map(|(_, bytes)| bytes);
        assert!(full >= MANY * 16, "the table holds all entries");
        assert_eq!((removed, retained), (full, full));
        assert_eq!(shrunk, 0);
        assert!(tree < 1_024, "one node is left");
    }

    fn a_pool_remembers_the_largest_request() {
        let _profiler = dhat::Profiler::builder().testing().build();
        let rows = [
            ("every buffer taken back", live(|| pool(Pool::without_a_cap()))),
            ("buffers taken back up to 64 KiB", live(|| pool(Pool::with_cap(64 << 10)))),
        ];
        print("8 pooled buffers, nearly all requests of 4 KiB", &rows);
        let [uncapped, capped] = rows.map(|(_, bytes)| bytes);
        assert!(uncapped >= BUFFERS * LARGEST_BYTES);
        assert!(capped <= 2 * BUFFERS * USUAL_BYTES);
    }

    fn all_ways_keep_the_same() {
        let answer = CertificateLog.certificates_of(0);
        let soon = [0, 40, 80, 120, 160];
        assert_eq!(beside::collect_vec(certificates(&answer)), soon);
        assert_eq!(beside::collect_and_shrink(certificates(&answer)), soon);
        assert_eq!(*beside::collect_box(certificates(&answer)), soon);
        assert_eq!(beside::collect_borrowed(&certificates(&answer)), soon);
        assert_eq!(beside::collect_days(certificates(&answer)).len(), 5);

        let few: Vec<u64> = (0..FEW as u64).collect();
        assert_eq!(beside::truncate(hits()), few);
        assert_eq!(beside::drain(hits()), few);
        assert_eq!(beside::retain(hits()), few);
        assert!(beside::clear(hits()).is_empty());
        assert_eq!(beside::truncate_and_shrink(hits()), few);

        assert!(beside::remove_each(sessions()).is_empty());
        assert!(beside::retain_none(sessions()).is_empty());
        assert!(beside::retain_none_and_shrink(sessions()).is_empty());
        assert!(beside::remove_each_from_tree(sessions()).is_empty());
    }
}
