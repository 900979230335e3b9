//! One leak beside more and more noise: a drawing for each run that an example program recorded, and what the library said of it.

use super::html::{Escaped, bytes, grouped};
use mdbook_driver::errors::{Error, Result};
use serde::Deserialize;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// A run beside so much noise.
#[derive(Debug, Deserialize)]
pub(super) struct Run {
    /// Entries that came and went with an iteration, at most.
    noise: u64,
    verdict: String,
    because: String,
    iterations: u64,
    windows: Vec<Window>,
    /// The least and the most of live memory in stretches of one length.
    live: Vec<(i64, i64)>,
}

/// A window's first and last iteration, and its floor.
#[derive(Debug, Deserialize)]
struct Window(u64, u64, i64);

/// The runs whose table lies in this file; `None` where it is another file.
pub(super) fn beside(text: &Path) -> Result<Option<Vec<Run>>> {
    if text.file_name().is_none_or(|name| name != "noise.txt") {
        return Ok(None);
    }
    let file = text.with_extension("json");
    let Ok(json) = fs::read_to_string(&file) else {
        return Ok(None);
    };
    let runs = serde_json::from_str(&json).map_err(|error| {
        Error::msg(format!(
            "can't read the runs in {}: {error}",
            workbook::say::path(&file)
        ))
    })?;
    Ok(Some(runs))
}

/// All of the runs, one below the other. The page's script shows one at a time.
pub(super) fn draw(runs: &[Run]) -> String {
    let mut drawn = String::from("<figure class=\"floors noise\">\n<ol>\n");
    for run in runs {
        let verdict = Escaped(&run.verdict);
        let heading = match run.noise {
            0 => "Nothing comes and goes".to_owned(),
            noise => format!("Up to {} entries come and go", grouped(noise)),
        };
        let _ = writeln!(
            drawn,
            "<li class=\"{verdict}\"><p class=\"beside\">{heading}</p>\n{}<p class=\"said\"><strong>{verdict}</strong> {}</p></li>",
            plane(run),
            Escaped(&run.because),
        );
    }
    drawn.push_str(
        "</ol>\n<figcaption>The band is live memory, from its least to its most. A column is a window, and the line in its second half is its \
         floor. Each run is drawn to the height of its own peak.</figcaption>\n</figure>",
    );
    drawn
}

/// Live memory, the windows and their floors.
fn plane(run: &Run) -> String {
    let peak = run.live.iter().map(|(_, most)| *most).max();
    let peak = peak.unwrap_or(1).max(1);
    let x = |iteration: f64| iteration / run.iterations.max(1) as f64 * 100.0;
    let y = |live: i64| 100.0 - live as f64 / peak as f64 * 100.0;
    let mut columns = String::new();
    let mut floors = String::new();
    for (number, Window(from, to, floor)) in run.windows.iter().enumerate() {
        let (begin, end) = (x(*from as f64), x(*to as f64));
        let middle = begin.midpoint(end);
        if number % 2 == 0 {
            let width = end - begin;
            let _ = write!(
                columns,
                "<rect x=\"{begin:.2}\" width=\"{width:.2}\" height=\"100\"/>"
            );
        }
        let y = y(*floor);
        let _ = write!(floors, "M{middle:.2} {y:.1}H{end:.2}");
    }
    let told: Vec<String> = (run.windows.iter())
        .map(|window| bytes(window.2 as f64))
        .collect();
    let last = run.windows.last().map_or(0, |window| window.2);
    // Above the line, live memory goes up and down: a figure is read better below it.
    let side = if y(last) < 80.0 { "below" } else { "above" };
    format!(
        "<div class=\"plane\" role=\"img\" aria-label=\"The floors of {} windows: {}; live memory at most: {}\">\
         <svg viewBox=\"0 0 100 100\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><g class=\"columns\">{columns}</g>\
         <path class=\"live\" d=\"{}\"/><path class=\"floor\" d=\"{floors}\"/></svg>\
         <b class=\"{side}\" style=\"top:{:.1}%\">{}</b></div>\n\
         <div class=\"along\" aria-hidden=\"true\"><span>0</span><span>iterations</span><span>{}</span></div>\n",
        run.windows.len(),
        told.join(", "),
        bytes(peak as f64),
        band(&run.live, y),
        y(last),
        bytes(last as f64),
        grouped(run.iterations),
    )
}

