//! What figures look like, compared with pictures on record, within a tolerance.
//!
//! `REFRESH=1 cargo test -p leaks-book --test browser pictures` writes the pictures instead of comparing them. Look at each before you keep it.

use super::devtools::{Page, opened};
use super::{load_whole, real_root};
use std::fs;
use std::io::Cursor;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A figure's name, its page, the element, and what is done to the element first.
const FIGURES: [(&str, &str, &str, &str); 6] = [
    ("plot", "global-caches/index.html", "figure.plot", ""),
    ("owners", "global-caches/index.html", "figure.owners", ""),
    (
        "flames",
        "retained-subslices/index.html",
        "figure.flames",
        "",
    ),
    ("incident", "the-incident/index.html", ".timeline", ""),
    (
        "pages",
        "how-memory-is-counted.html",
        "figure.pages",
        "for (let step = 1; step < 4; step++) figure.querySelectorAll('button')[1].click()",
    ),
    (
        "noise",
        "which-leak.html",
        "figure.noise",
        "const slider = figure.querySelector('input'); slider.value = 4; slider.oninput()",
    ),
];

/// Pictures of half the size are compared in squares of so many pixels: smaller than what a reader looks for, and larger than a letter's edge.
const CELL: usize = 6;

/// How much a cell's colour may differ, of 255.
///
/// Two runs differ by 0. Letters that are drawn otherwise, as another browser may do it, differ by at most 12, and everything half a pixel
/// further by 5 to 14. What should be told: a line's colour that is another one's gives 15 to 68, a missing line 16 to 58, a label 8
/// pixels further 16 to 41. What isn't: a plot's faint grid (3), an edge of one pixel between two colours (11), a label 4 pixels further
/// in a plot (7).
const DIFFERENCE_MAX: f64 = 14.0;

/// How much half of a width or a height may differ: a browser of another version may round lines otherwise.
const PIXELS_MAX: usize = 2;

/// The pictures' fonts on a page: each system has others for the book's own names. Debian's fontconfig brings these.
const FONTS: &str = "document.documentElement.style = '--label-font: \"DejaVu Sans\"; --mono-font: \"DejaVu Sans Mono\"'; true";

/// Whether they are installed: what takes their place has letters of another width.
const HAS_FONTS: &str = "(() => {
    const pen = document.createElement('canvas').getContext('2d');
    const width = (font) => { pen.font = `20px ${font}`; return pen.measureText('windows and floors').width; };
    return width('\"DejaVu Sans\", monospace') !== width('monospace') && width('\"DejaVu Sans Mono\", serif') !== width('serif');
})()";

/// Where the pictures on record lie.
fn on_record() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/pictures")
}

#[test]
fn figures_look_like_their_pictures() {
    let Some(mut page) = opened_with_fonts() else {
        return;
    };
    let mut differing = Vec::new();
    for (name, address, selector, first) in FIGURES {
        alone(&mut page, address, selector, first);
        for theme in ["light", "dark"] {
            page.prefer(theme);
            page.wait_for(&format!(
                "getComputedStyle(document.documentElement).colorScheme === '{theme}'"
            ));
            let file = on_record().join(format!("{name}-{theme}.png"));
            let taken = page.picture_of(selector);
            if std::env::var_os("REFRESH").is_some() {
                fs::create_dir_all(on_record()).expect("a writable workbook");
                fs::write(&file, Picture::read(&taken).half().as_png())
                    .expect("a writable workbook");
                continue;
            }
            let known = fs::read(&file).unwrap_or_default();
            if let Err(why) = compared(&known, &taken) {
                let now = real_root().join(format!("target/pictures/{name}-{theme}.png"));
                fs::create_dir_all(now.parent().expect("a folder")).expect("a writable target");
                fs::write(&now, taken).expect("a writable target");
                let known = file.strip_prefix(real_root()).unwrap_or(&file);
                differing.push(format!(
                    "{}: {why}. Now: {}",
                    known.display(),
                    now.display()
                ));
            }
        }
    }
    assert!(
        differing.is_empty(),
        "{}\nIf the change is meant: REFRESH=1 cargo test -p leaks-book --test browser pictures",
        differing.join("\n")
    );
}

/// A window with the pictures' fonts; `None` where there is no browser, or where the fonts aren't installed.
fn opened_with_fonts() -> Option<Page> {
    let mut page = opened(700, 900)?;
    let has_fonts = page.value(HAS_FONTS) == true;
    assert!(
        has_fonts || std::env::var_os("CI").is_none(),
        "CI has the fonts of the pictures: fonts-dejavu-core"
    );
    if !has_fonts {
        eprintln!("not tested: the pictures of figures, since DejaVu's fonts aren't installed");
        return None;
    }
    Some(page)
}

/// Loads a page, and leaves one figure of it to be seen: what stands around may reach into its box. The figure begins at a whole pixel,
/// whatever the text above comes to.
fn alone(page: &mut Page, address: &str, selector: &str, first: &str) {
    load_whole(page, address);
    page.value(FONTS);
    page.value(&format!(
        "(() => {{ const figure = document.querySelector({selector:?}); document.body.style.visibility = 'hidden'; \
         figure.style.visibility = 'visible'; {first}; const top = figure.getBoundingClientRect().y + scrollY; \
         document.body.style.paddingTop = `${{Math.ceil(top) - top}}px`; return true; }})()"
    ));
}

