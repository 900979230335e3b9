//! What mdBook lets pass and a reader would stumble over: includes that came out empty, dead links, and questions that ask of nothing.

use crate::questions;
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::LazyLock;
use workbook::files;
use workbook::problem::{Problem, Result};

/// Where the addresses outside of the book are recorded.
const OUTSIDE: &str = "leaks/book/outside-addresses.txt";

/// One thing wrong with a page.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fault {
    /// The page's source, as the reader would type it.
    page: String,
    /// The line in the page; 0 where the page doesn't say it in so many words.
    line: usize,
    what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.page, self.line.max(1), self.what)
    }
}

/// Checks the pages in `source` and the site that was built from them.
pub(crate) fn check(source: &Path, site: &Path) -> Result<Vec<Fault>> {
    let mut faults = Vec::new();
    let mut stems = BTreeSet::new();
    let site = Site::read(site)?;
    for page in pages(source)? {
        let text = files::read(&page)?;
        let name = workbook::say::path(&page);
        let folder = page.parent().unwrap_or(source);
        let asked = questions::faults(&text, folder, &mut stems);
        for (line, what) in includes(&text, folder).into_iter().chain(asked) {
            faults.push(Fault {
                page: name.clone(),
                line,
                what,
            });
        }
        let Ok(relative) = page.strip_prefix(source) else {
            continue;
        };
        for (line, what) in site.wrong_sums(&built_name(relative), &text) {
            faults.push(Fault {
                page: name.clone(),
                line,
                what,
            });
        }
        for (target, what) in site.dead_links(&built_name(relative)) {
            faults.push(Fault {
                page: name.clone(),
                line: line_of(&text, &target),
                what,
            });
        }
    }
    let list = source.join("..").join(OUTSIDE);
    faults.extend(site.unknown_addresses(&files::read(&list)?));
    faults.sort();
    Ok(faults)
}

