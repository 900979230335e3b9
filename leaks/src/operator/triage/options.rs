//! What `leaks triage` takes.

use crate::load::rate;
use crate::show::Format;
use clap::Args;
use detectors::Verdict;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;
use workbook::duration::of_a_day_at_most;

/// What `leaks triage` takes.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("subject").required(true).args(["pid", "cgroup", "container_of", "url"]))]
#[expect(
    clippy::doc_markdown,
    reason = "these comments are the help's text, which shows backticks as they are"
)]
pub(crate) struct TriageArgs {
    /// A process of this machine, by its number
    #[arg(long, value_name = "N")]
    pub(crate) pid: Option<u32>,
    /// A container, by the folder of the control group that counts its memory, of version 2 or 1, such as /sys/fs/cgroup/system.slice:
    /// all its processes, page cache, files on a tmpfs and the kernel's memory for it, its limit, and how long until it is reached
    #[arg(long, value_name = "PATH")]
    pub(crate) cgroup: Option<PathBuf>,
    /// The container that a process of this machine is in, by the process' number
    #[arg(long, value_name = "PID")]
    pub(crate) container_of: Option<u32>,
    /// A service's debug port, as detectors::debug and `leaks serve` open it; or one with pprof's profiles, such as a Go service's
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// Look for exactly so long, a second at least. Unless it is given, a look ends as soon as a leak is clear, after 30, 60 or 120
    /// seconds, and after three minutes at the latest: a calm word takes all of them, since slow growth needs as long to show
    #[arg(long = "for", value_name = "TIME", value_parser = of_a_day_at_most)]
    pub(crate) time: Option<Duration>,
    /// End with status 1 unless it is this verdict
    #[arg(long, value_name = "VERDICT", value_parser = verdict)]
    pub(crate) expect: Option<Verdict>,
    /// Ask the service who holds the live memory that grows, and so which class it is: for 30 seconds it notes each block, then it asks a
    /// copy of itself, which makes it pause for some milliseconds, and says for how many
    #[arg(long, conflicts_with_all = ["pid", "cgroup", "container_of"])]
    pub(crate) who_holds: bool,
    #[command(flatten)]
    pub(crate) load: LoadOnIt,
    /// Have the kernel take memory from the process at the end, to see what goes; says what that costs, and asks first
    #[arg(long, conflicts_with_all = ["cgroup", "container_of", "url"])]
    pub(crate) squeeze: bool,
    /// Agree to --squeeze without being asked
    #[arg(long, requires = "squeeze")]
    pub(crate) yes: bool,
    /// A file with the token that the debug port wants
    #[arg(long, value_name = "FILE", conflicts_with_all = ["pid", "cgroup", "container_of"])]
    pub(crate) token_file: Option<PathBuf>,
    /// An environment variable with that token
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with_all = ["pid", "cgroup", "container_of", "token_file"]
    )]
    pub(crate) token_variable: Option<String>,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// The load that a look puts on the service by itself.
#[derive(Debug, Args)]
pub(crate) struct LoadOnIt {
    /// Put so many requests a second on the service, from shortly before the look to its end: a slow leak climbs faster then. It is an open
    /// loop, as `leaks load --rate`, and ends early, with the look, when less than a tenth of the memory limit is left
    #[arg(long = "load", value_name = "PER_SECOND", value_parser = rate, requires = "urls")]
    pub(crate) rate: Option<f64>,
    /// What that load asks the service for; may be given again, then they are asked for in turn. Where n stands in braces, it is the
    /// request's number
    #[arg(long = "load-url", value_name = "URL", requires = "rate")]
    pub(crate) urls: Vec<String>,
    /// Put the load on a machine that isn't this one
    #[arg(long = "load-force", requires = "rate")]
    pub(crate) is_forced: bool,
}

impl TriageArgs {
    /// The command that looks at the same again: `triage --pid 4711`. Nothing where a subject is missing, which clap doesn't let pass.
    pub(super) fn again(&self) -> String {
        let number = |option: &str, id: Option<u32>| Some(format!("{option} {}", id?));
        let path = || {
            Some(format!(
                "--cgroup {}",
                quoted(&self.cgroup.as_ref()?.display().to_string())
            ))
        };
        let url = || Some(format!("--url {}", self.url.as_ref()?));
        let subject = number("--pid", self.pid)
            .or_else(|| number("--container-of", self.container_of))
            .or_else(path)
            .or_else(url);
        let mut again = format!("triage {}", subject.unwrap_or_default());
        if let Some(rate) = self.load.rate {
            let _ = write!(again, " --load {rate}");
            for url in &self.load.urls {
                let _ = write!(again, " --load-url {}", quoted(url));
            }
            if self.load.is_forced {
                again += " --load-force";
            }
        }
        again
    }
}

/// As a shell takes it for one word. systemd's groups have backslashes in their names.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-:@".contains(letter);
    if word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn verdict(text: &str) -> Result<Verdict, String> {
    let all = [
        Verdict::Steady,
        Verdict::WarmingUp,
        Verdict::Leak,
        Verdict::Pressure,
        Verdict::Retention,
        Verdict::Inconclusive,
    ];
    all.into_iter()
        .find(|verdict| verdict.as_str() == text)
        .ok_or_else(|| format!("the verdicts are {}", all.map(Verdict::as_str).join(", ")))
}
