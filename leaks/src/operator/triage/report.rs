//! What a triage saw, for a person.

use super::load::OwnLoad;
use super::options::TriageArgs;
use crate::show::scale;
use crate::show::verdict::word;
use detectors::triage::{Container, Growth, Held, Moment, TriageEvidence};
use detectors::{Kind, Origin, Verdict};
use std::io::Write;
use workbook::problem::Result;
use workbook::say::{self, BOLD, DIM};

pub(super) fn print(
    evidence: &TriageEvidence,
    load: Option<&OwnLoad>,
    args: &TriageArgs,
    out: &mut dyn Write,
) -> Result<()> {
    let width = say::width();
    writeln!(out, "{BOLD}{}{BOLD:#}\n", evidence.name)?;
    windows(evidence, out)?;
    parts(evidence, out)?;
    let settle_by = evidence.settle_by.as_ref().map(|how| format!("{how}."));
    writeln!(out)?;
    word(
        evidence.verdict,
        evidence.verdict.definition(),
        &format!("{}.", evidence.because),
        settle_by.as_deref(),
        out,
    )?;
    for caveat in &evidence.caveats {
        write!(out, "{}", say::wrapped(caveat, "  ", width))?;
    }
    if !evidence.findings.is_empty() {
        writeln!(out, "\n{BOLD}What grows{BOLD:#}")?;
        for growth in &evidence.findings {
            writeln!(out, "  {growth}")?; // it may end with a place, which is never wrapped
        }
    }
    never_wake(evidence, out)?;
    if evidence.is_withheld {
        writeln!(out, "\n{BOLD}Withheld{BOLD:#}")?;
        let text = "Class, holder and line, also from --who-holds: whoever runs this service wants a person to find them. Profiles of \
            its debug port show lines.";
        write!(out, "{}", say::wrapped(text, "  ", width))?;
    }
    if let Some(load) = load {
        load.print(out)?;
    }
    if let Some(held) = &evidence.held {
        who_holds(held, out)?;
    }
    if let Some(class) = evidence.class {
        let text = format!("{class}: {}.", class.definition());
        write!(out, "\n{}", say::wrapped(&text, "", width))?;
        writeln!(out, "{DIM}Its page:{DIM:#} chapters/{class}/README.md")?;
    }
    if let Some(container) = &evidence.container {
        writeln!(out, "\n{BOLD}Container{BOLD:#}")?;
        for line in container.to_string().lines() {
            write!(out, "{}", say::wrapped(line, "  ", width))?;
        }
    }
    if let Some(squeezed) = &evidence.squeezed {
        writeln!(out, "\n{BOLD}Squeezed{BOLD:#}")?;
        write!(
            out,
            "{}",
            say::wrapped(&format!("{squeezed}."), "  ", width)
        )?;
    }
    reach(evidence, width, out)?;
    next(evidence, args, out)
}