/// The Markdown files that can be pages: not those in a chapter's `solution/`, `src/` or `tests/`.
fn pages(source: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![source.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).map_err(|error| Problem::file("read", &folder, &error))?;
        for entry in entries.flatten() {
            let path = entry.path();
            let name = entry.file_name();
            let hidden = name.to_string_lossy().starts_with('.');
            if path.is_dir() {
                let code = ["solution", "src", "tests", "target"]
                    .iter()
                    .any(|n| name == *n);
                if !hidden && !code {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Where mdBook puts a page: `README.md` becomes the folder's `index.html`.
fn built_name(page: &Path) -> PathBuf {
    if page.file_stem().is_some_and(|stem| stem == "README") {
        page.with_file_name("index.html")
    } else {
        page.with_extension("html")
    }
}

/// Every include of a page that comes out empty, with its line and the reason.
fn includes(text: &str, folder: &Path) -> Vec<(usize, String)> {
    static INCLUDE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(\\?)\{\{\s*#(?:include|rustdoc_include|playground)\s+([^}\s]+)[^}]*\}\}")
            .expect("a valid expression")
    });
    let mut faults = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for found in INCLUDE
            .captures_iter(line)
            .filter(|found| found[1].is_empty())
        {
            let mut parts = found[2].splitn(2, ':');
            let file = parts.next().unwrap_or_default();
            let what = match fs::read_to_string(folder.join(file)) {
                Err(error) => Some(format!("includes {file}, which can't be read: {error}")),
                Ok(included) => parts
                    .next()
                    .and_then(|part| empty_part(&included, part))
                    .map(|why| format!("includes {file}, but {why}")),
            };
            faults.extend(what.map(|what| (number + 1, what)));
        }
    }
    faults
}

/// Why a part of a file (`anchor`, or lines `from:to`) comes out empty; `None` where it doesn't.
fn empty_part(included: &str, part: &str) -> Option<String> {
    let lines: Vec<_> = included.lines().collect();
    let numeric = part
        .split(':')
        .all(|bound| bound.is_empty() || bound.parse::<usize>().is_ok());
    if numeric {
        let mut bounds = part.split(':').map(|bound| bound.parse::<usize>().ok());
        let from = bounds.next().flatten().unwrap_or(1);
        return (from == 0 || from > lines.len())
            .then(|| format!("it has {} lines, and none is number {from}", lines.len()));
    }
    let mark = |word: &str| {
        let marked = format!("{word}: {part}");
        lines.iter().position(|line| {
            line.split_once(&marked).is_some_and(|(_, rest)| {
                !rest.starts_with(|c: char| c.is_alphanumeric() || "-_".contains(c))
            })
        })
    };
    match (mark("ANCHOR"), mark("ANCHOR_END")) {
        (None, _) => Some(format!("it has no `ANCHOR: {part}`")),
        (_, None) => Some(format!("it has no `ANCHOR_END: {part}`")),
        (Some(start), Some(end)) if end <= start + 1 => {
            Some(format!("nothing lies between the marks of `{part}`"))
        }
        _ => None,
    }
}

/// The line of a page that names a link's target. The built link says `.html` where the page says `.md`.
fn line_of(text: &str, target: &str) -> usize {
    let written = target.replace("index.html", "README").replace(".html", "");
    let line = |wanted: &str| {
        text.lines().position(|line| {
            line.contains(&format!("]({wanted}"))
                || line.contains(&format!("\"{wanted}"))
                || line.contains(&format!("]: {wanted}"))
        })
    };
    line(target)
        .or_else(|| line(&written))
        .map_or(0, |position| position + 1)
}

/// The built pages: what each offers to link to, and what it links to.
struct Site {
    root: PathBuf,
    pages: BTreeMap<PathBuf, Page>,
}

struct Page {
    ids: BTreeSet<String>,
    links: Vec<String>,
    /// Minutes as the author added them up, and as they are.
    sums: Vec<(String, String)>,
}

impl Site {
    fn read(root: &Path) -> Result<Self> {
        // Only inside a tag: in text, `<` is written `&lt;`.
        static ATTRIBUTE: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(r#"<[a-zA-Z][^<>]*?\s(href|src|id|poster|data)="[^<>]*>"#)
                .expect("a valid expression")
        });
        static VALUE: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(r#"\s(href|src|id|poster|data)="([^"]*)""#).expect("a valid expression")
        });
        static SUM: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(r#"<span data-written="(\d+)">(\d+)</span>"#).expect("a valid expression")
        });
        let mut pages = BTreeMap::new();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            let entries =
                fs::read_dir(&folder).map_err(|error| Problem::file("read", &folder, &error))?;
            for entry in entries.flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                if path.extension().is_none_or(|extension| extension != "html") {
                    continue;
                }
                let html = files::read(&path)?;
                let sums = SUM.captures_iter(&html);
                let mut page = Page {
                    ids: BTreeSet::new(),
                    links: Vec::new(),
                    sums: sums
                        .map(|sum| (sum[1].to_owned(), sum[2].to_owned()))
                        .collect(),
                };
                for tag in ATTRIBUTE.find_iter(&html) {
                    for value in VALUE.captures_iter(tag.as_str()) {
                        let text = value[2].replace("&amp;", "&");
                        if &value[1] == "id" {
                            page.ids.insert(text);
                        } else {
                            page.links.push(text);
                        }
                    }
                }
                if let Ok(relative) = path.strip_prefix(root) {
                    pages.insert(relative.to_owned(), page);
                }
            }
        }
        Ok(Site {
            root: root.to_owned(),
            pages,
        })
    }

    /// The addresses outside of the book that aren't on the list of those that somebody looked at, and those on it that nobody needs.
    fn unknown_addresses(&self, list: &str) -> Vec<Fault> {
        let known: BTreeSet<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
        let mut used = BTreeSet::new();
        let mut faults = Vec::new();
        for (page, Page { links, .. }) in &self.pages {
            if page.ends_with("print.html") {
                continue;
            }
            for link in links
                .iter()
                .filter(|link| link.starts_with("http") && !link.starts_with("http://127.0.0.1"))
            {
                used.insert(link.as_str());
                if !known.contains(link.as_str()) {
                    faults.push(Fault {
                        page: format!("target/book/{}", page.display()),
                        line: 0,
                        what: format!(
                            "links to {link}, which isn't in {OUTSIDE}: look at it, and add it"
                        ),
                    });
                }
            }
        }
        let unused = known.difference(&used).map(|address| Fault {
            page: OUTSIDE.to_owned(),
            line: list
                .lines()
                .position(|line| line == *address)
                .map_or(0, |at| at + 1),
            what: format!("has {address}, and no page links to it"),
        });
        faults.extend(unused);
        faults
    }

    /// The minutes that a page's author added up wrongly, or that have changed since.
    fn wrong_sums(&self, name: &Path, text: &str) -> Vec<(usize, String)> {
        let sums = self.pages.get(name).into_iter().flat_map(|page| &page.sums);
        sums.filter(|(written, real)| written != real)
            .map(|(written, real)| {
                let written_as = format!("{written} minutes <!--");
                let line = text.lines().position(|line| line.contains(&written_as));
                (
                    line.map_or(0, |at| at + 1),
                    format!("says {written} minutes of pages that take {real}"),
                )
            })
            .collect()
    }

    /// The links of one page that lead nowhere, each with what is wrong.
    fn dead_links(&self, name: &Path) -> Vec<(String, String)> {
        let Some(page) = self.pages.get(name) else {
            return Vec::new();
        };
        let folder = name.parent().unwrap_or(Path::new(""));
        let mut dead: Vec<_> = page
            .links
            .iter()
            .filter(|link| !leaves_the_site(link))
            .filter_map(|link| Some((link.clone(), self.why_dead(name, folder, link)?)))
            .collect();
        dead.sort();
        dead.dedup();
        dead
    }

    fn why_dead(&self, page: &Path, folder: &Path, link: &str) -> Option<String> {
        let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
        let path = path.split('?').next().unwrap_or_default();
        let target = if path.is_empty() {
            page.to_owned()
        } else {
            let Some(target) = resolved(folder, path) else {
                return Some(format!("links to {link}, which lies outside the book"));
            };
            if path.ends_with('/') || self.root.join(&target).is_dir() {
                target.join("index.html")
            } else {
                target
            }
        };
        if !self.root.join(&target).is_file() {
            return Some(format!("links to {link}, which the book doesn't have"));
        }
        let has_anchor = anchor.is_empty()
            || self
                .pages
                .get(&target)
                .is_none_or(|page| page.ids.contains(anchor));
        (!has_anchor).then(|| format!("links to {link}, but that page has no `#{anchor}`"))
    }
}