#[test]
fn a_wrong_colour_a_missing_line_and_a_moved_label_are_told() {
    let Some(mut page) = opened_with_fonts() else {
        return;
    };
    let (_, address, selector, first) = FIGURES[5];
    page.prefer("light");
    alone(&mut page, address, selector, first);
    let known = Picture::read(&page.picture_of(selector)).half().as_png();
    page.value("document.head.append(Object.assign(document.createElement('style'), { id: 'change' })); true");
    for (style, is_told) in [
        ("", false),
        (".noise .floor { stroke: var(--links) }", true),
        (".noise .floor { stroke: none }", true),
        (".noise .said { position: relative; left: 8px }", true),
        (".noise .along { display: none }", true),
    ] {
        page.value(&format!(
            "document.getElementById('change').textContent = {style:?}; true"
        ));
        let taken = page.picture_of(selector);
        let told = compared(&known, &taken);
        assert_eq!(told.is_err(), is_told, "{style:?}: {told:?}");
    }
}

/// Whether two pictures look alike, or why not.
fn compared(known: &[u8], taken: &[u8]) -> Result<(), String> {
    if known.is_empty() {
        return Err("there is no picture".to_owned());
    }
    let (known, taken) = (Picture::read(known), Picture::read(taken).half());
    let off = |known: usize, taken: usize| known.abs_diff(taken) > PIXELS_MAX;
    if off(known.width, taken.width) || off(known.height, taken.height) {
        return Err(format!(
            "it was {} by {} pixels, and is {} by {}",
            known.width, known.height, taken.width, taken.height
        ));
    }
    let (difference, x, y) = known.difference(&taken);
    if difference > DIFFERENCE_MAX {
        return Err(format!(
            "{CELL} pixels by {CELL} differ by {difference:.1} of 255 at {x}, {y} of half the size, where {DIFFERENCE_MAX} may be"
        ));
    }
    Ok(())
}

/// Pixels without transparency.
struct Picture {
    width: usize,
    height: usize,
    /// Red, green and blue, row by row.
    colours: Vec<[u8; 3]>,
}

impl Picture {
    fn read(png: &[u8]) -> Self {
        let mut decoder = png::Decoder::new(Cursor::new(png));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().expect("a PNG");
        let mut bytes = vec![0; reader.output_buffer_size().expect("a size")];
        let info = reader.next_frame(&mut bytes).expect("a picture");
        let channels = info.color_type.samples();
        assert!(channels >= 3, "a browser's pictures have colours");
        let pixels = bytes[..info.buffer_size()].chunks_exact(channels);
        Picture {
            width: info.width as usize,
            height: info.height as usize,
            colours: pixels.map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect(),
        }
    }

    /// In half of its width and height: what is on record is small so, and letters' edges are blurred.
    fn half(&self) -> Picture {
        let (width, height) = (self.width / 2, self.height / 2);
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x * 2, y * 2)));
        let colours = places.map(|(x, y)| {
            let (sums, count) = self.sums(x..x + 2, y..y + 2);
            sums.map(|sum| u8::try_from((sum + count / 2) / count).expect("a mean of bytes"))
        });
        Picture {
            width,
            height,
            colours: colours.collect(),
        }
    }

    fn as_png(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let [width, height] =
            [self.width, self.height].map(|pixels| u32::try_from(pixels).expect("a window's size"));
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_compression(png::Compression::High);
        let mut writer = encoder.write_header().expect("a size");
        let pixels = self.colours.as_flattened();
        writer.write_image_data(pixels).expect("all pixels");
        writer.finish().expect("all of it");
        bytes
    }

    /// The largest difference of a cell's mean colour, and where that cell begins. A cell may have moved by a pixel of these.
    fn difference(&self, other: &Picture) -> (f64, usize, usize) {
        let mut largest = (0.0, 0, 0);
        for y in (0..self.height).step_by(CELL) {
            for x in (0..self.width).step_by(CELL) {
                let here = self.mean(x..x + CELL, y..y + CELL);
                let moved = [0, 1, 2].map(|right| [0, 1, 2].map(|down| (x + right, y + down)));
                let differences = moved.as_flattened().iter().map(|(x, y)| {
                    let (x, y) = (x.saturating_sub(1), y.saturating_sub(1));
                    let there = other.mean(x..x + CELL, y..y + CELL);
                    let apart = here
                        .into_iter()
                        .zip(there)
                        .map(|(one, two)| (one - two).abs());
                    apart.sum::<f64>() / 3.0
                });
                let difference = differences.fold(f64::INFINITY, f64::min);
                if difference > largest.0 {
                    largest = (difference, x, y);
                }
            }
        }
        largest
    }

    fn mean(&self, columns: Range<usize>, rows: Range<usize>) -> [f64; 3] {
        let (sums, count) = self.sums(columns, rows);
        sums.map(|sum| f64::from(sum) / f64::from(count))
    }

    /// The sum of each colour over a part, as far as the part lies within the picture, and of how many pixels. At least the last one.
    fn sums(&self, columns: Range<usize>, rows: Range<usize>) -> ([u32; 3], u32) {
        let within = |part: Range<usize>, end: usize| part.start.min(end - 1)..part.end.min(end);
        let (columns, rows) = (within(columns, self.width), within(rows, self.height));
        let (mut sums, mut count) = ([0; 3], 0);
        for row in rows {
            for pixel in &self.colours[row * self.width..][columns.clone()] {
                for (sum, value) in sums.iter_mut().zip(pixel) {
                    *sum += u32::from(*value);
                }
                count += 1;
            }
        }
        (sums, count)
    }
}
