//! A squeeze changes what a process has in memory, so it is asked for.

use std::io::{self, IsTerminal};
use workbook::problem::{Problem, Result};
use workbook::say;

const WHAT_IT_DOES: &str = "--squeeze has the kernel take the anonymous pages of this process, as it does when memory runs short \
    (process_madvise with MADV_PAGEOUT). Nothing is lost: the process goes on, and gets each page back when it needs it. Lazily freed \
    pages go for good, since the process gave them up. What it costs: while the kernel works the process may wait, and where there \
    is swap its pages come back from the disk, slowly.";

/// Goes on when the reader agrees.
pub(super) fn asked(name: &str, is_given: bool) -> Result<()> {
    workbook::note!(say::wrapped(WHAT_IT_DOES, "", say::width()).trim_end());
    if is_given {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(
            Problem::new(format!("{name} is not squeezed without consent"))
                .because("there is no terminal to ask on")
                .next("Give it with --yes."),
        );
    }
    workbook::note!(format!("Squeeze {name} at the end of the look? Type yes:"));
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .map_err(|error| Problem::new("can't read the answer").because(error))?;
    if answer.trim() == "yes" {
        Ok(())
    } else {
        Err(Problem::new(format!("{name} is not squeezed")).because("the answer was not yes"))
    }
}
