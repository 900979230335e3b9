//! The book in a real browser: every page in two themes and two widths, what can be explored by mouse and by keyboard, and all of it
//! without JavaScript.
//!
//! `BOOK_PICTURES=FOLDER cargo test -p leaks-book --test browser every_page` leaves each of them as a picture.

mod devtools;
#[path = "../../../../tests/driver.rs"]
mod driver;
mod explored;
mod pictures;
mod played;

use devtools::{Page, chromium};
use driver::{CHAPTER, Workbook, real_root};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The built site, with a slash at its end.
fn site() -> &'static str {
    static SITE: OnceLock<String> = OnceLock::new();
    SITE.get_or_init(|| {
        let workbook = Workbook::copy("browser");
        let built = Command::new(env!("CARGO_BIN_EXE_leaks-book"))
            .arg("--build-only")
            .current_dir(workbook.path("."))
            .env("PWD", workbook.path("."))
            .output()
            .expect("the book's program");
        assert!(
            built.status.success(),
            "{}",
            String::from_utf8_lossy(&built.stderr)
        );
        format!("file://{}/", workbook.path("target/book").display())
    })
}

/// Every page, by its path in the site; not the one that prints as soon as it is loaded.
fn pages() -> Vec<String> {
    let root = PathBuf::from(site().trim_start_matches("file://"));
    let mut pages = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the site").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "html")
            {
                let page = path
                    .strip_prefix(&root)
                    .expect("below it")
                    .display()
                    .to_string();
                if !["print.html", "toc.html", "404.html"].contains(&page.as_str()) {
                    pages.push(page);
                }
            }
        }
    }
    pages.sort();
    assert!(pages.len() >= 20, "{pages:?}");
    pages
}

/// Deque's axe-core (MPL-2.0), which CI installs from npm and the repository doesn't have; `None` where it wasn't installed, which CI
/// says by `BOOK_WITHOUT_AXE`.
fn axe() -> Option<String> {
    let file = real_root().join("target/axe/node_modules/axe-core/axe.min.js");
    let script = std::fs::read_to_string(&file).ok();
    assert!(
        script.is_some()
            || std::env::var_os("CI").is_none()
            || std::env::var_os("BOOK_WITHOUT_AXE").is_some(),
        "CI installs axe-core, or says that it can't"
    );
    if script.is_none() {
        eprintln!(
            "not tested: the rules of axe, since npm install --prefix target/axe axe-core wasn't run"
        );
    }
    script
}

/// What axe finds serious, each with the first place.
const SERIOUS: &str = "axe.run(document, { resultTypes: ['violations'], preload: false }).then(found => found.violations
    .filter(rule => ['serious', 'critical'].includes(rule.impact))
    .map(rule => `${rule.id} (${rule.nodes.length}): ${rule.nodes[0].target} ${rule.nodes[0].any[0]?.message ?? rule.help}`))";

/// What is wider than the window, from the page itself to what sticks out of it.
const TOO_WIDE: &str = "(() => {
    const width = document.documentElement.clientWidth;
    const scrolls = (e) => e && e !== document.body && (['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
    return [...document.querySelectorAll('main *')]
        .filter(e => e.getBoundingClientRect().right > width + 1 && !scrolls(e.closest('svg')?.parentElement ?? e.parentElement) && getComputedStyle(e).overflowX !== 'auto')
        .map(e => `${e.tagName}.${e.className.baseVal ?? e.className}: ${Math.round(e.getBoundingClientRect().right)} of ${width}`)
        .concat(document.documentElement.scrollWidth > width ? [`the page: ${document.documentElement.scrollWidth} of ${width}`] : [])
        .slice(0, 5);
})()";

/// Whether a chapter asks for a guess before it is read.
const IS_ASKED: &str = "document.querySelector('section.predict:not([hidden])') !== null";

/// Reads without a guess.
const SKIP: &str = "document.querySelector('section.predict:not([hidden]) .skip')?.click(); true";

/// A page in a whole, as one has it who was there before.
fn load_whole(page: &mut Page, name: &str) {
    page.load(&format!("{}{name}", site()));
    page.value(SKIP);
}

