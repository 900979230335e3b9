//! Where the workbook lies, and its chapters in their order.

use crate::problem::{Problem, Result};
use crate::{files, say};
use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use std::path::{Path, PathBuf};

/// The workbook's folder and its chapters, in the book's order.
#[derive(Debug)]
pub struct Workspace {
    /// The folder that holds `chapters/`, `target/` and the state.
    pub root: PathBuf,
    /// The chapters with an exercise, as `chapters/SUMMARY.md` orders them.
    pub chapters: Vec<Chapter>,
}

/// One chapter: a folder with a page, a crate and an exercise.
#[derive(Debug, Clone)]
pub struct Chapter {
    /// The folder's, the package's and the class' name.
    pub name: String,
    /// The page's title in the summary.
    pub title: String,
    /// `chapters/<name>`.
    pub folder: PathBuf,
}

impl Workspace {
    /// Finds the workbook around the current folder; else the one that this command was built from.
    pub fn find() -> Result<Self> {
        let here = std::env::current_dir().map_err(|error| {
            Problem::new("can't tell the current folder")
                .because(error)
                .next("Change to a folder that exists.")
        })?;
        let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
        let root = here
            .ancestors()
            .chain(built_from)
            .find(|folder| folder.join("chapters/SUMMARY.md").is_file());
        match root {
            Some(root) => Self::at(root),
            None => Err(
                Problem::new(format!("no workbook at or above {}", here.display()))
                    .because("none of these folders holds chapters/SUMMARY.md")
                    .next("Change to the folder that you cloned the workbook into."),
            ),
        }
    }

    /// Reads the chapters of the workbook at `root`.
    pub fn at(root: &Path) -> Result<Self> {
        let summary_file = root.join("chapters/SUMMARY.md");
        let summary = files::read(&summary_file)?;
        let chapters: Vec<Chapter> = links(&summary)
            .into_iter()
            .filter_map(|(title, page)| {
                let name = page.parent()?.to_str()?;
                let folder = root.join("chapters").join(name);
                let is_chapter = page.ends_with("README.md")
                    && !name.is_empty()
                    && folder.join("Cargo.toml").is_file();
                is_chapter.then(|| Chapter {
                    name: name.to_owned(),
                    title,
                    folder,
                })
            })
            .collect();
        if chapters.is_empty() {
            return Err(
                Problem::new(format!("{} names no chapter", summary_file.display()))
                    .because("it links to no folder with a README.md and a Cargo.toml")
                    .next("Restore it: git checkout chapters/SUMMARY.md"),
            );
        }
        Ok(Workspace {
            root: root.to_owned(),
            chapters,
        })
    }

    /// The chapter of this name. An unknown name is answered with the nearest ones.
    pub fn chapter(&self, name: &str) -> Result<&Chapter> {
        let known = self.chapters.iter().find(|chapter| chapter.name == name);
        known.ok_or_else(|| {
            let nearest = nearest(name, self.chapters.iter().map(|chapter| &*chapter.name));
            let next = match nearest.as_slice() {
                [] => format!("See all chapters: {}", say::command("list")),
                near => format!("Did you mean {}?", near.join(" or ")),
            };
            Problem::new(format!("no chapter is named `{name}`")).next(next)
        })
    }

    /// The chapter of this name; without one, the chapter whose folder the reader stands in. `command` is what was asked of it.
    pub fn chapter_or_here(&self, name: Option<&str>, command: &str) -> Result<&Chapter> {
        match name {
            Some(name) => self.chapter(name),
            None => self.chapter_here().ok_or_else(|| {
                let name = self
                    .chapters
                    .first()
                    .map_or("CHAPTER", |first| &*first.name);
                Problem::new(format!("{command}: of which chapter?"))
                    .because("the current folder is no chapter's")
                    .next(format!(
                        "Name it: {}. Or change into its folder. All chapters: {}",
                        say::command(&format!("{command} {name}")),
                        say::command("list")
                    ))
            }),
        }
    }

    /// The chapter whose folder the reader stands in.
    pub fn chapter_here(&self) -> Option<&Chapter> {
        let here = std::env::current_dir().ok()?;
        self.chapter_around(&here)
    }

