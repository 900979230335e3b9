//! The book in a real browser: every page in two themes and two widths, what can be explored by mouse and by keyboard, and all of it
//! without JavaScript.
//!
//! `BOOK_PICTURES=FOLDER cargo test -p leaks-book --test browser every_page` leaves each of them as a picture.

mod devtools;
#[path = "../../../../tests/driver.rs"]
mod driver;

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
fn a_chapter_is_predicted_by_mouse_then_seen() {
    let Some(chromium) = chromium() else { return };
    let mut page = Page::open(chromium);
    page.size(1280, 900);
    page.load(&format!("{}global-caches/index.html", site()));
    let shown = "[...document.querySelector('main').children].filter(e => e.offsetParent).map(e => e.className || e.tagName).join(' ')";
    assert_eq!(page.value(shown), "plot predict", "the plot alone");
    assert_eq!(
        page.value("getComputedStyle(document.querySelector('.plot .fixed')).display"),
        "none"
    );
    let told = "document.querySelector('.predict .told').textContent";
    page.click(".predict .see");
    assert!(
        page.value(told)
            .as_str()
            .is_some_and(|told| told.starts_with("Choose a verdict"))
    );
    page.click(".predict input[value=steady]");
    page.click(".predict input[value=global-caches]");
    page.click(".predict .see");
    assert_eq!(
        page.value(told),
        "The run said leak, of class global-caches. You said steady, of class global-caches. The page tells why."
    );
    assert_eq!(
        page.value("document.querySelector('main h1').offsetParent !== null"),
        true
    );
    page.load(&format!("{}global-caches/index.html", site()));
    assert_eq!(page.value(IS_ASKED), false, "once");
    assert_eq!(page.faults(site()), Vec::<String>::new());
}

#[test]
fn a_chapter_is_predicted_or_read_at_once_by_keyboard() {
    let Some(chromium) = chromium() else { return };
    let mut page = Page::open(chromium);
    page.size(400, 800);
    page.load(&format!("{}memory-pressure/index.html", site()));
    let at = "document.activeElement.value";
    page.value("document.querySelector('.predict input').focus(); true");
    for _ in 0..3 {
        page.press("ArrowDown");
    }
    assert_eq!(page.value(at), "pressure");
    page.press("Tab");
    page.press("ArrowUp");
    page.press("ArrowUp");
    let class = page.value(at);
    page.press("Tab");
    page.press("Enter");
    let told = page.value("document.querySelector('.predict .told').textContent");
    let wanted = format!(
        "The run said pressure, of class memory-pressure. You said the same verdict, and the class {}.",
        class.as_str().unwrap_or_default()
    );
    assert!(
        told.as_str()
            .is_some_and(|told| told.starts_with(&wanted) || told.contains("You said the same.")),
        "{told}"
    );

    page.load(&format!("{}retained-subslices/index.html", site()));
    page.value("document.querySelector('.predict .skip').focus(); true");
    page.press("Enter");
    assert_eq!(
        page.value("document.activeElement.tagName"),
        "H1",
        "reading goes on at the heading"
    );
    page.load(&format!("{}orphaned-tasks/index.html#the-fix", site()));
    assert_eq!(
        page.value(IS_ASKED),
        false,
        "a link to a section shows the section"
    );
    assert_eq!(page.faults(site()), Vec::<String>::new());
}

#[test]
fn questions_are_answered_and_the_answers_exported() {
    let Some(chromium) = chromium() else { return };
    let mut page = Page::open(chromium);
    page.size(1280, 900);
    load_whole(&mut page, &format!("{CHAPTER}/index.html"));
    page.value(
        "const first = document.querySelector('.question');
        [...first.querySelectorAll('details li')].forEach((why, place) => {
            first.querySelectorAll('.options button')[place].id ||= why.textContent.startsWith('Right') ? 'right' : `wrong-${place}`;
        }); true",
    );
    let told = "document.querySelector('.question .told').textContent";
    page.click(".question [id^=wrong]");
    let wrong = page.value(told);
    assert!(
        wrong
            .as_str()
            .is_some_and(|told| told.starts_with("No.") && told.contains("Read again:")),
        "{wrong}"
    );
    page.value("document.querySelector('#right').focus(); true");
    page.press("Enter");
    assert!(
        page.value(told)
            .as_str()
            .is_some_and(|told| told.starts_with("Right."))
    );

    page.load(&format!("{}index.html", site()));
    let counts =
        "[...document.querySelectorAll('.progress li span')].map(e => e.textContent).join(', ')";
    let answered = page.value(counts);
    let answered = answered.as_str().unwrap_or_default();
    assert_eq!(answered.matches("1 of 3").count(), 1, "{answered}");
    let all: u32 = answered
        .split(", ")
        .filter_map(|of| of.split(" of ").nth(1)?.parse::<u32>().ok())
        .sum();
    assert!(all >= 40, "{all} questions");
    page.value("window.exported = null; URL.createObjectURL = blob => { blob.text().then(text => (exported = JSON.parse(text))); return '#' }; true");
    page.click(".progress .export");
    page.wait_for("exported !== null");
    assert_eq!(page.value("Object.values(exported.answers).filter(answer => answer.right && answer.wrong.length === 1).length"), 1);
    page.click(".progress .forget");
    assert_eq!(
        page.value(counts)
            .as_str()
            .unwrap_or_default()
            .matches("1 of 3")
            .count(),
        0
    );
    assert_eq!(page.faults(site()), Vec::<String>::new());
}

