//! The watch on a terminal: what the keys do, and what the checks tell.

use super::super::check::checked::{Back, NotBuilt, Outcome, Unmeasured};
use super::super::check::summary::Summary;
use super::super::check::{closing, whole};
use super::super::progress::{self, Group};
use super::super::state::State;
use super::super::{exercise, next, shipped};
use super::page::Pages;
use super::save::Saves;
use super::screen::Screen;
use super::view::{self, Question, Shown, Text, View};
use super::work::{News, Work};
use super::{End, LOOK_EVERY};
use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, poll, read};
use std::sync::Arc;
use std::thread::{self, Scope};
use std::time::{Duration, Instant};
use workbook::Ending;
use workbook::problem::{Problem, Result};
use workbook::say;
use workbook::workspace::{Chapter, Workspace};

pub(super) fn watch(workspace: &Workspace, chapter: &Chapter, end: &End) -> Result<Ending> {
    let mut screen = Screen::enter()?;
    thread::scope(|scope| {
        let mut watch = Watching::new(workspace, chapter)?;
        let ended = watch.until_the_end(scope, &mut screen, end);
        // The scope waits for the check.
        if let Some(work) = watch.work.take() {
            work.end();
        }
        ended.map(|()| Ending::AsWanted)
    })
}

/// All that is known while the reader watches.
struct Watching<'scope, 'env> {
    workspace: &'env Workspace,
    chapter: &'env Chapter,
    saves: Saves,
    work: Option<Work<'scope>>,
    /// What the check does now, and since when it goes on.
    doing: Option<(String, Instant)>,
    outcome: Option<Arc<Outcome>>,
    took: Option<Duration>,
    groups: Vec<Group>,
    closing: Vec<String>,
    view: View,
    question: Option<Question>,
    notice: Option<String>,
    pages: Pages,
}

impl<'scope, 'env> Watching<'scope, 'env> {
    fn new(workspace: &'env Workspace, chapter: &'env Chapter) -> Result<Self> {
        let mut watching = Watching {
            workspace,
            chapter,
            saves: Saves::of(chapter.exercise()),
            work: None,
            doing: None,
            outcome: None,
            took: None,
            groups: Vec::new(),
            closing: Vec::new(),
            view: View::Check,
            question: None,
            notice: None,
            pages: Pages::default(),
        };
        watching.go_to(chapter)?;
        Ok(watching)
    }

    fn until_the_end(
        &mut self,
        scope: &'scope Scope<'scope, 'env>,
        screen: &mut Screen,
        end: &End,
    ) -> Result<()> {
        loop {
            if end.is_asked() {
                return Ok(());
            }
            if screen.is_resized()? {
                self.is_resized();
            }
            let lines = self.lines(screen);
            screen.draw(&lines)?;
            if poll(LOOK_EVERY)?
                && let Event::Key(key) = read()?
                && key.kind != KeyEventKind::Release
                && !self.press(key, screen)?
            {
                return Ok(());
            }
            if self.saves.is_new() {
                let before = self.work.take();
                self.work = Some(Work::begin(scope, self.workspace, self.chapter, before));
                self.doing = Some(("Saved".to_owned(), Instant::now()));
                self.question = None;
            }
            while let Some(news) = self.work.as_mut().and_then(Work::news) {
                self.hear(news)?;
            }
            if let Some(opened) = self.pages.news() {
                self.notice = Some(opened);
            }
        }
    }

    fn lines(&self, screen: &Screen) -> Vec<String> {
        let (columns, rows) = (screen.columns(), screen.rows());
        match &self.view {
            View::Text(text) => view::text(text, rows),
            View::List { chosen } => {
                let items = self.groups.first().map_or(&[][..], |group| &group.items);
                view::list(items, *chosen, rows)
            }
            View::Check => {
                let summary = self.outcome.as_ref().map(|outcome| self.summary(outcome));
                let doing = self.doing.as_ref();
                let file = say::path(&self.chapter.exercise());
                let shown = Shown {
                    title: &self.chapter.title,
                    file: &file,
                    groups: &self.groups,
                    summary: summary.as_ref(),
                    closing: &self.closing,
                    doing: doing.map(|(what, since)| (what.as_str(), since.elapsed())),
                    took: self.took,
                    notice: self.notice.as_deref(),
                    question: self.question.as_ref(),
                };
                view::check(&shown, columns, rows)
            }
        }
    }

    fn summary(&self, outcome: &Outcome) -> Summary {
        let next = if outcome.passed() {
            "compare yours with the author's: press s".to_owned()
        } else {
            "press h for a hint, w for the whole report".to_owned()
        };
        let mut summary = Summary::of(outcome, self.chapter, &self.workspace.root, next);
        if matches!(outcome, Outcome::NoExercise(nothing) if nothing.back == Back::Reset) {
            "bring it back: press r".clone_into(&mut summary.next);
        }
        summary
    }

