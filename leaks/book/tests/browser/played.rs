//! What is asked and played: predictions, questions, the incident.

use super::devtools::Page;
use super::devtools::opened;
use super::{CHAPTER, IS_ASKED, SERIOUS, TOO_WIDE, axe, load_whole, real_root, site};
use std::fs;

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

/// The second service's bench, button by button: what it says, what it costs, and the file that the run left for it. For two of them there
/// is none, and the page says why.
const BENCH: [(&str, u32, Option<&str>); 14] = [
    ("Ask the machine, not monitoring", 5, Some("control-02.txt")),
    ("Heap profile, by space", 15, Some("control-03.txt")),
    ("Heap profile, by objects", 15, Some("control-04.txt")),
    ("The socket table", 10, Some("control-05.txt")),
    ("The task profile", 10, Some("control-06.txt")),
    ("Ask the runtime to collect", 5, Some("control-07.txt")),
    ("Wait", 10, Some("control-08.txt")),
    ("Load, pause, load again", 20, Some("control-09.txt")),
    ("Ask for the memory back", 5, Some("control-11.txt")),
    (
        "Another configuration: MADV_FREE, and a squeeze",
        45,
        Some("control-12.txt"),
    ),
    ("Another configuration: decay by time", 0, None),
    ("Two services side by side", 0, None),
    ("Live memory beside resident", 1, None),
    ("Triage under load, with the sites", 5, Some("step-15.txt")),
];

/// What a run of the incident left.
fn on_record(file: &str) -> String {
    let folder = real_root().join("chapters/the-incident/shown");
    fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Each instrument was turned on the second service: it shows, below its name, what the run left, or words.
fn looked_at_all_of_the_second(page: &mut Page) {
    let looks = page.value(
        "[...[...document.querySelectorAll('.play .service')].at(-1).querySelectorAll('.looks > li')].map(e => [e.querySelector('h4').textContent, e.textContent, e.children.length])",
    );
    let looks = looks.as_array().cloned().unwrap_or_default();
    assert_eq!(looks.len(), BENCH.len());
    for ((what, _, file), look) in BENCH.iter().zip(looks) {
        assert_eq!(look[0], *what);
        let shown = look[1].as_str().unwrap_or_default();
        let recorded = file.map(on_record).unwrap_or_default();
        for line in recorded.lines() {
            assert!(shown.contains(line), "{what} doesn't show: {line}");
        }
        assert!(look[2].as_u64() > Some(1), "{what} shows nothing");
    }
}

#[test]
fn without_javascript_the_incident_says_everything() {
    let Some(mut page) = opened(400, 800) else {
        return;
    };
    page.scripts(false);
    page.load(&format!("{}the-incident/index.html", site()));
    assert_eq!(
        page.value("document.querySelector('section.play').offsetParent"),
        serde_json::Value::Null,
        "nothing is offered that can't be played"
    );
    let said = page.value("document.querySelector('main').textContent");
    let said = said.as_str().unwrap_or_default();
    let steps = (1..=15).map(|number| format!("step-{number:02}.txt"));
    let looks = BENCH.iter().filter_map(|(_, _, file)| *file);
    for file in steps.chain(looks.map(str::to_owned)) {
        for line in on_record(&file).lines() {
            assert!(said.contains(line), "{file}: {line}");
        }
    }
    let wide = page.value(TOO_WIDE);
    assert_eq!(wide.as_array().map(Vec::len), Some(0), "{wide}");
}

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
    for (place, (what, minutes, _)) in (1..).zip(BENCH) {
        let button = format!(".play .service:last-of-type .bench button:nth-child({place})");
        assert_eq!(
            page.value(&format!("document.querySelector('{button}').textContent")),
            format!("{what} ({minutes} min)")
        );
        page.click(&button);
        assert_eq!(page.value("document.activeElement.textContent"), what);
    }
    looked_at_all_of_the_second(&mut page);
    page.value("[...document.querySelectorAll('.play select')].at(-1).value = 'leak'; true");
    page.click(".play .service:last-of-type .commit");
    let looks = BENCH.map(|(what, ..)| what).join(" / ");
    let minutes: u32 = BENCH.iter().map(|(_, minutes, _)| minutes).sum();
    assert_eq!(
        page.value(PLAYED),
        format!(
            "Heap profile, by space / Load, pause, load again / The instrument said retention. You said leak, after 35 minutes. / \
             {looks} / The instrument said leak. You said the same, after {minutes} minutes."
        )
    );
    let paths = page.value(
        "[...document.querySelectorAll('.play .paths ol')].map(e => e.children.length).join(' ')",
    );
    assert_eq!(paths, format!("{} 10", 4 + BENCH.len()));
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
    // Of the first service the verdict at once, of the second all instruments before it. The next stop after the verdict commits.
    for verdict in ["retention", "leak"] {
        if verdict == "leak" {
            for (place, (what, ..)) in BENCH.iter().enumerate() {
                page.value(&format!("[...document.querySelectorAll('.play .service')].at(-1).querySelectorAll('.bench button')[{place}].focus(); true"));
                page.press("Enter");
                assert_eq!(page.value("document.activeElement.textContent"), *what);
            }
            looked_at_all_of_the_second(&mut page);
        }
        page.value("[...document.querySelectorAll('.play select:enabled')].at(-1).focus(); true");
        for letter in verdict.chars() {
            page.press(&letter.to_string());
        }
        assert_eq!(page.value("document.activeElement.value"), verdict);
        page.press("Tab");
        page.press("Enter");
    }
    let played = page.value(PLAYED);
    let played = played.as_str().unwrap_or_default();
    assert!(
        played.starts_with(
            "The instrument said retention. You said the same, after 0 minutes. / Ask the machine,"
        ),
        "{played}"
    );
    assert!(
        played.ends_with("The instrument said leak. You said the same, after 146 minutes."),
        "{played}"
    );
    assert_eq!(
        page.value("document.activeElement.textContent"),
        "Two paths"
    );
    assert_eq!(page.faults(site()), Vec::<String>::new());
}
