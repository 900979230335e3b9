//! Looks for tests that would never run: `#[test]` functions in a file that brings its own harness.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::path::{Path, PathBuf};

/// Where [`tests!`](crate::tests) stands.
#[derive(Debug, Clone, Copy)]
pub struct SourceFile {
    /// As `file!()` gives it: from the workspace's root, which isn't known here.
    pub path: &'static str,
    /// The package's folder; `None` when something other than cargo compiles the file.
    pub package: Option<&'static str>,
}

impl SourceFile {
    /// Which tests of the file never run; `None` when there are none, or when the file isn't there any more.
    pub(super) fn complaint(self) -> Option<String> {
        let source = std::fs::read_to_string(self.find()?).ok()?;
        let lines: Vec<String> = never_run(&source)
            .into_iter()
            .map(|line| format!("{}:{line}", self.path))
            .collect();
        (!lines.is_empty()).then(|| {
            format!(
                "a #[test] beside detectors::tests! never runs, since this file brings its own harness: {}\n\
                 Move it into detectors::tests! {{ .. }}, without its #[test], or into a file of its own.",
                lines.join(", ")
            )
        })
    }

    /// The workspace's root is the package's folder or lies above it.
    fn find(self) -> Option<PathBuf> {
        Path::new(self.package?)
            .ancestors()
            .map(|folder| folder.join(self.path))
            .find(|file| file.is_file())
    }
}

/// The lines of attributes named `test`, by whatever path. Empty for what isn't Rust.
fn never_run(source: &str) -> Vec<usize> {
    let mut lines = Vec::new();
    if let Ok(tokens) = source.parse() {
        collect(tokens, &mut lines);
    }
    lines
}

fn collect(tokens: TokenStream, lines: &mut Vec<usize>) {
    let mut after_hash = false;
    for token in tokens {
        if let TokenTree::Group(group) = &token {
            if after_hash && group.delimiter() == Delimiter::Bracket && is_test(group.stream()) {
                lines.push(group.span_open().start().line);
            }
            collect(group.stream(), lines);
        }
        after_hash = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '#');
    }
}

/// Whether an attribute's path ends with `test`: `test`, `tokio::test(flavor = "multi_thread")`.
fn is_test(attribute: TokenStream) -> bool {
    let mut last = None;
    for token in attribute {
        match token {
            TokenTree::Ident(name) => last = Some(name),
            TokenTree::Punct(punct) if punct.as_char() == ':' => {}
            _ => break,
        }
    }
    last.is_some_and(|name| name == "test")
}

#[cfg(test)]
mod tests {
    use super::never_run;

    #[test]
    fn only_attributes_count() {
        let source = r##"
            // #[test] in a comment
            /* #[test]
               #[test] */
            const TEXT: &str = "#[test]";
            const RAW: &str = r#"
                #[test]
            "#;
            #[cfg(test)]
            mod inner {
                #[test] // line 11
                fn never() {}

                #[tokio::test(flavor = "multi_thread")] // line 14
                async fn never_either() {}
            }
            #[testimony] fn fine() {}
        "##;
        assert_eq!(never_run(source), [11, 14]);
        assert!(never_run("no Rust: \"").is_empty());
    }
}