    fn hear(&mut self, news: News) -> Result<()> {
        match news {
            News::Stage(stage) => {
                let since = self
                    .doing
                    .as_ref()
                    .map_or_else(Instant::now, |(_, since)| *since);
                self.doing = Some((stage, since));
            }
            // A newer save ended it, and its own check tells.
            News::Done(Err(Problem::Interrupted), _) => {}
            News::Done(Err(problem), _) => {
                self.doing = None;
                self.notice = Some(problem.to_string());
            }
            News::NotWritten(problem) => self.notice = Some(problem.to_string()),
            News::Done(Ok(outcome), took) => {
                (self.doing, self.took) = (None, Some(took));
                self.notice.take_if(|notice| notice == NO_REPORT);
                self.outcome = Some(outcome);
                self.is_checked()?;
            }
        }
        Ok(())
    }

    /// A check is over: how far the reader is now, and where it may go on.
    fn is_checked(&mut self) -> Result<()> {
        let state = self.read_state()?;
        self.closing.clear();
        let Some(outcome) = self.outcome.clone().filter(|outcome| outcome.passed()) else {
            return Ok(());
        };
        let Some(verdict) = outcome.verdict() else {
            return Ok(());
        };
        self.closing = closing(self.workspace, &state, self.chapter, true, verdict);
        let onward = next::onward(self.workspace, &state, self.chapter);
        self.question = onward.next.map(|next| Question::GoOn {
            next: next.name.clone(),
            skipped: onward
                .skipped
                .iter()
                .find(|skipped| skipped.name != next.name)
                .map(|skipped| skipped.name.clone()),
        });
        Ok(())
    }

    fn read_state(&mut self) -> Result<State> {
        let state = State::read(&self.workspace.root)?;
        self.groups = progress::groups(self.workspace, &state);
        Ok(state)
    }

    /// Another chapter, or this one from its start.
    fn go_to(&mut self, chapter: &'env Chapter) -> Result<()> {
        self.chapter = chapter;
        self.saves = Saves::of(chapter.exercise());
        (self.outcome, self.took, self.doing) = (None, None, None);
        self.closing.clear();
        (self.question, self.notice) = (None, None);
        self.view = View::Check;
        let state = self.read_state()?;
        if shipped::is_changed_by_an_update(&state, chapter) {
            self.notice = Some(shipped::in_words(chapter));
            return Ok(());
        }
        shipped::settle(self.workspace, chapter)
    }

    /// What was made for another width is made again.
    fn is_resized(&mut self) {
        if let View::Text(text) = &self.view
            && text.title == WHOLE
        {
            let from = text.from;
            self.show_whole();
            if let View::Text(text) = &mut self.view {
                text.from = from.min(text.lines.len().saturating_sub(1));
            }
        }
    }

    /// Does what the key says; `false` when the reader is done.
    fn press(&mut self, key: KeyEvent, screen: &Screen) -> Result<bool> {
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        if is_control && matches!(key.code, KeyCode::Char('c' | 'd')) {
            return Ok(false);
        }
        match &mut self.view {
            View::Check => return self.press_on_check(key.code),
            View::List { chosen } => {
                let chosen = *chosen;
                self.press_on_list(key.code, chosen)?;
            }
            View::Text(text) => match key.code {
                KeyCode::Esc | KeyCode::Char('q') => self.view = View::Check,
                KeyCode::Char('h') if text.has_more_hints => self.show_hint(true)?,
                code => scroll(text, code, view::room_of_text(screen.rows())),
            },
        }
        Ok(true)
    }

    fn press_on_check(&mut self, key: KeyCode) -> Result<bool> {
        if let Some(question) = self.question.clone()
            && self.answer(&question, key)?
        {
            return Ok(true);
        }
        self.notice = None;
        match key {
            KeyCode::Char('q') => return Ok(false),
            KeyCode::Char('w') => self.show_whole(),
            KeyCode::Char('h') => self.show_hint(false)?,
            KeyCode::Char('s') => self.show_solution()?,
            KeyCode::Char('r') => self.question = Some(Question::Reset),
            KeyCode::Char('c') => self.saves.again(),
            KeyCode::Char('l') => {
                let mut chapters = self.workspace.chapters.iter();
                let chosen = chapters.position(|chapter| chapter.name == self.chapter.name);
                self.read_state()?;
                self.view = View::List {
                    chosen: chosen.unwrap_or(0),
                };
            }
            KeyCode::Char('p') => {
                let told = self.pages.open(self.workspace, self.chapter);
                self.notice = Some(told.unwrap_or_else(|problem| problem.to_string()));
            }
            _ => {}
        }
        Ok(true)
    }