/// Stuck tasks leak what they hold, however slowly they come: they are told beside each verdict.
fn never_wake(evidence: &TriageEvidence, out: &mut dyn Write) -> Result<()> {
    const PLACES_MAX: usize = 5;
    let stuck = evidence.never_wake.as_deref().unwrap_or_default();
    if stuck.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{BOLD}Tasks that can never wake{BOLD:#}")?;
    for place in stuck.iter().take(PLACES_MAX) {
        writeln!(out, "  {place}")?;
    }
    if let Some(more) = stuck.len().checked_sub(PLACES_MAX).filter(|more| *more > 0) {
        writeln!(out, "  and from {more} places more")?;
    }
    Ok(())
}

/// Each line that may end with a place is never wrapped.
fn who_holds(held: &Held, out: &mut dyn Write) -> Result<()> {
    let paused = format!("the service paused for {:.1} ms", held.paused_ms);
    writeln!(out, "\n{BOLD}Who holds it{BOLD:#} {DIM}({paused}){DIM:#}")?;
    for site in &held.by_site {
        writeln!(out, "  {}", site.site)?;
        for line in site.to_string().lines() {
            writeln!(out, "    {line}")?;
        }
    }
    Ok(())
}

/// A column of the table: its heading, and its cell.
type Column = (&'static str, fn(&Moment) -> Option<String>);

/// The floors of each window, in the columns that were read.
fn windows(evidence: &TriageEvidence, out: &mut dyn Write) -> Result<()> {
    fn memory(bytes: Option<u64>) -> Option<String> {
        Some(scale::bytes(bytes? as f64))
    }
    fn count(now: &Moment, kind: Kind) -> Option<String> {
        Some(now.counts.get(kind)?.to_string())
    }
    const COLUMNS: [Column; 15] = [
        ("resident", |now| memory(now.resident)),
        ("anonymous", |now| memory(now.anonymous)),
        ("lazily freed", |now| memory(now.lazily_freed)),
        ("files", |now| memory(now.files)),
        ("shared", |now| memory(now.shared)),
        ("tmpfs", |now| memory(now.tmpfs)),
        ("kernel", |now| memory(now.kernel)),
        ("page cache", |now| memory(now.page_cache)),
        ("working set", |now| memory(now.working_set)),
        ("live", |now| memory(now.live)),
        ("in tables", |now| memory(now.in_tables)),
        ("tasks", |now| count(now, Kind::Tasks)),
        ("sockets", |now| count(now, Kind::Sockets)),
        ("descriptors", |now| count(now, Kind::Descriptors)),
        ("threads", |now| count(now, Kind::Threads)),
    ];
    let spans = &evidence.readings;
    let Some(last) = spans.last() else {
        return Ok(());
    };
    let columns: Vec<Column> = COLUMNS
        .into_iter()
        .filter(|(_, cell)| cell(&last.floors).is_some_and(|text| text != "0 B"))
        .collect();
    writeln!(
        out,
        "{BOLD}Windows{BOLD:#} {DIM}(floor: the lowest in a window's second half){DIM:#}"
    )?;
    write!(out, "  {:>12}", "seconds")?;
    for (heading, _) in &columns {
        write!(out, "  {:>width$}", heading, width = heading.len().max(8))?;
    }
    writeln!(out)?;
    for span in spans {
        let seconds = format!("{:.1} .. {:.1}", span.from_seconds, span.to_seconds);
        write!(out, "  {seconds:>12}")?;
        for (heading, cell) in &columns {
            let width = heading.len().max(8);
            write!(out, "  {:>width$}", cell(&span.floors).unwrap_or_default())?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn parts(evidence: &TriageEvidence, out: &mut dyn Write) -> Result<()> {
    let whole: u64 = evidence.parts.iter().map(|part| part.bytes).sum();
    if whole == 0 {
        return Ok(());
    }
    let heading = match evidence.container {
        Some(_) => "Charged to the group at the end",
        None => "Resident memory at the end",
    };
    writeln!(out, "\n{BOLD}{heading}{BOLD:#}")?;
    for part in evidence.parts.iter().filter(|part| part.bytes > 0) {
        let share = 100.0 * part.bytes as f64 / whole as f64;
        writeln!(
            out,
            "  {:>9} {share:>5.1}%  {}",
            scale::bytes(part.bytes as f64),
            part.what
        )?;
    }
    Ok(())
}

/// What this look could have seen at all, and what it did not read.
fn reach(evidence: &TriageEvidence, width: usize, out: &mut dyn Write) -> Result<()> {
    let smallest = evidence.smallest.iter();
    let smallest: Vec<String> = smallest.map(ToString::to_string).collect();
    let smallest = smallest.join(", ");
    let reach = match evidence.verdict {
        Verdict::Leak => {
            format!("The slowest growth that this look could have told, each second: {smallest}.")
        }
        Verdict::Inconclusive => {
            format!(
                "Growth that is faster than this would have been told, each second: {smallest}."
            )
        }
        word => format!(
            "What {word} excludes is growth that is faster than this, each second: {smallest}. Slower growth takes a longer look."
        ),
    };
    write!(out, "\n{DIM}{}{DIM:#}", say::wrapped(&reach, "", width))?;
    for same in evidence.not_read.chunk_by(|a, b| a.why == b.why) {
        let kinds: Vec<String> = same
            .iter()
            .map(|not_read| match not_read.kind {
                Kind::Bytes => "live memory".to_owned(),
                kind => kind.to_string(),
            })
            .collect();
        let text = format!("Not read: {}, since {}.", kinds.join(", "), same[0].why);
        write!(out, "{DIM}{}{DIM:#}", say::wrapped(&text, "", width))?;
    }
    Ok(())
}

/// The process of a container that grew the most is the one to look at.
fn grew_most(container: &Container) -> Option<String> {
    let grown = container.processes.iter();
    let grown = grown.filter(|process| process.grew_by > 0);
    let most = grown.max_by_key(|process| process.grew_by)?;
    Some(format!("triage --pid {}", most.id))
}

fn next(evidence: &TriageEvidence, args: &TriageArgs, out: &mut dyn Write) -> Result<()> {
    let subject = args.again();
    let freed = evidence.timeline.last().and_then(|now| now.lazily_freed);
    let is_open = args.token_file.is_none() && args.token_variable.is_none();
    if let (Verdict::Retention, Some(url), true) = (evidence.verdict, &args.url, is_open) {
        let url = url.trim_end_matches('/');
        writeln!(
            out,
            "\n{DIM}Next:{DIM:#} curl -X POST {url}/freememory   # does the allocator give it back?"
        )?;
        return Ok(());
    }
    let step = match evidence.verdict {
        Verdict::Inconclusive => evidence
            .settle_seconds
            .map(|time| format!("{subject} --for {time}s")),
        Verdict::Leak => evidence.container.as_ref().and_then(grew_most),
        Verdict::Retention if args.pid.is_some() && !args.squeeze && freed > Some(0) => {
            Some(format!("{subject} --squeeze"))
        }
        _ => None,
    };
    if let Some(step) = step {
        writeln!(out, "\n{DIM}Next:{DIM:#} {}", say::command(&step))?;
    }
    match evidence.findings.iter().find_map(own_site) {
        Some(site) if evidence.verdict == Verdict::Leak => watch(site, out),
        _ => Ok(()),
    }
}

/// The place in the program's own code that makes what grows.
fn own_site(growth: &Growth) -> Option<&str> {
    let is_own = growth.origin.is_none_or(|origin| origin == Origin::Own);
    let is_made = matches!(growth.kind, Kind::Bytes | Kind::Blocks | Kind::Tasks);
    let site = growth.site.as_deref()?;
    (is_own && is_made && site.ends_with(')')).then_some(site)
}

/// The test to write, ready to paste; for a service in another language, what such a test does.
fn watch(site: &str, out: &mut dyn Write) -> Result<()> {
    let (function, place) = site.rsplit_once(" (").unwrap_or((site, ")"));
    let place = place.trim_end_matches(')');
    let place = place.rsplit_once('/').map_or(place, |(_, file)| file);
    if !place.contains(".rs:") {
        let text = format!(
            "Then a test of the service's own, in its language: it does what leads to {place} a hundred times, and a hundred times more, and \
             what grows here is the same after both."
        );
        write!(out, "\n{}", say::wrapped(&text, "", say::width()))?;
        return Ok(());
    }
    let path = function.replace("::{{closure}}", "");
    let parts: Vec<&str> = path.rsplit("::").take(2).collect();
    let name = parts
        .iter()
        .rev()
        .copied()
        .collect::<Vec<&str>>()
        .join("::");
    let is_of_name = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '_';
    let test: String = parts[0].chars().filter(is_of_name).collect();
    writeln!(
        out,
        "\n{DIM}Then a test that fails until it is mended, and never again, in tests/memory.rs:{DIM:#}
  detectors::memory_tests! {{
      fn {test}_is_steady() {{
          let watch = detectors::Watch::new(\"{name}\");
          watch.run(|| || todo!(\"do what leads to {place}\")).assert_steady();
      }}
  }}"
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::watch;

    #[test]
    fn a_test_to_paste_is_one_in_the_services_own_language() {
        let told = |site: &str| {
            let mut out = Vec::new();
            watch(site, &mut out).expect("a vector takes all");
            String::from_utf8(out).expect("letters")
        };
        let rust = told("shop::orders::keep::{{closure}} (src/orders.rs:7)");
        assert!(rust.contains("fn keep_is_steady()"), "{rust}");
        assert!(rust.contains("do what leads to orders.rs:7"), "{rust}");
        let go = told("main.wait (/shop/main.go:4)");
        assert!(go.contains("in its language"), "{go}");
        assert!(
            go.contains("main.go:4") && !go.contains("detectors"),
            "{go}"
        );
    }
}