/// Along the most of each stretch, and back along the least.
fn band(live: &[(i64, i64)], y: impl Fn(i64) -> f64) -> String {
    let x = |stretch: usize| stretch as f64 / live.len() as f64 * 100.0;
    let mut path = String::new();
    for (stretch, (_, most)) in live.iter().enumerate() {
        let begin = if stretch == 0 { "M0 " } else { "V" };
        let _ = write!(path, "{begin}{:.1}H{:.2}", y(*most), x(stretch + 1));
    }
    for (stretch, (least, _)) in live.iter().enumerate().rev() {
        let _ = write!(path, "V{:.1}H{:.2}", y(*least), x(stretch));
    }
    path + "Z"
}

#[cfg(test)]
mod tests {
    use super::{Run, beside, draw};
    use std::path::Path;

    #[test]
    fn a_drawing_for_each_run() {
        let recorded = r#"[
            { "noise": 0, "verdict": "leak", "because": "96 bytes <stay>", "iterations": 40,
              "windows": [[10, 20, 1024], [20, 40, 2048]], "live": [[0, 1024], [1024, 4096]] },
            { "noise": 1000, "verdict": "inconclusive", "because": "it rose & fell", "iterations": 20,
              "windows": [[10, 20, 512]], "live": [[512, 8192]] }
        ]"#;
        let runs: Vec<Run> = serde_json::from_str(recorded).expect("two runs");
        insta::assert_snapshot!(draw(&runs), @r#"
        <figure class="floors noise">
        <ol>
        <li class="leak"><p class="beside">Nothing comes and goes</p>
        <div class="plane" role="img" aria-label="The floors of 2 windows: 1 KiB, 2 KiB; live memory at most: 4 KiB"><svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true"><g class="columns"><rect x="25.00" width="25.00" height="100"/></g><path class="live" d="M0 75.0H50.00V0.0H100.00V75.0H50.00V100.0H0.00Z"/><path class="floor" d="M37.50 75.0H50.00M75.00 50.0H100.00"/></svg><b class="below" style="top:50.0%">2 KiB</b></div>
        <div class="along" aria-hidden="true"><span>0</span><span>iterations</span><span>40</span></div>
        <p class="said"><strong>leak</strong> 96 bytes &lt;stay&gt;</p></li>
        <li class="inconclusive"><p class="beside">Up to 1,000 entries come and go</p>
        <div class="plane" role="img" aria-label="The floors of 1 windows: 512 bytes; live memory at most: 8 KiB"><svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true"><g class="columns"><rect x="50.00" width="50.00" height="100"/></g><path class="live" d="M0 0.0H100.00V93.8H0.00Z"/><path class="floor" d="M75.00 93.8H100.00"/></svg><b class="above" style="top:93.8%">512 bytes</b></div>
        <div class="along" aria-hidden="true"><span>0</span><span>iterations</span><span>20</span></div>
        <p class="said"><strong>inconclusive</strong> it rose &amp; fell</p></li>
        </ol>
        <figcaption>The band is live memory, from its least to its most. A column is a window, and the line in its second half is its floor. Each run is drawn to the height of its own peak.</figcaption>
        </figure>
        "#);
    }

    #[test]
    fn a_record_that_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let text = folder.path().join("noise.txt");
        assert!(beside(&text).expect("nothing recorded").is_none());
        std::fs::write(text.with_extension("json"), "[{}]").expect("writable");
        let told = beside(&text).expect_err("no run").to_string();
        assert!(told.contains("noise.json: missing field"), "{told}");
        assert!(beside(Path::new("other.txt")).expect("another").is_none());
    }
}