#[test]
fn the_way_from_symptom_to_chapter_opens_step_by_step_with_scripts_and_without() {
    let Some(chromium) = chromium() else { return };
    for scripts in [true, false] {
        let mut page = Page::open(chromium);
        page.size(400, 800);
        page.scripts(scripts);
        page.load(&format!("{}which-leak.html", site()));
        let shown = "[...document.querySelectorAll('.tree a')].filter(a => a.checkVisibility()).map(a => a.textContent).join(', ')";
        assert_eq!(page.value(shown), "");
        for step in ["leak", "Live memory", "A queue"] {
            page.value(&format!(
                "[...document.querySelectorAll('.tree summary')].find(e => e.checkVisibility() && e.textContent.startsWith('{step}')).focus(); true"
            ));
            page.press("Enter");
        }
        assert_eq!(page.value(shown), "Unbounded queues");
    }
}

/// What a played incident says: what was looked at, and how each service ended.
const PLAYED: &str = "[...document.querySelectorAll('.play .looks h4, .play .service > .told')].map(e => e.textContent).filter(text => text).join(' / ')";

#[test]
fn the_incident_is_played_to_the_end_by_mouse() {
    let Some(chromium) = chromium() else { return };
    let axe = axe();
    let mut page = Page::open(chromium);
    page.size(1280, 900);
    page.load(&format!("{}the-incident/index.html", site()));
    page.click(".play .start");
    let is_alone =
        "getComputedStyle(document.querySelector('.play svg g.live, .play svg .live')).display";
    assert_eq!(page.value(is_alone), "none", "resident memory alone");
    page.click(".play .commit");
    assert!(
        page.value(PLAYED)
            .as_str()
            .is_some_and(|told| told.starts_with("Choose a verdict"))
    );
    page.click(".play .bench button:nth-child(2)");
    page.click(".play .bench button:nth-child(8)");
    page.value("document.querySelector('.play select').value = 'leak'; true");
    page.click(".play .commit");
    page.click(".play .service:last-of-type .bench button:last-child");
    page.value("[...document.querySelectorAll('.play select')].at(-1).value = 'leak'; true");
    page.click(".play .service:last-of-type .commit");
    assert_eq!(
        page.value(PLAYED),
        "Heap profile, by space / Load, pause, load again / The instrument said retention. You said leak, after 35 minutes. / \
         Triage under load, with the sites / The instrument said leak. You said the same, after 5 minutes."
    );
    let paths = page.value(
        "[...document.querySelectorAll('.play .paths ol')].map(e => e.children.length).join(' ')",
    );
    assert_eq!(paths, "5 10");
    for (width, theme) in [(1280, "light"), (400, "dark")] {
        page.size(width, 900);
        page.prefer(theme);
        let wide = page.value(TOO_WIDE);
        assert_eq!(wide.as_array().map(Vec::len), Some(0), "{width}: {wide}");
        if let Some(axe) = &axe {
            page.value(&format!("{axe}; true"));
            let serious = page.value(SERIOUS);
            assert_eq!(
                serious.as_array().map(Vec::len),
                Some(0),
                "{width}: {serious}"
            );
        }
    }
    assert_eq!(page.faults(site()), Vec::<String>::new());
}

#[test]
fn the_incident_is_played_to_the_end_by_keyboard() {
    let Some(chromium) = chromium() else { return };
    let mut page = Page::open(chromium);
    page.size(400, 800);
    page.load(&format!("{}the-incident/index.html", site()));
    page.value("document.querySelector('.play .start').focus(); true");
    page.press("Enter");
    // The verdict at once; the next stop after it commits.
    for verdict in ["retention", "leak"] {
        page.value("[...document.querySelectorAll('.play select:enabled')].at(-1).focus(); true");
        for letter in verdict.chars() {
            page.press(&letter.to_string());
        }
        assert_eq!(page.value("document.activeElement.value"), verdict);
        page.press("Tab");
        page.press("Enter");
    }
    assert_eq!(
        page.value(PLAYED),
        "The instrument said retention. You said the same, after 0 minutes. / The instrument said leak. You said the same, after 0 minutes."
    );
    assert_eq!(
        page.value("document.activeElement.textContent"),
        "Two paths"
    );
    assert_eq!(page.faults(site()), Vec::<String>::new());
}

/// The widths of a flame graph's boxes that are shown.
const WIDTHS: &str = "[...document.querySelectorAll('.flames .frame')].filter(f => !f.hidden).map(f => f.style.width).join(' ')";

