//! The book: built, checked and served by the command.

#[path = "../../../tests/driver.rs"]
mod driver;

use driver::{CHAPTER, Workbook};
use mdbook_driver::MDBook;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

#[test]
fn the_book_builds_without_a_fault_and_holds_no_sources() {
    let workbook = Workbook::copy("book");
    workbook
        .leaks(["book", "--build-only"])
        .exits(0)
        .stdout_has("target/book/index.html");
    let mut folders = vec![workbook.path("target/book")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the site").flatten() {
            let path = entry.path();
            if path.is_dir() {
                assert!(!path.ends_with("solution"), "{}", path.display());
                folders.push(path);
            } else {
                let source = path.extension().is_some_and(|e| e == "rs" || e == "toml");
                assert!(!source, "{}", path.display());
            }
        }
    }
}

#[test]
fn a_plain_mdbook_build_has_every_text_and_picture() {
    let workbook = Workbook::copy("plain");
    let mut book = MDBook::load(workbook.path(".")).expect("the book");
    book.config.build.build_dir = "target/plain".into();
    book.build().expect("mdBook builds it");
    let escaped = |line: &str| line.replace('&', "&amp;").replace('<', "&lt;");
    for (page, text) in [
        (CHAPTER, "run.txt"),
        (CHAPTER, "run-fixed.txt"),
        ("memory-pressure", "check.txt"),
    ] {
        let built = workbook.read(&format!("target/plain/{page}/index.html"));
        let built = built.replace("&gt;", ">").replace("&quot;", "\"");
        assert!(built.contains("<svg"), "{page} has its plot");
        let shown = workbook.read(&format!("chapters/{page}/shown/{text}"));
        for line in shown.lines() {
            assert!(built.contains(&escaped(line)), "{page}, {text}: {line}");
        }
    }
}

#[test]
fn what_mdbook_lets_pass_fails_here_with_page_and_line() {
    let workbook = Workbook::copy("faults");
    let page = format!("chapters/{CHAPTER}/README.md");
    let lines = workbook.read(&page).lines().count();
    let faults = "\n[a](../other/) [b](#nowhere) [c](gone.md)\n\n\
        {{#include src/lib.rs:no_such_anchor}}\n{{#include src/gone.rs}}\n\
        Shown as text: \\{{#include src/gone.rs}}\n";
    workbook.write(&page, &(workbook.read(&page) + faults));
    let built = workbook.leaks(["book", "--build-only"]);
    let told = built.exits(1).stderr();
    for (line, what) in [
        (2, "links to #nowhere"),
        (2, "links to ../other/"),
        (2, "links to gone.html"),
        (4, "no `ANCHOR: no_such_anchor`"),
        (5, "includes src/gone.rs"),
    ] {
        let place = format!("{page}:{}: ", lines + line);
        let found = told
            .lines()
            .any(|told| told.starts_with(&place) && told.contains(what));
        assert!(found, "no {place}..{what} in:\n{told}");
    }
    assert!(told.contains("5 faults"), "{told}");
}

/// A served book. It ends with the test, whatever happens in it.
struct Served {
    child: Child,
    address: String,
}

impl Served {
    fn start(workbook: &Workbook) -> Self {
        let mut command = workbook.command(["book", "--port", "0"]);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the command");
        let mut line = String::new();
        let out = child.stdout.take().expect("a pipe");
        BufReader::new(out).read_line(&mut line).expect("a line");
        let address = line
            .split("http://")
            .nth(1)
            .and_then(|rest| rest.split('/').next());
        let address = address
            .unwrap_or_else(|| panic!("no address in {line:?}"))
            .to_owned();
        Served { child, address }
    }

    /// Asks for a path.
    async fn get(&self, path: &str) -> reqwest::Response {
        let client = reqwest::Client::builder()
            // Only against a server that never answers.
            .timeout(Duration::from_mins(1))
            .build()
            .expect("a client");
        let url = format!("http://{}{path}", self.address);
        client.get(&url).send().await.expect("an answer")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn the_served_page_follows_a_change() {
    let workbook = Workbook::copy("served");
    let served = Served::start(&workbook);
    assert!(
        served.address.starts_with("127.0.0.1:"),
        "{}",
        served.address
    );
    let page = format!("/{CHAPTER}/");
    let before = served.get(&page).await.text().await.expect("a page");
    assert!(
        before.contains("new EventSource"),
        "the page asks to be reloaded"
    );
    let built = workbook.read(&format!("target/book/{CHAPTER}/index.html"));
    assert!(!built.contains("new EventSource"), "the built file doesn't");

    let mut events = served.get("/.rebuilt").await;
    assert_eq!(events.status(), 200);
    let source = format!("chapters/{CHAPTER}/README.md");
    workbook.write(
        &source,
        &(workbook.read(&source) + "\nA line that was not there before.\n"),
    );
    loop {
        let event = events.chunk().await.expect("an event").expect("no end");
        if event.starts_with(b"data:") {
            break;
        }
    }
    let after = served.get(&page).await.text().await.expect("a page");
    assert!(after.contains("A line that was not there before."));
    assert_eq!(served.get("/../Cargo.toml").await.status(), 404);
    assert_eq!(served.get("/%2e%2e/Cargo.toml").await.status(), 404);
}
