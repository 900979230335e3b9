//! Pages of memory as cells: what an example program printed of its own, a letter for each page.

use super::html::Escaped;
use std::fmt::Write;

/// What each letter is in the look.
const LETTERS: [(char, &str); 4] = [
    ('#', "live"),
    ('o', "kept"),
    ('~', "freed-lazily"),
    ('.', "absent"),
];

/// A step of the program: what it did, and what was there then.
struct Step<'a> {
    did: &'a str,
    live: u64,
    resident: u64,
    lazily_freed: u64,
    letters: &'a str,
}

/// The cells of each step; `None` for what isn't such an output.
pub(super) fn draw(printed: &str) -> Option<String> {
    let (steps, legend) = printed.split_once("\n\n")?;
    let lines: Vec<&str> = steps.lines().skip(1).collect();
    let steps: Vec<Step<'_>> = lines.chunks(2).map(step).collect::<Option<_>>()?;
    if steps.is_empty() {
        return None;
    }
    let mut drawn = String::from("<figure class=\"pages\">\n<ol>\n");
    for step in &steps {
        let lazily = match step.lazily_freed {
            0 => String::new(),
            freed => format!(", {freed} kB of it freed lazily"),
        };
        let _ = writeln!(
            drawn,
            "<li><p>{} <span>{} kB live, {} kB resident{lazily}</span></p>{}</li>",
            Escaped(step.did),
            step.live,
            step.resident,
            cells(step.letters)?,
        );
    }
    drawn.push_str("</ol>\n<figcaption>A cell is a page of 4 kB.");
    for line in legend.lines() {
        let (letter, words) = line.split_once(' ')?;
        let class = class(letter.chars().next()?)?;
        let _ = write!(
            drawn,
            " <span class=\"of-page\"><i class=\"{class}\"></i> {}</span>",
            Escaped(words)
        );
    }
    drawn.push_str("</figcaption>\n</figure>");
    Some(drawn)
}

/// Two lines: `1. ask for memory   256   60   0`, and a letter for each page.
fn step<'a>(lines: &[&'a str]) -> Option<Step<'a>> {
    let [first, letters] = lines else {
        return None;
    };
    let (rest, lazily_freed) = figure_at_the_end(first)?;
    let (rest, resident) = figure_at_the_end(rest)?;
    let (did, live) = figure_at_the_end(rest)?;
    Some(Step {
        did,
        live,
        resident,
        lazily_freed,
        letters: letters.trim(),
    })
}

fn figure_at_the_end(line: &str) -> Option<(&str, u64)> {
    let (rest, figure) = line.trim_end().rsplit_once(' ')?;
    Some((rest.trim_end(), figure.parse().ok()?))
}

fn class(letter: char) -> Option<&'static str> {
    let mut known = LETTERS.into_iter();
    known
        .find(|(known, _)| *known == letter)
        .map(|(_, class)| class)
}

/// A cell for each letter, and in words how many there are of each kind. `None` where a letter has no meaning.
fn cells(letters: &str) -> Option<String> {
    let mut drawn = String::new();
    for letter in letters.chars() {
        let class = class(letter)?;
        let _ = write!(drawn, "<i class=\"{class}\"></i>");
    }
    let counts = LETTERS.iter().filter_map(|(letter, class)| {
        let count = letters.matches(*letter).count();
        (count > 0).then(|| format!("{count} {}", class.replace('-', " ")))
    });
    let told: Vec<String> = counts.collect();
    Some(format!(
        "<div class=\"cells\" role=\"img\" aria-label=\"{} pages: {}\">{drawn}</div>",
        letters.len(),
        told.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::draw;

    #[test]
    fn a_cell_for_each_page() {
        let printed = "kB   live  resident  lazily freed\n1. ask for <two>   8   4   0\n   #.\n2. free them   0   4   4\n   ~.\n\n# a live block lies there\n. no page & nothing\n";
        insta::assert_snapshot!(draw(printed).expect("two steps"), @r#"
        <figure class="pages">
        <ol>
        <li><p>1. ask for &lt;two&gt; <span>8 kB live, 4 kB resident</span></p><div class="cells" role="img" aria-label="2 pages: 1 live, 1 absent"><i class="live"></i><i class="absent"></i></div></li>
        <li><p>2. free them <span>0 kB live, 4 kB resident, 4 kB of it freed lazily</span></p><div class="cells" role="img" aria-label="2 pages: 1 freed lazily, 1 absent"><i class="freed-lazily"></i><i class="absent"></i></div></li>
        </ol>
        <figcaption>A cell is a page of 4 kB. <span class="of-page"><i class="live"></i> a live block lies there</span> <span class="of-page"><i class="absent"></i> no page &amp; nothing</span></figcaption>
        </figure>
        "#);
    }

    #[test]
    fn what_is_no_map_of_pages_is_not_drawn() {
        assert_eq!(draw("kB\n1. ask   8   4   0\n   #x\n\n# live\n"), None);
        assert_eq!(draw("kB\n1. ask for memory\n   ##\n\n# live\n"), None);
        assert_eq!(draw("one line\n"), None);
    }
}
