//! A chapter's page in the browser: the book's program serves it while the watch goes on.

use super::super::book;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;
use workbook::problem::{Problem, Result};
use workbook::workspace::{Chapter, Workspace};

/// How the line begins that says where the book is.
const AT: &str = "The book is at ";

/// The book's program, once a page was asked for.
#[derive(Debug, Default)]
pub(super) struct Pages {
    server: Option<Server>,
    /// The page to open as soon as the book is served.
    wanted: Option<String>,
}

#[derive(Debug)]
struct Server {
    child: Child,
    told: Receiver<String>,
    url: Option<String>,
}

impl Pages {
    /// Opens a chapter's page, or starts the book's program for it. The answer is what the reader is told.
    pub(super) fn open(&mut self, workspace: &Workspace, chapter: &Chapter) -> Result<String> {
        self.wanted = Some(format!("{}/", chapter.name));
        if let Some(told) = self.news() {
            return Ok(told);
        }
        if self.server.is_some() {
            return Ok("The book is being built.".to_owned());
        }
        self.server = Some(Server::start(workspace)?);
        Ok(if book::is_built(workspace) {
            "The book is being built.".to_owned()
        } else {
            format!("{} The exercise is checked meanwhile.", book::FIRST_TIME)
        })
    }

    /// What came of it since it was asked last: the page is open, or why not.
    pub(super) fn news(&mut self) -> Option<String> {
        let server = self.server.as_mut()?;
        if server.url.is_none() {
            match server.told.try_recv() {
                Ok(url) => server.url = Some(url),
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) => {
                    self.server = None;
                    self.wanted = None;
                    let book = workbook::say::command("book --open");
                    return Some(format!("The book's program ended. Why, is said by: {book}"));
                }
            }
        }
        let url = format!("{}{}", server.url.as_deref()?, self.wanted.take()?);
        Some(match open::that_detached(&url) {
            Ok(()) => format!("Opened {url}"),
            Err(error) => format!("No browser could be opened ({error}). The page: {url}"),
        })
    }
}

impl Server {
    fn start(workspace: &Workspace) -> Result<Self> {
        let mut command = book::program(workspace);
        command
            .args(["--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // The screen is ours.
            .stderr(Stdio::null());
        // Cargo, its compiler and the program end together.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command
            .spawn()
            .map_err(|error| Problem::new("can't start the book's program").because(error))?;
        let (tell, told) = channel();
        let output = child.stdout.take();
        // Ends with the program, whose output it reads.
        thread::spawn(move || {
            for line in output
                .into_iter()
                .flat_map(|output| BufReader::new(output).lines())
            {
                let Ok(line) = line else { return };
                let url = line
                    .strip_prefix(AT)
                    .and_then(|rest| rest.split(' ').next());
                if let Some(url) = url {
                    let _ = tell.send(url.to_owned());
                }
            }
        });
        Ok(Server {
            child,
            told,
            url: None,
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(group) = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw)
        {
            // Refused only when nobody is left in it.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
