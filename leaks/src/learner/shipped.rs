//! Exercises as they are shipped: whether the reader has changed one, and whether an update of the workbook has.

use super::state::State;
use std::fs;
use workbook::problem::Result;
use workbook::say::{self, DOUBT};
use workbook::workspace::{Chapter, Workspace};

/// Whether the exercise lies there as it was shipped.
pub(super) fn is_as_shipped(chapter: &Chapter) -> bool {
    match (fs::read(chapter.exercise()), fs::read(chapter.as_shipped())) {
        (Ok(exercise), Ok(shipped)) => exercise == shipped,
        _ => false,
    }
}

/// Whether an update brought another exercise than the one that the reader has changed. Where the reader hasn't changed it, the update
/// has brought the file itself, and there is nothing to tell.
pub(super) fn is_changed_by_an_update(state: &State, chapter: &Chapter) -> bool {
    let begun_with = state.of(&chapter.name).shipped;
    begun_with.is_some() && begun_with != mark_of(chapter) && !is_as_shipped(chapter)
}

/// Tells the reader of such an update, and notes which exercise the reader begins with.
pub(super) fn tell(workspace: &Workspace, chapter: &Chapter) -> Result<()> {
    let state = State::read(&workspace.root)?;
    if is_changed_by_an_update(&state, chapter) {
        workbook::note!(format!("{DOUBT}note:{DOUBT:#} {}", in_words(chapter)));
        return Ok(());
    }
    settle(workspace, chapter)
}

/// What the reader is told.
pub(super) fn in_words(chapter: &Chapter) -> String {
    format!(
        "an update of the workbook changed this exercise. Your file is untouched: {}\n  The one that came: {}\n  To start over with it: {} \
         (yours is kept beside it)",
        say::path(&chapter.exercise()),
        say::path(&chapter.as_shipped()),
        say::command(&format!("reset {}", chapter.name))
    )
}

/// From here on the exercise that is shipped now is the one that the reader has begun with.
pub(super) fn settle(workspace: &Workspace, chapter: &Chapter) -> Result<()> {
    let mark = mark_of(chapter);
    if mark.is_none() || State::read(&workspace.root)?.of(&chapter.name).shipped == mark {
        return Ok(());
    }
    State::change_chapter(&workspace.root, &chapter.name, |done| done.shipped = mark)
}

/// Tells one text from another: FNV-1a, whose figures are the same with every compiler.
fn mark_of(chapter: &Chapter) -> Option<String> {
    let text = fs::read(chapter.as_shipped()).ok()?;
    let hash = text.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    Some(format!("{hash:016x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workbook() -> (tempfile::TempDir, Workspace) {
        let root = tempfile::tempdir().expect("a scratch folder");
        let folder = root.path().join("chapters/a");
        for part in ["src", "solution"] {
            fs::create_dir_all(folder.join(part)).expect("a folder");
        }
        let chapter = Chapter {
            name: "a".to_owned(),
            title: "A".to_owned(),
            folder,
        };
        let workspace = Workspace {
            root: root.path().to_owned(),
            chapters: vec![chapter],
        };
        (root, workspace)
    }

    #[test]
    fn an_update_is_told_to_who_has_changed_the_exercise_and_to_nobody_else() {
        let (_root, workspace) = workbook();
        let chapter = &workspace.chapters[0];
        let write = |mine: &str, shipped: &str| {
            fs::write(chapter.exercise(), mine).expect("writable");
            fs::write(chapter.as_shipped(), shipped).expect("writable");
        };
        let is_told = || {
            let state = State::read(&workspace.root).expect("readable");
            is_changed_by_an_update(&state, chapter)
        };
        write("first", "first");
        assert!(!is_told(), "nothing was begun");
        tell(&workspace, chapter).expect("noted");
        write("mine", "first");
        assert!(!is_told(), "no update came");
        write("second", "second");
        assert!(!is_told(), "what wasn't changed came with the update");
        write("mine", "second");
        assert!(is_told());
        tell(&workspace, chapter).expect("told");
        assert!(is_told(), "until it is settled");
        assert_eq!(
            fs::read_to_string(chapter.exercise()).expect("there"),
            "mine"
        );
        settle(&workspace, chapter).expect("noted");
        assert!(!is_told());
    }
}
