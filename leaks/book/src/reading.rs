//! What a page gets for who reads it: how long it takes, links to what it cites, and to the words that it uses.

use mdbook_driver::book::{Book, BookItem};
use mdbook_driver::errors::Result;
use mdbook_preprocessor::{Preprocessor, PreprocessorContext};
use regex::{Captures, Regex};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::LazyLock;

/// Words of prose that are read in a minute; code and figures take their own time.
const WORDS_A_MINUTE: usize = 200;

/// The page of the words.
const WORDS: &str = "words.md";

/// Links and minutes. It has to run after includes are put in, since tables that are included cite as well.
#[derive(Debug)]
pub(crate) struct Reading;

impl Preprocessor for Reading {
    fn name(&self) -> &'static str {
        "reading"
    }

    fn run(&self, _: &PreprocessorContext, mut book: Book) -> Result<Book> {
        let mut words = BTreeSet::new();
        let mut minutes_of = BTreeMap::new();
        for item in book.iter() {
            if let BookItem::Chapter(chapter) = item
                && let Some(path) = &chapter.source_path
            {
                minutes_of.insert(path.display().to_string(), minutes(&chapter.content));
            }
            if let BookItem::Chapter(chapter) = item
                && chapter
                    .source_path
                    .as_ref()
                    .is_some_and(|path| path.ends_with(WORDS))
            {
                words = WORD
                    .captures_iter(&chapter.content)
                    .map(|word| anchor(&word[1]))
                    .collect();
            }
        }
        book.for_each_chapter_mut(|chapter| {
            let minutes = minutes(&chapter.content);
            let is_words = chapter
                .source_path
                .as_ref()
                .is_some_and(|path| path.ends_with(WORDS));
            let mut content = prose(&chapter.content, |line| {
                with_sums(&linked(line, &words), &minutes_of)
            });
            if let Some(path) = chapter.source_path.as_ref().filter(|_| !is_words) {
                let up = "../".repeat(path.components().count() - 1);
                content = with_first_uses(&content, &words, &format!("{up}{WORDS}"));
            }
            if is_words {
                content = WORD.replace_all(&content, with_anchor).into_owned();
            }
            chapter.content = with_minutes(&content, minutes);
        });
        Ok(book)
    }
}

/// A row of the table of words, up to its word.
static WORD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)^\| \*\*([^*|]+)\*\* \|").expect("a valid expression"));

fn with_anchor(word: &Captures<'_>) -> String {
    format!(
        "| <dfn id=\"{}\">**{}**</dfn> |",
        anchor(&word[1]),
        &word[1]
    )
}

/// A word as the end of an address: `oom-killer`.
fn anchor(word: &str) -> String {
    let letters = word.to_lowercase();
    letters
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '-' })
        .collect()
}

/// The text with each line of prose changed: nothing in code, and nothing in markup.
fn prose(text: &str, change: impl Fn(&str) -> String) -> String {
    let mut changed = String::with_capacity(text.len());
    let (mut in_code, mut in_markup) = (false, false);
    for line in text.split_inclusive('\n') {
        let begin = line.trim_start();
        let is_fence = begin.starts_with("```");
        in_markup = !begin.trim_end().is_empty() && (in_markup || begin.starts_with('<'));
        if in_code || is_fence || in_markup {
            changed.push_str(line);
        } else {
            changed.push_str(&change(line));
        }
        in_code ^= is_fence;
    }
    changed
}

/// A line whose citations and words are links.
fn linked(line: &str, words: &BTreeSet<String>) -> String {
    static CITED: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?:^|[\s(*|])(?P<cited>(?P<of>[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9_.-]+) ?#(?P<number>[0-9]+))\b").expect("a valid expression")
    });
    static TO_WORDS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\[([^\]\[]+)\]\(((?:\.\./)?words\.md)\)").expect("a valid expression")
    });
    let mut changed = String::with_capacity(line.len());
    let mut rest = 0;
    for cited in CITED.captures_iter(line) {
        let (whole, of, number) = (&cited["cited"], &cited["of"], &cited["number"]);
        let Some(place) = cited.name("cited") else {
            continue;
        };
        // Inside of a code span it is code, and inside of a link's text it is one already.
        let before = &line[..place.start()];
        let is_code = before.matches('`').count() % 2 == 1;
        let is_linked = before.rfind('[') > before.rfind(']');
        if is_code || is_linked {
            continue;
        }
        changed.push_str(&line[rest..place.start()]);
        let _ = write!(
            changed,
            "[{whole}](https://github.com/{of}/issues/{number})"
        );
        rest = place.end();
    }
    changed.push_str(&line[rest..]);
    let to_word = |link: &Captures<'_>| {
        let word = anchor(&link[1]);
        let one = |end: &str| word.strip_suffix(end).map(str::to_owned);
        let forms = [Some(word.clone()), one("s"), one("es")];
        match forms
            .into_iter()
            .flatten()
            .find(|word| words.contains(word))
        {
            Some(word) => format!("[{}]({}#{word})", &link[1], &link[2]),
            None => link[0].to_owned(),
        }
    };
    TO_WORDS.replace_all(&changed, to_word).into_owned()
}

