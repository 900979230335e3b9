//! Flame graphs that follow the reader's light or dark theme.
//!
//! The root is at the top, as in the web view of Go's pprof, whose users these profiles are for: a
//! reader starts at `main` and reads down to what allocated.
//!
//! Drawn here rather than by a library, since a label must be short and its tooltip whole, and
//! since a page may hold several: no ids, no script, no style that reaches beyond the drawing.

mod label;
mod tree;

pub(super) use label::without_arguments;

use std::fmt::{self, Write};

use self::tree::{Node, Tree};
use super::top::program;
use super::units::{Amounts, percentage};
use super::{Profile, ProfileError};

/// What [`Profile::flamegraph`] draws.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlamegraphOptions {
    /// Which values are the widths; the profile's default when `None`.
    pub sample_type: Option<String>,
    /// The heading; names the program when `None`.
    pub title: Option<String>,
    /// Where the drawing goes.
    pub style: FlamegraphStyle,
}

impl FlamegraphOptions {
    /// Takes these values for the widths: `inuse_objects`.
    #[must_use]
    pub fn sample_type(mut self, sample_type: impl Into<String>) -> Self {
        self.sample_type = Some(sample_type.into());
        self
    }

    /// Takes this heading.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Draws for this place.
    #[must_use]
    pub fn style(mut self, style: FlamegraphStyle) -> Self {
        self.style = style;
        self
    }
}

/// Where a flame graph goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlamegraphStyle {
    /// A file of its own: follows the system's theme, and frames answer to the pointer.
    #[default]
    Standalone,
    /// Markup to put into a page: takes the page's text colour, and disturbs nothing around it.
    Inline,
}

// Pixels of the drawing at its natural size.
const WIDTH: f64 = 1200.0;
const MARGIN: f64 = 10.0;
const ROW: f64 = 18.0;
const HEAD: f64 = 52.0;
/// Monospaced characters at the labels' size of 12.
const CHARACTER: f64 = 7.25;
/// Narrower frames could not be seen, and a large profile has very many of them.
const FRAME_WIDTH_MIN: f64 = 0.4;
/// Deeper frames are left out: no reader gets there, and a hostile file could ask for millions.
const DEPTH_MAX: usize = 200;

/// Hues of the frames, one per crate. At a third of full strength over any background, the page's
/// own text colour stays readable on them.
const FILLS: [&str; 7] = [
    "#e8590c", "#f59f00", "#e03131", "#d6336c", "#ca8a04", "#c2410c", "#b45309",
];
const FILL_OPACITY: &str = "0.36";

pub(super) fn draw(
    profile: &Profile,
    index: usize,
    options: &FlamegraphOptions,
) -> Result<String, ProfileError> {
    let sample_type = profile.sample_types().swap_remove(index);
    let tree = Tree::new(profile, index, DEPTH_MAX);
    if tree.root().value <= 0 {
        return Err(ProfileError::NothingToDraw {
            input: profile.name.clone(),
            sample_type: sample_type.name,
        });
    }
    let drawing = Drawing {
        title: options.title.clone().unwrap_or_else(|| heading(profile)),
        sample_type: sample_type.name,
        amounts: Amounts::each(&sample_type.unit),
        tree,
        style: options.style,
    };
    let mut svg = String::new();
    drawing
        .write(&mut svg)
        .expect("writing to a string doesn't fail");
    Ok(svg)
}

fn heading(profile: &Profile) -> String {
    match program(profile) {
        Some(program) => format!("Flame graph of {}", program.trim_matches(['[', ']'])),
        None => "Flame graph".to_owned(),
    }
}

struct Drawing<'a> {
    title: String,
    sample_type: String,
    amounts: Amounts,
    tree: Tree<'a>,
    style: FlamegraphStyle,
}

/// A node's place: its left edge and width in pixels, and its row from the top.
struct Place<'t, 'a> {
    node: &'t Node<'a>,
    left: f64,
    width: f64,
    row: usize,
}

