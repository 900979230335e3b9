//! The questions at the end of a page: what each of them must have, and how many there are.
//!
//! A question is Markdown, so that it reads as well where no script runs:
//!
//! ```text
//! <div class="question" data-from="shown/run.txt">
//!
//! **What the page's evidence says in `words of that file`. What follows?**
//!
//! 1. One answer.
//! 2. Another.
//!
//! <details><summary>Answers</summary>
//!
//! 1. **Right.** Why.
//! 2. **No.** Why not. Read again: [a section](#a-section).
//!
//! </details>
//! </div>
//! ```

use regex::Regex;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

static QUESTION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?s)<div class="question" data-from="(?P<from>[^"]*)">\n(?P<text>.*?)\n</div>"#)
        .expect("a valid expression")
});

/// A figure of two digits or more: smaller ones count what the question itself names.
static FIGURE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\d+\.\d+|\d{2,}").expect("a valid expression"));

/// How many questions a page asks.
pub(crate) fn count(text: &str) -> usize {
    QUESTION.find_iter(text).count()
}

/// What is wrong with a page's questions, with the line of each. `stems` has what was asked before, without its figures.
pub(crate) fn faults(
    text: &str,
    folder: &Path,
    stems: &mut BTreeSet<String>,
) -> Vec<(usize, String)> {
    let mut faults = Vec::new();
    for question in QUESTION.captures_iter(text) {
        let line = question
            .get(0)
            .map_or(0, |whole| text[..whole.start()].lines().count() + 1);
        let mut tell = |what: String| faults.push((line, format!("asks a question {what}")));
        let (asked, answers) = question["text"]
            .split_once("<details><summary>Answers</summary>")
            .unwrap_or((&question["text"], ""));
        let (stem, options) = parts(asked);
        let (_, answers) = parts(answers.split("</details>").next().unwrap_or_default());

        let without_figures: String = stem.chars().filter(|c| !c.is_ascii_digit()).collect();
        if !stems.insert(without_figures) {
            tell("that another one asks with other figures".to_owned());
        }
        if options.len() < 3 || options.len() != answers.len() {
            tell(format!(
                "with {} answers to choose from and {} told",
                options.len(),
                answers.len()
            ));
        }
        let is_right = |answer: &&String| answer.starts_with("**Right.** ");
        if answers.iter().filter(is_right).count() != 1 {
            tell("that doesn't have one right answer".to_owned());
        }
        for wrong in answers.iter().filter(|answer| !is_right(answer)) {
            if !wrong.starts_with("**No.** ") || !wrong.contains("Read again: [") {
                tell(format!(
                    "whose wrong answer names no section to read again: {wrong}"
                ));
            }
        }
        match fs::read_to_string(folder.join(&question["from"])) {
            Err(error) => tell(format!(
                "of {}, which can't be read: {error}",
                &question["from"]
            )),
            Ok(evidence) => {
                let evidence = joined(&evidence);
                let quotes: Vec<&str> = stem.split('`').skip(1).step_by(2).collect();
                if quotes.is_empty() {
                    tell(format!("that quotes nothing of {}", &question["from"]));
                }
                let told = evidence.replace(',', "");
                let stem_figures = stem.replace(',', "");
                for figure in FIGURE
                    .find_iter(&stem_figures)
                    .filter(|figure| !told.contains(figure.as_str()))
                {
                    tell(format!(
                        "with the figure {}, which {} doesn't have",
                        figure.as_str(),
                        &question["from"]
                    ));
                }
                for quote in quotes.into_iter().filter(|quote| !evidence.contains(quote)) {
                    tell(format!(
                        "that quotes `{quote}`, which {} doesn't say",
                        &question["from"]
                    ));
                }
            }
        }
    }
    faults
}

/// What is asked, and the items of the list below it.
fn parts(text: &str) -> (String, Vec<String>) {
    static ITEM: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^\d\. ").expect("a valid expression"));
    let (mut stem, mut items) = (String::new(), Vec::<String>::new());
    for line in text.lines() {
        if let Some(number) = ITEM.find(line) {
            items.push(line[number.end()..].to_owned());
        } else {
            let part = items.last_mut().unwrap_or(&mut stem);
            part.push(' ');
            part.push_str(line.trim());
        }
    }
    let items = items.iter().map(|item| joined(item)).collect();
    (joined(&stem), items)
}

/// The words with one space between them, wherever their lines ended.
fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "<div class=\"question\" data-from=\"run.txt\">\n\n**The report says `held by\na static`. What next?**\n\n\
        1. One.\n2. Two,\n   in two lines.\n3. Three.\n\n<details><summary>Answers</summary>\n\n\
        1. **No.** Since. Read again: [a](#a).\n2. **Right.** Since.\n3. **No.** Since. Read again:\n   [b](b.md).\n\n</details>\n</div>\n";

    fn told(page: &str) -> String {
        let folder = tempfile::tempdir().expect("a scratch folder");
        fs::write(
            folder.path().join("run.txt"),
            "its blocks are held\n  by a static",
        )
        .expect("writable");
        let faults = faults(page, folder.path(), &mut BTreeSet::new());
        let lines: Vec<String> = (faults.into_iter())
            .map(|(line, what)| format!("{line}: {what}"))
            .collect();
        lines.join("\n")
    }

    #[test]
    fn a_question_has_its_evidence_three_answers_and_a_way_back() {
        assert_eq!(count(GOOD), 1);
        assert_eq!(told(GOOD), "");
        let bad = GOOD
            .replace("a static", "a task")
            .replace("What next", "What of 33 next")
            .replace("**Right.**", "**No.**")
            .replace("Read again:\n   [b](b.md)", "");
        let gone = GOOD
            .replace("run.txt", "gone.txt")
            .replace("`held by\na static`", "7");
        insta::assert_snapshot!(told(&format!("# Page\n\n{bad}\n{gone}")), @r"
        3: asks a question that doesn't have one right answer
        3: asks a question whose wrong answer names no section to read again: **No.** Since.
        3: asks a question whose wrong answer names no section to read again: **No.** Since. .
        3: asks a question with the figure 33, which run.txt doesn't have
        3: asks a question that quotes `held by a task`, which run.txt doesn't say
        22: asks a question of gone.txt, which can't be read: No such file or directory (os error 2)
        ");
        insta::assert_snapshot!(told(&format!("{GOOD}{}", GOOD.replace("3. Three.\n", ""))), @r"
        20: asks a question that another one asks with other figures
        20: asks a question with 2 answers to choose from and 3 told
        ");
    }
}
