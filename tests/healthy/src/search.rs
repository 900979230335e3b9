//! tantivy: documents come and go, are committed, merged and found.

use crate::Observer;
use crate::random::{key, text};
use fastrand::Rng;
use tantivy::collector::TopDocs;
use tantivy::query::QueryParser;
use tantivy::schema::{INDEXED, STORED, Schema, TEXT};
use tantivy::{Index, ReloadPolicy, Term, doc};

const KEPT: u64 = 200;
const WORDS: usize = 1_000;

/// Two documents an iteration, a commit in every eighth, and a query. What is old is deleted.
pub fn run<O: Observer>(observer: O) -> O::Says {
    let mut random = Rng::new();
    let words: Vec<String> = (0..WORDS).map(|_| text(&mut random, 3, 12)).collect();
    observer.of_calls(|| {
        let mut schema = Schema::builder();
        let number = schema.add_u64_field("number", INDEXED | STORED);
        let body = schema.add_text_field("body", TEXT);
        let index = Index::create_in_ram(schema.build());
        let mut writer = index
            .writer_with_num_threads(1, 15_000_000)
            .expect("a writer");
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()
            .expect("a reader");
        let query = QueryParser::for_index(&index, vec![body]);
        let (mut random, words) = (Rng::new(), &words);
        let (mut iteration, mut newest) = (0_u64, 0_u64);
        move || {
            for _ in 0..2 {
                newest += 1;
                let text = sentence(&mut random, words);
                writer
                    .add_document(doc!(number => newest, body => text))
                    .expect("added");
                if let Some(oldest) = newest.checked_sub(KEPT) {
                    writer.delete_term(Term::from_field_u64(number, oldest));
                }
            }
            iteration += 1;
            if iteration.is_multiple_of(8) {
                writer.commit().expect("committed");
                reader.reload().expect("reloaded");
            }
            let word = &words[key(&mut random, WORDS)];
            let query = query.parse_query(word).expect("a word");
            let best = TopDocs::with_limit(10).order_by_score();
            let found = reader.searcher().search(&query, &best).expect("searched");
            assert!(found.len() <= 10);
        }
    })
}

fn sentence(random: &mut Rng, words: &[String]) -> String {
    let length = random.usize(5..120);
    let words: Vec<&str> = (0..length)
        .map(|_| words[key(random, WORDS)].as_str())
        .collect();
    words.join(" ")
}