/// Words of the list that every page is made of: a link at each of them would be noise.
const EVERYDAY: [&str; 34] = [
    "block",
    "budget",
    "burst",
    "bytes",
    "class",
    "estimate",
    "evidence",
    "exact",
    "finding",
    "flat",
    "item",
    "iteration",
    "leak",
    "live",
    "look",
    "maker",
    "holder",
    "page",
    "peak",
    "pressure",
    "profile",
    "resident",
    "retention",
    "sample",
    "signature",
    "site",
    "socket",
    "steady",
    "task",
    "thread",
    "trim",
    "verdict",
    "virtual",
    "window",
];

/// The page with a link to the list at the first use of each word, up to the questions, whose answers are buttons.
fn with_first_uses(text: &str, words: &BTreeSet<String>, list: &str) -> String {
    let mut wanted: Vec<String> = (words.iter())
        .filter(|word| !EVERYDAY.contains(&word.as_str()))
        .map(|word| word.replace('-', "[- ]"))
        .collect();
    wanted.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let Ok(word) = Regex::new(&format!(r"(?i)\b(?:{})(?:es|s)?\b", wanted.join("|"))) else {
        return text.to_owned(); // never: words are letters
    };
    if wanted.is_empty() {
        return text.to_owned();
    }
    let (page, questions) = match text.find("\n## Questions\n") {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let seen = std::cell::RefCell::new(BTreeSet::new());
    let page = prose(page, |line| {
        if line.starts_with('#') {
            return line.to_owned();
        }
        let mut changed = String::with_capacity(line.len());
        let mut rest = 0;
        for used in word.find_iter(line) {
            let before = &line[..used.start()];
            let is_code = before.matches('`').count() % 2 == 1;
            let is_linked =
                before.rfind('[') > before.rfind(']') || before.rfind("](") > before.rfind(')');
            let after = &line[used.end()..];
            let is_name = before.ends_with(['-', '/', '_', ':'])
                || after.starts_with(['-', '/', '_', '('])
                || after.starts_with("::");
            let known = ["", "s", "es"].into_iter().find_map(|end| {
                let one = anchor(used.as_str().strip_suffix(end)?);
                words.contains(&one).then_some(one)
            });
            let Some(known) = known.filter(|_| !is_code && !is_linked && !is_name) else {
                continue;
            };
            if seen.borrow_mut().insert(known.clone()) {
                changed.push_str(&line[rest..used.start()]);
                let _ = write!(changed, "[{}]({list}#{known})", used.as_str());
                rest = used.end();
            }
        }
        changed.push_str(&line[rest..]);
        changed
    });
    page + questions
}

/// How long a page's prose takes, in whole minutes.
fn minutes(text: &str) -> usize {
    let words = std::cell::Cell::new(0);
    prose(text, |line| {
        let is_word = |word: &&str| word.chars().any(char::is_alphanumeric);
        words.set(words.get() + line.split_whitespace().filter(is_word).count());
        String::new()
    });
    words.get().div_ceil(WORDS_A_MINUTE)
}

/// A line with the minutes of several pages added up, where the line has such a sum: `28 minutes <!-- of a.md b.md -->`. What the author
/// wrote stays beside it, for the check of pages.
fn with_sums(line: &str, minutes_of: &BTreeMap<String, usize>) -> String {
    static SUM: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?P<written>\d+) minutes <!-- of (?P<pages>[^>]+?) -->")
            .expect("a valid expression")
    });
    let added = |sum: &Captures<'_>| {
        let pages = sum["pages"].split_whitespace();
        let minutes: usize = pages.filter_map(|page| minutes_of.get(page)).sum();
        format!(
            "<span data-written=\"{}\">{minutes}</span> minutes",
            &sum["written"]
        )
    };
    SUM.replace_all(line, added).into_owned()
}

