//! A page's blocks: which of them show a run, and what is shown in their place.

use super::html::{self, Escaped};
use super::recorded;
use super::{flames, noise, pages, predict, report};
use mdbook_driver::errors::Result;
use regex::Regex;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

/// A block of a page that includes one file, and nothing else.
static BLOCK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?m)^(?:```text\n(?:\$ (?P<command>[^\n]+)\n)?\{\{#include (?P<text>[^\s:}]+\.txt)\}\}\n```|<figure>\n\{\{#include (?P<plot>[^\s:}]+\.svg)\}\}\n</figure>)$",
    )
    .expect("a valid expression")
});

/// Outputs of more lines are folded, unless the page is about them.
const LINES_MAX: usize = 24;

/// The page's text, with its runs and plots drawn. `folder` is where the page lies.
pub(super) fn drawn(text: &str, folder: &Path) -> Result<String> {
    let mut page = String::with_capacity(text.len());
    let mut rest = 0;
    for block in BLOCK.captures_iter(text) {
        let (Some(whole), file) = (block.get(0), block.name("text").or(block.name("plot"))) else {
            continue;
        };
        let Some(file) = file.map(|file| folder.join(file.as_str())) else {
            continue;
        };
        // What can't be read is told by the check of includes, with its line.
        let Ok(content) = fs::read_to_string(&file) else {
            continue;
        };
        let command = block.name("command").map(|command| command.as_str());
        let shown = if block.name("plot").is_some() {
            plot(&content, &file)?
        } else if let Some(run) = recorded::beside(&file)? {
            report::draw(&run, command, &without_chart(&content))
        } else if let Some(runs) = noise::beside(&file)? {
            noise::draw(&runs)
        } else if let Some(cells) = pages::draw(&content) {
            cells
        } else {
            terminal(command, &content)
        };
        page.push_str(&text[rest..whole.start()]);
        page.push_str(&html::one_block(&shown));
        rest = whole.end();
    }
    page.push_str(&text[rest..]);
    Ok(page)
}

/// A picture with a caption: its own title and description. A flame graph whose profile was recorded can be explored.
fn plot(svg: &str, file: &Path) -> Result<String> {
    if file
        .file_name()
        .is_some_and(|name| name == "flamegraph.svg")
        && let Some(flames) =
            recorded::beside(&file.with_file_name("run.txt"))?.and_then(|run| run.flames)
    {
        return Ok(flames::draw(&flames));
    }
    let between = |open: &str, close: &str| {
        let (_, after) = svg.split_once(open)?;
        after.split_once(close).map(|(text, _)| text)
    };
    let title = between("<title>", "</title>").unwrap_or_default();
    let subtitle = svg
        .split_once("class=\"quiet subtitle\"")
        .and_then(|(_, after)| after.split_once('>'))
        .and_then(|(_, after)| after.split_once("</text>"))
        .map(|(text, _)| text)
        .unwrap_or_default();
    if title.is_empty() {
        return Ok(format!("<figure class=\"plot\">\n{svg}</figure>"));
    }
    let asked = predict::draw(file)?;
    Ok(format!(
        "<figure class=\"plot\">\n{svg}<figcaption><b>{title}</b> {subtitle}</figcaption>\n</figure>{asked}"
    ))
}

/// What a command printed, with the command above it.
fn terminal(command: Option<&str>, printed: &str) -> String {
    let lines: Vec<&str> = printed.lines().collect();
    let head = command.map(report::command).unwrap_or_default();
    if command.is_some() || lines.len() <= LINES_MAX {
        return format!(
            "<div class=\"terminal\">{head}<pre tabindex=\"0\"><code class=\"language-text\">{}</code></pre></div>",
            Escaped(printed)
        );
    }
    // Up to the first empty line: what is said. Then what it was said by.
    let first = lines.iter().position(|line| line.is_empty()).unwrap_or(3);
    format!(
        "<div class=\"terminal\">{head}<pre tabindex=\"0\"><code class=\"language-text\">{}</code></pre>{}</div>",
        Escaped(&lines[..first].join("\n")),
        report::folded(
            &format!("The other {} lines", lines.len() - first),
            &lines[first..].join("\n")
        ),
    )
}

/// The text without the terminal's chart: lines of braille, with an axis beside and below them.
fn without_chart(printed: &str) -> String {
    let is_chart = |line: &&str| {
        line.contains(['┤', '│', '└'])
            || line.chars().any(|c| ('\u{2800}'..='\u{28ff}').contains(&c))
    };
    let Some(first) = printed.lines().position(|line| is_chart(&line)) else {
        return printed.to_owned();
    };
    let mut text = String::with_capacity(printed.len());
    let mut within = false;
    for (number, line) in printed.lines().enumerate() {
        // The chart's heading stands above it, its ticks below.
        let heading = number + 1 == first;
        let ticks = within && !is_chart(&line) && !line.is_empty();
        within = is_chart(&line) || ticks;
        if !within && !heading {
            text.push_str(line);
            text.push('\n');
        }
    }
    text.replace("\n\n\n", "\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminals_chart_is_left_out_and_nothing_else() {
        let printed = "Caches, leaky\n\n  live memory\n  1 MiB ┤\n        │⣀⡤\n  0 MiB ┤⣀\n        └┬───\n         0 iterations\n\nVerdict: leak\n";
        assert_eq!(without_chart(printed), "Caches, leaky\n\nVerdict: leak\n");
        assert_eq!(without_chart("Verdict: leak\n"), "Verdict: leak\n");
    }

    #[test]
    fn a_block_that_includes_a_text_shows_its_command_apart() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        std::fs::write(folder.path().join("top.txt"), "a <b>\n\nc\n").expect("writable");
        let page = "Before.\n\n```text\n$ cargo run -- top FILE\n{{#include top.txt}}\n```\n\n```text\nother\n```\n";
        let shown = drawn(page, folder.path()).expect("drawn");
        insta::assert_snapshot!(shown, @r#"
        Before.

        <div class="terminal"><p class="command"><code>cargo run -- top FILE</code></p>
        <pre tabindex="0"><code class="language-text">a &lt;b&gt;
        &#10;c
        </code></pre></div>

        ```text
        other
        ```
        "#);
    }

    #[test]
    fn what_cannot_be_read_stays_for_the_check_of_includes() {
        let page = "```text\n{{#include gone.txt}}\n```\n";
        assert_eq!(drawn(page, Path::new("/nowhere")).expect("drawn"), page);
    }
}
