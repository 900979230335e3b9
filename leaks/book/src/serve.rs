//! The site on the reader's own machine, built again when a page changes.

use crate::build::{Built, build};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::{Router, routing};
use notify::{RecursiveMode, Watcher};
use std::convert::Infallible;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Component, Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use tokio::sync::watch;
use tokio_stream::{StreamExt, wrappers::WatchStream};
use workbook::BookArgs;
use workbook::problem::{Problem, Result};
use workbook::{Ending, say};

/// Asks for the page again once the book was built again. It is added while serving, and is in no built file.
const RELOAD: &str =
    r#"<script>new EventSource("/.rebuilt").onmessage = () => location.reload();</script>"#;

/// An editor writes a file in several steps. What follows this closely belongs to the same save.
const QUIET: Duration = Duration::from_millis(100);

/// Builds, then serves until Ctrl-C. Only this machine can reach it.
pub(super) fn serve(root: &Path, args: &BookArgs, out: &mut dyn Write) -> Result<Ending> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::new("can't start the book's server").because(error))?;
    let built = build(root)?;
    tell(&built);
    runtime.block_on(async {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
        let listener = tokio::net::TcpListener::bind(address)
            .await
            .map_err(|error| {
                Problem::new(format!("can't serve the book on {address}"))
                    .because(error)
                    .next("Choose another port with --port N; 0 takes any that is free.")
            })?;
        let address = listener
            .local_addr()
            .map_err(|error| Problem::new("can't tell the server's port").because(error))?;
        let (rebuilt, seen) = watch::channel(0_u64);
        // Held until the end: dropping it ends the watch.
        let _watcher = rebuild_on_change(root, rebuilt)?;
        let url = format!("http://{address}/");
        writeln!(out, "The book is at {url}   (Ctrl-C ends)")?;
        out.flush()?;
        if args.open
            && let Err(error) = open::that_detached(&url)
        {
            workbook::note!(format!(
                "can't open a browser: {error}\n  Open it yourself: {url}"
            ));
        }
        let router = Router::new()
            .route("/.rebuilt", routing::get(rebuilds))
            .fallback(routing::get(file))
            .with_state(Site {
                folder: built.site,
                seen,
            });
        tokio::select! {
            served = axum::serve(listener, router) => {
                served.map_err(|error| Problem::new("the book's server ended").because(error))?;
            }
            _ = tokio::signal::ctrl_c() => {}
        }
        Ok(Ending::AsWanted)
    })
}

fn tell(built: &Built) {
    for fault in &built.faults {
        workbook::note!(format!("{}warning:{:#} {fault}", say::DOUBT, say::DOUBT));
    }
}

/// Builds again after each change below `chapters/`, of the book's look and of `book.toml`.
fn rebuild_on_change(root: &Path, rebuilt: watch::Sender<u64>) -> Result<impl Watcher + use<>> {
    let failed =
        |error: notify::Error| Problem::new("can't watch the pages for changes").because(error);
    let (tell_change, changes) = mpsc::channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading a file is an event too, and the build reads them all.
        if event.is_ok_and(|event| !event.kind.is_access()) {
            let _ = tell_change.send(());
        }
    })
    .map_err(failed)?;
    watcher
        .watch(&root.join("chapters"), RecursiveMode::Recursive)
        .map_err(failed)?;
    watcher
        .watch(&root.join("leaks/book/theme"), RecursiveMode::Recursive)
        .map_err(failed)?;
    watcher
        .watch(&root.join("book.toml"), RecursiveMode::NonRecursive)
        .map_err(failed)?;
    let root = root.to_owned();
    // Ends by itself: when the watcher is dropped, its end of the channel is gone.
    thread::spawn(move || {
        while changes.recv().is_ok() {
            while changes.recv_timeout(QUIET).is_ok() {}
            match build(&root) {
                Ok(built) => {
                    tell(&built);
                    rebuilt.send_modify(|builds| *builds += 1);
                    workbook::note!("built again");
                }
                Err(problem) => {
                    workbook::note!(format!("{}error:{:#} {problem}", say::BAD, say::BAD));
                }
            }
        }
    });
    Ok(watcher)
}

#[derive(Clone)]
struct Site {
    folder: PathBuf,
    seen: watch::Receiver<u64>,
}

/// One event for each build from now on.
async fn rebuilds(State(site): State<Site>) -> impl IntoResponse {
    let builds = WatchStream::from_changes(site.seen)
        .map(|build| Ok::<_, Infallible>(Event::default().data(build.to_string())));
    Sse::new(builds).keep_alive(KeepAlive::default())
}

/// One file of the site.
async fn file(State(site): State<Site>, request: Request) -> Response {
    let path = request.uri().path();
    let Some(mut file) = inside(&site.folder, path) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if file.is_dir() {
        // Links on the page are relative to its folder, which only the trailing slash makes it.
        if !path.ends_with('/') {
            return Redirect::permanent(&format!("{path}/")).into_response();
        }
        file.push("index.html");
    }
    let Ok(content) = tokio::fs::read(&file).await else {
        return not_found(&site.folder).await;
    };
    if file
        .extension()
        .is_some_and(|extension| extension == "html")
    {
        return Html(with_reload(&content)).into_response();
    }
    let kind = mime_guess::from_path(&file).first_or_octet_stream();
    ([(header::CONTENT_TYPE, kind.to_string())], content).into_response()
}

async fn not_found(folder: &Path) -> Response {
    let page = tokio::fs::read(folder.join("404.html"))
        .await
        .unwrap_or_default();
    (StatusCode::NOT_FOUND, Html(with_reload(&page))).into_response()
}

fn with_reload(page: &[u8]) -> String {
    let page = String::from_utf8_lossy(page);
    match page.rsplit_once("</body>") {
        Some((before, after)) => format!("{before}{RELOAD}</body>{after}"),
        None => format!("{page}{RELOAD}"),
    }
}

/// The file that a request's path names; `None` where it would leave the site.
fn inside(folder: &Path, path: &str) -> Option<PathBuf> {
    let mut file = folder.to_owned();
    for part in Path::new(path.trim_start_matches('/')).components() {
        match part {
            Component::Normal(name) => file.push(name),
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_site() {
        let site = Path::new("/site");
        assert_eq!(inside(site, "/a/b.svg"), Some("/site/a/b.svg".into()));
        assert_eq!(
            inside(site, "//etc/passwd"),
            Some("/site/etc/passwd".into())
        );
        assert_eq!(inside(site, "/../secret"), None);
        assert_eq!(inside(site, "/a/../../secret"), None);
    }

    #[test]
    fn a_served_page_asks_to_be_reloaded() {
        let page = with_reload(b"<body>text</body></html>");
        assert_eq!(page, format!("<body>text{RELOAD}</body></html>"));
    }
}