/// The page with its minutes below its heading, or below the line in italics that follows the heading.
fn with_minutes(text: &str, minutes: usize) -> String {
    static HEADING: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\A# [^\n]+\n(?:\n\*[^*\n]+\*\n)?").expect("a valid expression")
    });
    let unit = if minutes == 1 { "minute" } else { "minutes" };
    let line = format!("\n<p class=\"minutes\">{minutes} {unit} to read</p>\n");
    HEADING
        .replace(text, |heading: &Captures<'_>| {
            format!("{}{line}", &heading[0])
        })
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> String {
        linked(text, &["watch", "oom-killer"].map(str::to_owned).into())
    }

    #[test]
    fn what_is_cited_is_a_link() {
        let link = "[a-b/c.d #12](https://github.com/a-b/c.d/issues/12)";
        assert_eq!(
            line("- **a-b/c.d #12** (Rust): 3/4 #5x"),
            format!("- **{link}** (Rust): 3/4 #5x")
        );
        assert_eq!(
            line("| a/b#1, 2021 |"),
            "| [a/b#1](https://github.com/a/b/issues/1), 2021 |"
        );
        for same in [
            "`a/b #1`",
            "[a/b #1](x)",
            "https://github.com/a/b/issues/1",
            "chapters/a/src/b.rs",
        ] {
            assert_eq!(line(same), same);
        }
    }

    #[test]
    fn a_link_to_the_words_goes_to_the_word() {
        assert_eq!(
            line("the [watch](../words.md)"),
            "the [watch](../words.md#watch)"
        );
        assert_eq!(
            line("[OOM killers](words.md)"),
            "[OOM killers](words.md#oom-killer)"
        );
        assert_eq!(line("[watches](words.md)"), "[watches](words.md#watch)");
        assert_eq!(line("all [words](words.md)"), "all [words](words.md)");
        assert_eq!(
            WORD.replace_all("| **OOM killer** | ends |", with_anchor),
            "| <dfn id=\"oom-killer\">**OOM killer**</dfn> | ends |"
        );
    }

    #[test]
    fn the_first_use_of_a_word_is_a_link() {
        let words = ["watch", "oom-killer", "arena", "page"]
            .map(str::to_owned)
            .into();
        let page = "# A watch\n\nA `watch`, two Watches and a watch. The OOM killer: see [an arena](x.md), arena-wide, arenas.\n\n\
            ```text\narena\n```\n\n## Questions\n\n1. An arena.\n";
        let linked = with_first_uses(page, &words, "../words.md");
        assert_eq!(
            linked,
            "# A watch\n\nA `watch`, two [Watches](../words.md#watch) and a watch. The [OOM killer](../words.md#oom-killer): see [an arena](x.md), arena-wide, \
             [arenas](../words.md#arena).\n\n```text\narena\n```\n\n## Questions\n\n1. An arena.\n"
        );
        assert_eq!(
            with_first_uses("The OOM killer.", &words, "words.md"),
            "The [OOM killer](words.md#oom-killer)."
        );
    }

    #[test]
    fn minutes_of_several_pages_are_added_up() {
        let minutes_of = [("a.md".to_owned(), 3), ("b/README.md".to_owned(), 4)].into();
        assert_eq!(
            with_sums("| 8 minutes <!-- of a.md b/README.md --> |", &minutes_of),
            "| <span data-written=\"8\">7</span> minutes |"
        );
    }

    #[test]
    fn minutes_are_of_prose_alone() {
        let page = "# A title\n\n*In short.*\n\nOne two three.\n\n```text\nfour five\n```\n\n<p>\nsix\n</p>\n";
        assert_eq!(minutes(page), 1);
        assert_eq!(minutes(&"word ".repeat(401)), 3);
        let shown = with_minutes(page, 1);
        assert!(
            shown.starts_with(
                "# A title\n\n*In short.*\n\n<p class=\"minutes\">1 minute to read</p>\n\nOne"
            ),
            "{shown}"
        );
        assert!(
            with_minutes("# A\n\nText.\n", 2).starts_with("# A\n\n<p class=\"minutes\">2 minutes")
        );
    }

    #[test]
    fn code_and_markup_stay_as_they_are() {
        let page = "a\n```text\na\n```\n<div>\na\n</div>\n\na\n";
        assert_eq!(
            prose(page, |line| line.replace('a', "b")),
            "b\n```text\na\n```\n<div>\na\n</div>\n\nb\n"
        );
    }
}