    /// Whether the key was the question's.
    fn answer(&mut self, question: &Question, key: KeyCode) -> Result<bool> {
        let named = |name: &str| self.workspace.chapter(name);
        match (question, key) {
            (Question::GoOn { next, .. }, KeyCode::Char('y') | KeyCode::Enter) => {
                let next = named(next)?;
                self.go_to(next)?;
            }
            (
                Question::GoOn {
                    skipped: Some(skipped),
                    ..
                },
                KeyCode::Char('b'),
            ) => {
                let skipped = named(skipped)?;
                self.go_to(skipped)?;
            }
            (Question::Reset, KeyCode::Char('y')) => {
                let mut told = Vec::new();
                let done = exercise::restore(self.workspace, self.chapter, &mut told);
                let told = String::from_utf8_lossy(&told).trim_end().to_owned();
                self.notice = Some(done.map_or_else(|problem| problem.to_string(), |()| told));
                self.question = None;
            }
            (_, KeyCode::Char('n') | KeyCode::Esc) | (Question::Reset, _) => self.question = None,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn press_on_list(&mut self, key: KeyCode, chosen: usize) -> Result<()> {
        let last = self.workspace.chapters.len().saturating_sub(1);
        let chosen = match key {
            KeyCode::Up | KeyCode::Char('k') => chosen.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => (chosen + 1).min(last),
            KeyCode::Home => 0,
            KeyCode::End => last,
            KeyCode::Enter => {
                let chapter = self.workspace.chapters.get(chosen);
                let other = chapter.filter(|chapter| chapter.name != self.chapter.name);
                self.view = View::Check;
                return other.map_or(Ok(()), |other| self.go_to(other));
            }
            KeyCode::Esc | KeyCode::Char('q' | 'l') => {
                self.view = View::Check;
                return Ok(());
            }
            _ => chosen,
        };
        self.view = View::List { chosen };
        Ok(())
    }

    fn show_whole(&mut self) {
        let Some(outcome) = self.outcome.clone() else {
            self.notice = Some(NO_REPORT.to_owned());
            return;
        };
        let text = match &*outcome {
            Outcome::NoExercise(nothing) => {
                let back = nothing.back.command(self.chapter);
                format!("The file {}.\nBring it back: {back}", nothing.what)
            }
            Outcome::NotBuilt(NotBuilt { said, .. })
            | Outcome::Unmeasured(Unmeasured { said, .. }) => said.clone(),
            Outcome::Measured(measured) => {
                let mut text = measured.warnings.clone().into_bytes();
                if let Err(problem) = whole(self.workspace, measured, &mut text) {
                    self.notice = Some(problem.to_string());
                    return;
                }
                String::from_utf8_lossy(&text).into_owned()
            }
        };
        self.view = shown(WHOLE, &text, false);
    }

    /// The hints that were seen, or the first; with `next` the one after them.
    fn show_hint(&mut self, next: bool) -> Result<()> {
        match exercise::hints_so_far(self.workspace, self.chapter, next) {
            Ok(hints) => {
                self.view = shown(
                    "Hints",
                    &hints.seen.join("\n\n"),
                    hints.seen.len() < hints.of,
                );
            }
            Err(problem) => self.notice = Some(problem.to_string()),
        }
        self.read_state()?;
        Ok(())
    }

    fn show_solution(&mut self) -> Result<()> {
        let state = self.read_state()?;
        if !state.of(&self.chapter.name).passed {
            self.notice =
                Some("The solution opens when your own has passed its check once.".to_owned());
            return Ok(());
        }
        match workbook::files::read(&self.chapter.solved()) {
            Ok(text) => self.view = shown("The author's solution", &text, false),
            Err(problem) => self.notice = Some(problem.to_string()),
        }
        Ok(())
    }
}

/// What is told until the first check is over.
const NO_REPORT: &str = "There is no report yet.";

/// The title of the text that depends on the screen's width.
const WHOLE: &str = "The whole report";

fn shown(title: &str, text: &str, has_more_hints: bool) -> View {
    View::Text(Text {
        title: title.to_owned(),
        lines: text
            .lines()
            .map(|line| line.replace('\t', "    "))
            .collect(),
        from: 0,
        has_more_hints,
    })
}

fn scroll(text: &mut Text, key: KeyCode, room: usize) {
    let last = text.lines.len().saturating_sub(room);
    text.from = match key {
        KeyCode::Up | KeyCode::Char('k') => text.from.saturating_sub(1),
        KeyCode::Down | KeyCode::Char('j') => text.from + 1,
        KeyCode::PageUp => text.from.saturating_sub(room),
        KeyCode::PageDown | KeyCode::Char(' ') => text.from + room,
        KeyCode::Home | KeyCode::Char('g') => 0,
        KeyCode::End | KeyCode::Char('G') => last,
        _ => text.from,
    }
    .min(last);
}