/// Whether a link has a scheme (`https:`, `mailto:`, `data:`) or a host.
fn leaves_the_site(link: &str) -> bool {
    let scheme = link.split_once(':').is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    });
    scheme || link.starts_with("//")
}

/// A link's path inside the site; `None` where it climbs out.
fn resolved(folder: &Path, link: &str) -> Option<PathBuf> {
    let mut target = folder.to_owned();
    for part in Path::new(link).components() {
        match part {
            Component::Normal(name) => target.push(name),
            Component::ParentDir if !target.pop() => return None,
            Component::RootDir | Component::Prefix(_) => target = PathBuf::new(),
            Component::ParentDir | Component::CurDir => {}
        }
    }
    Some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_include_that_comes_out_empty_is_found() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        std::fs::write(
            folder.path().join("code.rs"),
            "// ANCHOR: kept\nlet a = 1;\n// ANCHOR_END: kept\n// ANCHOR: hollow\n// ANCHOR_END: hollow\n// ANCHOR: open\n",
        )
        .expect("writable");
        let page = "{{#include code.rs}}\n{{#include code.rs:kept}}\n{{#include code.rs:2:3}}\n\\{{#include gone.rs}}\n\
            {{#include gone.rs}}\n{{#include code.rs:kep}}\n{{#include code.rs:hollow}}\n{{#rustdoc_include code.rs:open}}\n{{#include code.rs:9:}}\n";
        let found: Vec<_> = includes(page, folder.path())
            .into_iter()
            .map(|(line, what)| format!("{line}: {what}\n"))
            .collect();
        insta::assert_snapshot!(found.concat(), @r"
        5: includes gone.rs, which can't be read: No such file or directory (os error 2)
        6: includes code.rs, but it has no `ANCHOR: kep`
        7: includes code.rs, but nothing lies between the marks of `hollow`
        8: includes code.rs, but it has no `ANCHOR_END: open`
        9: includes code.rs, but it has 6 lines, and none is number 9
        ");
    }

    #[test]
    fn an_address_that_nobody_looked_at_is_told_and_one_that_nobody_needs() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        std::fs::write(
            folder.path().join("a.html"),
            "<a href=\"https://a.example/x\">a</a> <a href=\"https://b.example/\">b</a> <span data-written=\"3\">4</span>",
        )
        .expect("writable");
        let site = Site::read(folder.path()).expect("readable");
        let faults =
            site.unknown_addresses("# Looked at.\nhttps://a.example/x\nhttps://c.example/\n");
        let faults: Vec<String> = faults.iter().map(|fault| format!("{fault}\n")).collect();
        insta::assert_snapshot!(faults.concat(), @r"
        target/book/a.html:1: links to https://b.example/, which isn't in leaks/book/outside-addresses.txt: look at it, and add it
        leaks/book/outside-addresses.txt:3: has https://c.example/, and no page links to it
        ");
        assert_eq!(
            site.wrong_sums(Path::new("a.html"), "\n3 minutes <!-- of x.md -->"),
            [(2, "says 3 minutes of pages that take 4".to_owned())]
        );
    }

    #[test]
    fn pages_and_links_find_their_place_in_the_site() {
        assert_eq!(
            built_name(Path::new("a/README.md")),
            Path::new("a/index.html")
        );
        assert_eq!(built_name(Path::new("a/more.md")), Path::new("a/more.html"));
        assert_eq!(
            resolved(Path::new("a"), "../b/x.svg"),
            Some("b/x.svg".into())
        );
        assert_eq!(resolved(Path::new("a"), "../../b"), None);
        assert!(leaves_the_site("https://example.org"));
        assert!(!leaves_the_site("../b/#what:how"));
    }
}