#[test]
fn a_flame_graph_is_explored_by_mouse() {
    let Some(chromium) = chromium() else { return };
    let mut page = Page::open(chromium);
    page.size(1280, 900);
    load_whole(&mut page, &format!("{CHAPTER}/index.html"));
    let whole = page.value(WIDTHS);
    // The second call of the root isn't as wide as the root.
    page.value(
        "document.querySelectorAll('.flames .frame[data-depth=\"1\"]')[1].id = 'second'; true",
    );
    page.click("#second");
    assert_eq!(
        page.value("document.querySelector('#second').style.width"),
        "100%"
    );
    assert_ne!(page.value(WIDTHS), whole);
    page.click(".flames .tools button");
    page.wait_for("document.querySelector('.flames .tools button').disabled");
    page.click(".flames input");
    page.type_text("backend::receive");
    let found = "document.querySelector('.flames .found').title.includes('backend::receive')";
    assert_eq!(page.value(found), true);
    let told = page.value("document.querySelector('.flames .matches').textContent");
    assert!(
        told.as_str().is_some_and(|told| told.contains(" of ")),
        "{told}"
    );
    assert_eq!(page.faults(site()), Vec::<String>::new());
}

#[test]
fn a_flame_graph_is_explored_by_keyboard() {
    let Some(chromium) = chromium() else { return };
    let mut page = Page::open(chromium);
    page.size(400, 800);
    load_whole(&mut page, &format!("{CHAPTER}/index.html"));
    let at = "document.activeElement.title";
    page.value("document.querySelector('.flames input').focus(); true");
    page.press("Tab");
    assert!(
        page.value(at)
            .as_str()
            .is_some_and(|at| at.starts_with("all: ")),
        "one stop: the disabled button is none"
    );
    page.press("ArrowDown");
    let first = page.value(at);
    page.press("ArrowRight");
    let second = page.value(at);
    assert_ne!(first, second);
    page.press("Enter");
    assert_eq!(page.value("document.activeElement.style.width"), "100%");
    page.press("ArrowUp");
    assert!(
        page.value(at)
            .as_str()
            .is_some_and(|at| at.starts_with("all: "))
    );
    page.press("Escape");
    assert_eq!(
        page.value("document.querySelector('.flames .tools button').disabled"),
        true
    );
    assert_eq!(
        page.value("location.href").as_str(),
        Some(format!("{}{CHAPTER}/index.html", site()).as_str()),
        "the arrows turned no page"
    );
    assert_eq!(page.faults(site()), Vec::<String>::new());
}

#[test]
fn two_themes_and_the_systems_are_offered_in_the_bar() {
    let Some(chromium) = chromium() else { return };
    let mut page = Page::open(chromium);
    page.size(1280, 900);
    page.prefer("light");
    page.load(&format!("{}index.html", site()));
    page.click("#mdbook-theme-toggle");
    let offered = page.value("[...document.querySelectorAll('.theme-popup button')].filter(b => b.offsetParent).map(b => b.textContent).join(' ')");
    assert_eq!(offered, "Auto Light Dark");
    let ground = "getComputedStyle(document.body).backgroundColor + getComputedStyle(document.documentElement).backgroundColor";
    let light = page.value(ground);
    page.click("#mdbook-theme-navy");
    page.wait_for("getComputedStyle(document.documentElement).colorScheme === 'dark'");
    assert_ne!(page.value(ground), light);
}

#[test]
fn a_command_is_copied_without_its_prompt_by_mouse_and_by_keyboard() {
    let Some(chromium) = chromium() else { return };
    let mut page = Page::open(chromium);
    page.size(1280, 900);
    load_whole(&mut page, &format!("{CHAPTER}/index.html"));
    // The system's clipboard isn't this test's to change.
    page.value("window.copied = []; navigator.clipboard.writeText = async text => { copied.push(text) }; true");
    page.click(".command button");
    page.value("document.querySelectorAll('.command button')[1].focus(); true");
    page.press("Enter");
    page.wait_for("copied.length === 2");
    assert_eq!(
        page.value("copied[0]"),
        format!("cargo run -- run {CHAPTER}")
    );
    assert_eq!(page.value("copied.some(text => text.includes('$'))"), false);
}

#[test]
fn the_contents_open_and_the_search_finds_by_keyboard() {
    let Some(chromium) = chromium() else { return };
    let mut page = Page::open(chromium);
    page.size(400, 800);
    page.load(&format!("{}index.html", site()));
    page.value("document.querySelector('#mdbook-sidebar-toggle').focus(); true");
    assert_eq!(
        page.value("document.activeElement.id"),
        "mdbook-sidebar-toggle"
    );
    page.press("Enter");
    page.wait_for(
        "document.querySelector('#mdbook-sidebar').getAttribute('aria-hidden') === 'false'",
    );
    page.load(&format!("{}index.html", site()));
    page.press("/");
    page.wait_for("document.activeElement.id === 'mdbook-searchbar'");
    for wanted in ["OOM", "cgroup", "goroutine"] {
        page.value("document.querySelector('#mdbook-searchbar').value = ''; true");
        for letter in wanted.chars() {
            page.press(&letter.to_string());
        }
        let found = format!(
            "[...document.querySelectorAll('#mdbook-searchresults li')].some(found => found.textContent.toLowerCase().includes('{}'))",
            wanted.to_lowercase()
        );
        page.wait_for(&found);
    }
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
