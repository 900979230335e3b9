//! Looks at a process that rests, and then at a folder without a profile: `triage-alone`.

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
    let resting = Resting(Command::new("sleep").arg("60").spawn()?);
    let mut look = Triage::of_pid(resting.0.id())?.for_exactly(Duration::from_secs(2));
    println!("{}", look.find()?);

    let nothing = Autopsy::of(std::env::current_dir()?.join("src"), None);
    println!("{}", nothing.expect_err("no profile is kept among sources"));
    Ok(())
}