    fn chapter_around(&self, folder: &Path) -> Option<&Chapter> {
        // A link may lead here.
        let resolved = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let folder = resolved(folder);
        let mut chapters = self.chapters.iter();
        chapters.find(|chapter| folder.starts_with(resolved(&chapter.folder)))
    }

    /// Where a chapter's artefacts go unless `--out` says otherwise.
    pub fn artefacts_of(&self, chapter: &Chapter) -> PathBuf {
        self.root.join("target/leaks").join(&chapter.name)
    }
}

impl Chapter {
    /// The learner's file.
    pub fn exercise(&self) -> PathBuf {
        self.folder.join("src/exercise.rs")
    }

    /// The exercise as it was shipped.
    pub fn as_shipped(&self) -> PathBuf {
        self.folder.join("solution/as-shipped.rs")
    }

    /// The author's solution.
    pub fn solved(&self) -> PathBuf {
        self.folder.join("solution/solved.rs")
    }

    /// The hints, separated by lines of `---`.
    pub fn hints(&self) -> PathBuf {
        self.folder.join("solution/hints.md")
    }
}

/// Title and path of every page that the summary links to, in order.
fn links(summary: &str) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let mut link: Option<(String, PathBuf)> = None;
    for event in Parser::new(summary) {
        match event {
            Event::Start(Tag::Link { dest_url, .. }) => {
                link = Some((String::new(), PathBuf::from(&*dest_url)));
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some((title, _)) = &mut link {
                    title.push_str(&text);
                }
            }
            Event::End(TagEnd::Link) => found.extend(link.take()),
            _ => {}
        }
    }
    found
}

/// The names that are close to a mistyped one: nearest first, at most three.
pub fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    // Half the letters may differ: a mistyped or half-remembered name, but not another word.
    const ALIKE: f64 = 0.5;
    let mut near: Vec<_> = names
        .map(|name| {
            let alike = strsim::normalized_damerau_levenshtein(typed, name);
            // `subslices` names one chapter to a person, far as it is in letters.
            let part = !typed.is_empty() && name.contains(typed);
            (if part { 1.0 } else { alike }, name)
        })
        .filter(|(alike, _)| *alike >= ALIKE)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.into_iter()
        .take(3)
        .map(|(_, name)| name.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 3] = ["retained-subslices", "reference-cycles", "global-caches"];

    #[test]
    fn a_slip_of_the_fingers_finds_its_chapter() {
        assert_eq!(
            nearest("retained-subslcies", NAMES.into_iter()),
            ["retained-subslices"]
        );
    }

    #[test]
    fn a_part_of_a_name_finds_its_chapter() {
        assert_eq!(nearest("cycles", NAMES.into_iter()), ["reference-cycles"]);
    }

    #[test]
    fn another_word_finds_nothing() {
        assert!(nearest("xyzzy", NAMES.into_iter()).is_empty());
        assert!(nearest("", NAMES.into_iter()).is_empty());
    }

    #[test]
    fn chapters_are_those_with_a_crate_in_the_order_of_the_summary() {
        let root = tempfile::tempdir().expect("a scratch folder");
        for name in ["second", "first"] {
            let folder = root.path().join("chapters").join(name);
            std::fs::create_dir_all(&folder).expect("a chapter's folder");
            std::fs::write(folder.join("Cargo.toml"), "").expect("a manifest");
        }
        std::fs::write(
            root.path().join("chapters/SUMMARY.md"),
            "# Summary\n\n[Start](README.md)\n\n- [One](first/README.md)\n  - [Two](second/README.md)\n- [No crate](page/README.md)\n",
        )
        .expect("a summary");
        let workspace = Workspace::at(root.path()).expect("a workbook");
        let names: Vec<_> = workspace.chapters.iter().map(|c| &*c.name).collect();
        assert_eq!(names, ["first", "second"]);
        assert_eq!(workspace.chapters[0].title, "One");
        let around = |folder: &str| {
            let found = workspace.chapter_around(&root.path().join(folder));
            found.map(|chapter| chapter.name.clone())
        };
        assert_eq!(around("chapters/second").as_deref(), Some("second"));
        std::fs::create_dir(root.path().join("chapters/first/src")).expect("a folder");
        assert_eq!(around("chapters/first/src").as_deref(), Some("first"));
        assert_eq!(around("chapters"), None);
        assert_eq!(around("chapters/first-and-more"), None);
    }
}
