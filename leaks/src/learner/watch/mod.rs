//! `leaks watch`: checks the exercise again on every save. On a terminal with keys; without one as a plain loop.

mod live;
mod page;
mod plain;
mod save;
mod screen;
mod view;
mod work;

use super::state::State;
use clap::Args;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use workbook::Ending;
use workbook::problem::{Problem, Result};
use workbook::signals;
use workbook::workspace::{Chapter, Workspace};

/// What `leaks watch` takes.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// The chapter's name; without one, the chapter whose folder you stand in, else the first that isn't passed
    chapter: Option<String>,
}

/// How often the exercise's file is looked at: a save is seen within two looks.
const LOOK_EVERY: Duration = Duration::from_millis(30);

/// `leaks watch`: goes on until the reader ends it.
pub(crate) fn watch(
    workspace: &Workspace,
    args: &WatchArgs,
    out: &mut dyn Write,
) -> Result<Ending> {
    let chapter = chosen(workspace, args)?;
    let end = ends_when_asked()?;
    if is_on_a_terminal() {
        live::watch(workspace, chapter, &end)
    } else {
        plain::watch(workspace, chapter, &end, out)
    }
}

/// The chapter that is named, or that the reader stands in, or the next open one in the book's order.
fn chosen<'w>(workspace: &'w Workspace, args: &WatchArgs) -> Result<&'w Chapter> {
    if let Some(name) = &args.chapter {
        return workspace.chapter(name);
    }
    if let Some(here) = workspace.chapter_here() {
        return Ok(here);
    }
    let state = State::read(&workspace.root)?;
    let mut chapters = workspace.chapters.iter();
    let open = chapters.find(|chapter| !state.of(&chapter.name).passed);
    open.or(workspace.chapters.first())
        .ok_or_else(|| Problem::new("the workbook has no chapter"))
}

/// Whether there is somebody who sees a screen and has keys.
fn is_on_a_terminal() -> bool {
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    io::stdin().is_terminal() && io::stdout().is_terminal() && !is_dumb
}

/// Becomes true at a signal that asks for the end.
#[derive(Debug, Clone, Default)]
struct End(Arc<AtomicBool>);

impl End {
    fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

fn ends_when_asked() -> Result<End> {
    let end = End::default();
    let told = end.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::new("can't hear signals").because(error))?;
    let (asked, gone) = {
        let _inside = runtime.enter();
        (signals::asked_to_end()?, terminal_is_gone()?)
    };
    // It waits as long as the process lives.
    thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                () = asked => {}
                () = gone => {}
            }
        });
        told.0.store(true, Ordering::Relaxed);
    });
    Ok(end)
}

/// Ends when the reader closes the terminal's window: what the watch has started is in groups of its own, and hears nothing of it.
#[cfg(unix)]
fn terminal_is_gone() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangup = signal(SignalKind::hangup())
        .map_err(|error| Problem::new("can't hear signals").because(error))?;
    Ok(async move {
        hangup.recv().await;
    })
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
fn terminal_is_gone() -> Result<impl Future<Output = ()>> {
    Ok(std::future::pending())
}
