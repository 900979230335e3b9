//! Looks at a process that rests, and then at a folder without a profile: `triage-alone`.

use detectors::Verdict;
use detectors::triage::{Autopsy, Triage};
use std::process::{Child, Command};
use std::time::Duration;

/// Ends with the look.
struct Resting(Child);

impl Drop for Resting {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let resting = Resting(Command::new("sleep").arg("600").spawn()?);
    // A busy machine may read too little in two seconds.
    for seconds in [2, 10, 50] {
        let look = Triage::of_pid(resting.0.id())?;
        let found = look.for_exactly(Duration::from_secs(seconds)).find()?;
        println!("{found}");
        if found.verdict != Verdict::Inconclusive {
            break;
        }
    }

    let nothing = Autopsy::of(std::env::current_dir()?.join("src"), None);
    println!("{}", nothing.expect_err("no profile is kept among sources"));
    Ok(())
}
