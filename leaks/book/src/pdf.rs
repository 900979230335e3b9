//! The whole book as one PDF: a browser prints the page that has all pages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use workbook::problem::{Problem, Result};
use workbook::say;

/// Names under which systems install Chromium and Chrome.
const BROWSERS: [&str; 5] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
];

/// Prints the site's pages to a file, which is there whole or not at all.
pub(crate) fn print(site: &Path, file: &Path) -> Result<()> {
    let browser = browser()?;
    workbook::note!(format!(
        "Printing the book with {browser}. It takes some seconds."
    ));
    let printed = beside(file, "unfinished");
    let profile = site.with_file_name("book-printer");
    let ended = Command::new(browser)
        .args([
            "--headless",
            "--disable-gpu",
            "--no-first-run",
            "--no-pdf-header-footer",
        ])
        // Its sandbox can't be had by root, and what is printed is this book alone.
        .args(is_root().then_some("--no-sandbox"))
        .arg(joined("--user-data-dir=", &profile))
        .arg(joined(
            "--print-to-pdf=",
            &std::path::absolute(&printed).unwrap_or_else(|_| printed.clone()),
        ))
        .arg(joined("file://", &site.join("print.html")))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output();
    let _ = fs::remove_dir_all(&profile); // what the browser noted of itself
    let failed = |reason: String| {
        let _ = fs::remove_file(&printed);
        Problem::new(format!(
            "{browser} can't print the book to {}",
            say::path(file)
        ))
        .because(reason)
        .next("Try another folder, or open target/book/print.html in a browser and print it there.")
    };
    let ended = ended.map_err(|error| failed(error.to_string()))?;
    let is_pdf = fs::read(&printed).is_ok_and(|content| content.starts_with(b"%PDF-"));
    if !ended.status.success() || !is_pdf {
        let told = String::from_utf8_lossy(&ended.stderr);
        let last = told.lines().last().unwrap_or("it wrote no PDF");
        return Err(failed(last.to_owned()));
    }
    fs::rename(&printed, file).map_err(|error| Problem::file("write", file, &error))
}

fn browser() -> Result<&'static str> {
    let is_there = |name: &&str| {
        let version = Command::new(name)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        version.is_ok_and(|ended| ended.success())
    };
    BROWSERS.into_iter().find(is_there).ok_or_else(|| {
        Problem::new("no browser can be started to print the book")
            .because(format!("none of {} is in PATH", BROWSERS.join(", ")))
            .next("Install Chromium (Debian: apt-get install chromium), or run `leaks book --open` and print from your browser.")
    })
}

fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(end);
    file.with_file_name(name)
}

fn joined(option: &str, path: &Path) -> std::ffi::OsString {
    let mut argument = std::ffi::OsString::from(option);
    argument.push(path);
    argument
}

#[cfg(unix)]
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}