impl Drawing<'_> {
    fn write(&self, svg: &mut String) -> fmt::Result {
        let places = self.places();
        let rows = places.iter().map(|place| place.row + 1).max().unwrap_or(0);
        let height = HEAD + rows as f64 * ROW + MARGIN;
        let size = match self.style {
            FlamegraphStyle::Standalone => {
                format!(r##"width="{WIDTH}" height="{height}" color="#1f2328""##)
            }
            FlamegraphStyle::Inline => r#"width="100%""#.to_owned(),
        };
        writeln!(
            svg,
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {size} role="img" aria-label="{}" fill="currentColor" font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="12">"#,
            Xml(&self.title)
        )?;
        if self.style == FlamegraphStyle::Standalone {
            // The system's colours, so that the drawing also suits a browser in the dark.
            writeln!(
                svg,
                "<style>:root {{ color-scheme: light dark; color: CanvasText; max-width: 100%; height: auto }} \
                 g:hover > rect {{ fill-opacity: 0.65 }}</style>"
            )?;
        }
        writeln!(
            svg,
            r#"<text x="{MARGIN}" y="20" font-size="15" font-weight="bold">{}</text>"#,
            Xml(&self.title)
        )?;
        writeln!(
            svg,
            r#"<text x="{MARGIN}" y="40" opacity="0.75">{}</text>"#,
            Xml(&self.summary())
        )?;
        for place in &places {
            self.frame(svg, place)?;
        }
        svg.push_str("</svg>\n");
        Ok(())
    }

    fn summary(&self) -> String {
        let mut summary = format!(
            "{}: {} in total. A frame is as wide as its share; what it called hangs below it.",
            self.sample_type,
            self.amounts.format(self.tree.root().value)
        );
        if self.tree.shrunk > 0 {
            let shrunk = self.amounts.format(self.tree.shrunk);
            let _ = write!(
                summary,
                " Only growth is drawn; {shrunk} less elsewhere isn't."
            );
        }
        if self.tree.too_deep {
            let _ = write!(summary, " The deepest frames are left out.");
        }
        summary
    }

    /// Every frame that is wide enough to be seen, parents before children.
    fn places(&self) -> Vec<Place<'_, '_>> {
        let scale = (WIDTH - 2.0 * MARGIN) / self.tree.root().value as f64;
        let mut places = Vec::new();
        let mut pending = vec![(self.tree.root(), MARGIN, 0)];
        while let Some((node, left, row)) = pending.pop() {
            let width = node.value as f64 * scale;
            if width < FRAME_WIDTH_MIN {
                continue;
            }
            let mut child_left = left;
            let mut children = Vec::new();
            for &child in node.children.values() {
                let child = self.tree.node(child);
                children.push((child, child_left, row + 1));
                child_left += child.value as f64 * scale;
            }
            pending.extend(children.into_iter().rev());
            places.push(Place {
                node,
                left,
                width,
                row,
            });
        }
        places
    }

    fn frame(&self, svg: &mut String, place: &Place<'_, '_>) -> fmt::Result {
        let Place {
            node,
            left,
            width,
            row,
        } = place;
        let top = HEAD + *row as f64 * ROW;
        let name = if node.name.is_empty() {
            "<unknown>"
        } else {
            node.name
        };
        write!(
            svg,
            r#"<g><title>{}: {}, {}</title><rect x="{left:.1}" y="{top}" width="{:.1}" height="{}" rx="1" "#,
            Xml(name),
            self.amounts.format(node.value),
            percentage(node.value, self.tree.root().value).trim_start(),
            // A gap between neighbours, unless it would eat the frame.
            if *width > 2.0 { width - 1.0 } else { *width },
            ROW - 1.0,
        )?;
        if *row == 0 {
            svg.push_str(r#"fill-opacity="0.12"/>"#);
        } else {
            write!(
                svg,
                r#"fill="{}" fill-opacity="{FILL_OPACITY}"/>"#,
                fill(name)
            )?;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small positive count of characters"
        )]
        let room = ((width - 8.0) / CHARACTER).max(0.0) as usize;
        if let Some(label) = label::fitting(name, room) {
            write!(
                svg,
                r#"<text x="{:.1}" y="{}">{}</text>"#,
                left + 4.0,
                top + 13.0,
                Xml(&label)
            )?;
        }
        svg.push_str("</g>\n");
        Ok(())
    }
}

/// One colour per crate, or per package: frames of the same origin look alike.
fn fill(name: &str) -> &'static str {
    let origin = name
        .trim_start_matches(['<', '&', '_'])
        .split([':', '.', '<', ' '])
        .next()
        .unwrap_or_default();
    // FNV-1a, since the standard library's hash may change between versions.
    let hash = origin.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    FILLS[hash as usize % FILLS.len()]
}

/// Text as XML holds it; characters that XML can't hold become a replacement mark.
struct Xml<'a>(&'a str);

impl fmt::Display for Xml<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\u{fffe}' | '\u{ffff}' => f.write_char('\u{fffd}')?,
                other if other.is_control() => f.write_char('\u{fffd}')?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}