#[test]
fn every_page_in_two_themes_and_two_widths() {
    let Some(chromium) = chromium() else { return };
    let axe = axe();
    let mut page = Page::open(chromium);
    let mut faults = Vec::new();
    for name in pages() {
        for (width, height) in [(1280, 900), (400, 800)] {
            page.size(width, height);
            page.prefer("light");
            page.load(&format!("{}{name}", site()));
            page.value("localStorage.clear(); true");
            page.load(&format!("{}{name}", site()));
            if let Some(axe) = &axe {
                page.value(&format!("{axe}; true"));
            }
            // On a first visit a chapter shows its plot alone.
            let is_asked = page.value(IS_ASKED) == true;
            let states = if is_asked {
                &["asked", "read"][..]
            } else {
                &["read"]
            };
            for (state, theme) in states
                .iter()
                .flat_map(|state| [(state, "light"), (state, "dark")])
            {
                if *state == "read" {
                    page.value(SKIP);
                }
                page.prefer(theme);
                page.wait_for(&format!(
                    "getComputedStyle(document.documentElement).colorScheme === '{theme}'"
                ));
                let mut tell = |what: String| {
                    faults.push(format!("{name}, {state}, {width}, {theme}: {what}"));
                };
                for wide in page.value(TOO_WIDE).as_array().into_iter().flatten() {
                    tell(format!("too wide: {wide}"));
                }
                if let Some(folder) = std::env::var_os("BOOK_PICTURES") {
                    let file = format!("{}-{state}-{width}-{theme}.png", name.replace('/', "-"));
                    let file = PathBuf::from(folder).join(file);
                    std::fs::write(file, page.picture()).expect("a folder for pictures");
                }
                if axe.is_some() {
                    for serious in page.value(SERIOUS).as_array().into_iter().flatten() {
                        tell(format!("axe: {serious}"));
                    }
                }
            }
            let told = page.faults(site());
            faults.extend(
                told.into_iter()
                    .map(|what| format!("{name}, {width}: {what}")),
            );
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn without_javascript_every_chapter_says_everything() {
    let Some(chromium) = chromium() else { return };
    let mut page = Page::open(chromium);
    page.scripts(false);
    for scheme in ["light", "dark"] {
        page.prefer(scheme);
        page.size(400, 800);
        for chapter in pages()
            .iter()
            .filter(|page| page.ends_with("/index.html") && !page.starts_with("the-incident"))
        {
            page.load(&format!("{}{chapter}", site()));
            let said = page.value(
                "[...document.querySelectorAll('.evidence')].map(e => e.querySelector('.verdict').innerText.length > 0 \
                 && e.querySelectorAll('.deciding dt').length === 3 && e.querySelector('figure.floors') !== null \
                 && e.querySelector('details pre').textContent.includes('Verdict:'))",
            );
            let said = said.as_array().cloned().unwrap_or_default();
            assert!(
                said.len() >= 3 && said.iter().all(|said| *said == true),
                "{chapter}: {said:?}"
            );
            assert_eq!(
                page.value("document.querySelectorAll('.flames .tools, .question button').length"),
                0,
                "{chapter}"
            );
            assert_eq!(page.value(IS_ASKED), false, "{chapter}");
            assert_eq!(
                page.value("[...document.querySelectorAll('.question')].every(e => e.querySelectorAll('ol')[0].children.length === e.querySelectorAll('details ol > li').length)"),
                true,
                "{chapter}: each answer is told"
            );
            assert_eq!(
                page.value("/[\\u2800-\\u28ff]/.test(document.querySelector('main').textContent)"),
                false,
                "{chapter} has braille"
            );
            assert_eq!(
                page.value("getComputedStyle(document.documentElement).colorScheme"),
                "light dark"
            );
            let wide = page.value(TOO_WIDE);
            assert_eq!(wide.as_array().map(Vec::len), Some(0), "{chapter}: {wide}");
        }
    }
}

#[test]
fn the_whole_book_is_printed_to_one_file_or_the_lack_of_a_browser_is_told() {
    if chromium().is_none() {
        return;
    }
    let workbook = Workbook::copy("pdf");
    let print = |file: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_leaks-book"));
        command
            .args(["--pdf", file])
            .current_dir(workbook.path("."))
            .env("PWD", workbook.path("."));
        command
    };
    let printed = print("book.pdf").output().expect("the book's program");
    let told = String::from_utf8_lossy(&printed.stderr).into_owned();
    assert_eq!(printed.status.code(), Some(0), "{told}");
    let content = std::fs::read(workbook.path("book.pdf")).expect("a PDF");
    assert!(content.starts_with(b"%PDF-"));
    let pages = content
        .windows(12)
        .filter(|at| *at == b"/Type /Page\n")
        .count();
    assert!(pages >= 60, "{pages} pages");

    let refused = print("none/book.pdf").output().expect("the book's program");
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{told}");
    assert!(told.contains("none/book.pdf"), "{told}");

    let without = print("other.pdf")
        .env("PATH", "")
        .output()
        .expect("the book's program");
    let told = String::from_utf8_lossy(&without.stderr).into_owned();
    assert_eq!(without.status.code(), Some(2), "{told}");
    assert!(told.contains("Install Chromium"), "{told}");
    assert!(!workbook.path("other.pdf").exists());
}

#[test]
fn no_page_is_heavy() {
    let root = Path::new(site().trim_start_matches("file://"));
    for page in pages() {
        let bytes = std::fs::metadata(root.join(&page)).expect("a page").len();
        assert!(bytes <= 700_000, "{page}: {bytes} bytes");
    }
}
