//! A drill that is played to its end: what the page `drills` shows.

use super::driver::{Ran, Workbook};
use super::playing::Playing;
use super::{sheets, shown_within, without_machine};
use chapters::Figures;
use std::thread;
use std::time::Duration;

/// How long the service warms up before it is looked at.
const WARM: Duration = Duration::from_secs(12);

pub(crate) fn a_drill_to_its_end() {
    let sheet = sheets::with(1, "shown", "kept by Sessions::leave");
    let playing = Playing::start(Workbook::copy("shown-drill"), sheet.seed, 1);
    let root = playing.workbook.path("");
    let clean = |text: &str| {
        let text = text.replace(&format!("process {})", playing.process), "process N)");
        without_machine(&text, &root)
    };
    // What comes first is the same but for what chance chooses; all else has figures of its own each time.
    let show =
        |file: &str, text: &str, figures| shown_within("chapters", file, &clean(text), figures);
    show("drill-begins.txt", &playing.told, Figures::Exact);
    thread::sleep(WARM);
    let url = format!("http://{}", playing.debug);
    let look = playing.workbook.leaks(["triage", "--url", &url]);
    let look = look.exits(0).stdout();
    show(
        "drill-triage.txt",
        between(&look, "Verdict:", "The slowest growth"),
        Figures::Verdict,
    );
    let came = playing.profile("heap?seconds=15");
    let came = came.to_str().expect("letters");
    let top = playing.workbook.leaks(["top", came, "--limit", "4"]);
    show("drill-came.txt", &top.exits(0).stdout(), Figures::Verdict);
    let answer = |class: &str, site: &str, more: &[&str]| -> Ran {
        let typed = [
            "answer",
            "--class",
            class,
            "--site",
            site,
            "--evidence",
            came,
        ];
        playing.workbook.leaks([&typed[..], more].concat())
    };
    let wrong = answer("unbounded-queues", "Sessions::enter", &[]);
    show(
        "drill-wrong.txt",
        &wrong.exits(1).stdout(),
        Figures::Verdict,
    );
    let right = answer(
        "global-caches",
        "Sessions::enter",
        &["--holder", "by_client"],
    );
    show(
        "drill-right.txt",
        &right.exits(0).stdout(),
        Figures::Verdict,
    );
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let part = text.find(start).zip(text.find(end));
    let (start, end) = part.unwrap_or_else(|| panic!("no {start:?} and {end:?}:\n{text}"));
    &text[start..end]
}
