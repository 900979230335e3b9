//! What is explored: flame graphs, pages of memory, a leak beside noise, the tree of symptoms, the bar, the contents, the search.

use super::devtools::opened;
use super::{CHAPTER, TOO_WIDE, load_whole, site};

/// The widths of a flame graph's boxes that are shown.
const WIDTHS: &str = "[...document.querySelectorAll('.flames .frame')].filter(f => !f.hidden).map(f => f.style.width).join(' ')";

#[test]
fn a_flame_graph_is_explored_by_mouse() {
    let Some(mut page) = opened(1280, 900) else {
        return;
    };
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
    let Some(mut page) = opened(400, 800) else {
        return;
    };
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
    let Some(mut page) = opened(1280, 900) else {
        return;
    };
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
    let Some(mut page) = opened(1280, 900) else {
        return;
    };
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
    let Some(mut page) = opened(400, 800) else {
        return;
    };
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

/// Of the step that is shown: what the program did, and how many pages are there.
const STEP: &str = "[...document.querySelectorAll('.pages li')].filter(e => e.checkVisibility()).map(e => e.querySelector('p').firstChild.textContent.trim() + ': ' + e.querySelectorAll('i:not(.absent)').length).join(' / ')";

#[test]
fn pages_of_memory_are_stepped_through_by_mouse_and_by_keyboard() {
    let Some(mut page) = opened(400, 800) else {
        return;
    };
    page.load(&format!("{}how-memory-is-counted.html", site()));
    assert_eq!(page.value(STEP), "1. ask for eight blocks of 32 kB: 15");
    page.click(".pages .steps button:nth-child(2)");
    assert_eq!(page.value(STEP), "2. write to all of them: 64");
    page.press("Enter");
    assert_eq!(page.value(STEP), "3. drop every second one: 64");
    page.value("document.querySelector('.pages .steps button').focus(); true");
    page.press("Enter");
    assert_eq!(page.value(STEP), "2. write to all of them: 64");
    page.value("document.querySelector('.pages .steps button:nth-child(3)').focus(); true");
    page.press("Enter");
    let whole = page.value(STEP);
    assert_eq!(
        whole.as_str().map(|steps| steps.matches(" / ").count()),
        Some(9),
        "{whole}"
    );
    assert_eq!(page.faults(site()), Vec::<String>::new());

    page.scripts(false);
    page.load(&format!("{}how-memory-is-counted.html", site()));
    assert_eq!(
        page.value(STEP),
        whole,
        "without scripts all steps are there"
    );
}

/// Of the runs that are shown: the noise, and what the library said.
const RUN: &str = "[...document.querySelectorAll('.noise li')].filter(e => e.checkVisibility()).map(e => e.querySelector('.beside').textContent + ': ' + e.querySelector('.said strong').textContent).join(' / ')";

#[test]
fn the_noise_beside_a_leak_is_chosen_by_mouse_and_by_keyboard() {
    let Some(mut page) = opened(400, 800) else {
        return;
    };
    let address = format!("{}which-leak.html", site());
    page.load(&address);
    assert_eq!(page.value(RUN), "Nothing comes and goes: leak");
    let named = "document.querySelector('.noise input').labels[0].textContent";
    assert_eq!(page.value(named), "Noise");
    // The middle of a slider with six places: the third place, or the fourth.
    page.click(".noise input");
    let middle = page.value(RUN);
    assert!(
        middle
            .as_str()
            .is_some_and(|run| run.ends_with("00 entries come and go: inconclusive")),
        "{middle}"
    );
    assert_eq!(
        page.value("document.querySelector('.noise input').getAttribute('aria-valuetext')"),
        middle
    );
    page.press("Home");
    assert_eq!(page.value(RUN), "Nothing comes and goes: leak");
    page.press("ArrowRight");
    assert_eq!(
        page.value(RUN),
        "Up to 100 entries come and go: leak",
        "the verdict bears so much noise"
    );
    page.press("ArrowRight");
    assert_eq!(
        page.value(RUN),
        "Up to 1,000 entries come and go: inconclusive"
    );
    page.press("ArrowLeft");
    assert_eq!(page.value(RUN), "Up to 100 entries come and go: leak");
    assert_eq!(
        page.value("location.href").as_str(),
        Some(address.as_str()),
        "the arrows turned no page"
    );
    let all = |runs: &serde_json::Value| runs.as_str().map_or(0, |runs| runs.split(" / ").count());
    page.print(true);
    assert_eq!(all(&page.value(RUN)), 6, "on paper all runs are there");
    page.print(false);
    assert_eq!(all(&page.value(RUN)), 1);
    assert_eq!(page.faults(site()), Vec::<String>::new());

    page.scripts(false);
    page.load(&address);
    assert_eq!(all(&page.value(RUN)), 6, "without scripts as well");
    let wide = page.value(TOO_WIDE);
    assert_eq!(wide.as_array().map(Vec::len), Some(0), "{wide}");
}

#[test]
fn the_way_from_symptom_to_chapter_opens_step_by_step_with_scripts_and_without() {
    for scripts in [true, false] {
        let Some(mut page) = opened(400, 800) else {
            return;
        };
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
