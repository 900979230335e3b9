//! What is asked and played: predictions, questions, the incident.

use super::devtools::opened;
use super::{CHAPTER, IS_ASKED, SERIOUS, TOO_WIDE, axe, load_whole, site};

#[test]
fn a_chapter_is_predicted_by_mouse_then_seen() {
    let Some(mut page) = opened(1280, 900) else {
        return;
    };
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
    let Some(mut page) = opened(400, 800) else {
        return;
    };
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
    let Some(mut page) = opened(1280, 900) else {
        return;
    };
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

/// What a played incident says: what was looked at, and how each service ended.
const PLAYED: &str = "[...document.querySelectorAll('.play .looks h4, .play .service > .told')].map(e => e.textContent).filter(text => text).join(' / ')";

#[test]
fn the_incident_is_played_to_the_end_by_mouse() {
    let Some(mut page) = opened(1280, 900) else {
        return;
    };
    let axe = axe();
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
    let Some(mut page) = opened(400, 800) else {
        return;
    };
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
