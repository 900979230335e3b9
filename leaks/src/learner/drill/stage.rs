//! The processes of a drill: the search cluster, the service, and the load on it.

use super::plan::Plan;
use crate::load::{self, Forced, Pace, Pattern, Targets};
use crate::show::progress::Line;
use crate::show::scale;
use crate::started::{FOLDER, Program, Running};
use domain_service::features::rollout;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fs, io};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use workbook::files;
use workbook::problem::{Problem, Result};
use workbook::workspace::Workspace;

/// The service of drills: it has no chapter's code in it, and no name of a class in its stacks.
pub(super) const SERVICE: Program = Program {
    name: "apexd",
    what: "the drills' service",
    // Beside this command cargo chooses the libraries' features as for this command, and finds them built.
    arguments: &["-p", "leaks", "-p", "domain-service", "--bin", "apexd"],
    takes: "half a minute",
    needs: "zlib is built from C: see that `cc` is installed.",
};

const START_WITHIN: Duration = Duration::from_secs(30);

/// It ends by itself then.
const LONGEST: Duration = Duration::from_hours(6);

/// Requests on their way at once, and how long each may take.
const AT_ONCE: u16 = 256;
const WITHIN: Duration = Duration::from_mins(1);

/// How often progress is told.
const TICK: Duration = Duration::from_secs(1);

/// What runs. It ends with this value.
pub(super) struct Stage {
    _cluster: Child,
    service: Child,
    /// While it is open the service runs.
    input: ChildStdin,
    pub(super) running: Running,
    root: PathBuf,
    folder: PathBuf,
}

impl Stage {
    /// Starts all but the load.
    pub(super) async fn set(
        workspace: &Workspace,
        plan: &Plan,
        kept: Option<&Path>,
    ) -> Result<Self> {
        let program = SERVICE.built(workspace)?;
        let folder = workspace.root.join(FOLDER);
        let exports = folder.join("exports");
        // What an earlier one wrote.
        match fs::remove_dir_all(&exports) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Problem::file("remove", &exports, &error));
            }
            _ => {}
        }
        files::make_folder(&exports)?;
        let this = std::env::current_exe()
            .map_err(|error| Problem::new("can't find this command's own file").because(error))?;
        let mut command = Command::new(this);
        command
            .args(["cluster", "--port", "0"])
            .stdin(Stdio::null());
        let (cluster, addresses) = started(command, 1).await?;
        let mut command = Command::new(&program);
        // Nothing that is around tells it anything, nor anybody who looks.
        command
            .env_clear()
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stderr(Stdio::inherit());
        let spawned = spawned(command)?;
        let (mut service, mut input) = spawned;
        let kept = kept
            .map(|kept| kept.display().to_string())
            .unwrap_or_default();
        let told = format!(
            "{}\nhttp://{}\n{}\n{kept}\n",
            rollout::line(plan.key, &plan.live()),
            addresses[0],
            exports.display()
        );
        let written = input.write_all(told.as_bytes()).await;
        written
            .map_err(|error| Problem::new("can't tell the service what it needs").because(error))?;
        let served = told_addresses(&mut service, 2, "the service").await?;
        let running = Running {
            seed: plan.seed,
            level: plan.level,
            process: service.id().unwrap_or(0),
            service: served[0].clone(),
            debug: served[1].clone(),
            cluster: addresses[0].clone(),
            began_ms: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(0)),
            left: None,
            standing: crate::started::Standing::default(),
        };
        Ok(Stage {
            _cluster: cluster,
            service,
            input,
            root: workspace.root.clone(),
            running,
            folder: exports,
        })
    }

    /// Puts the plan's traffic on it until `ended`, or until the service has gone by itself.
    pub(super) async fn play(
        &mut self,
        plan: &Plan,
        time: Option<Duration>,
        ended: impl Future<Output = ()>,
    ) -> Result<()> {
        let urls: Vec<String> = plan
            .paths
            .iter()
            .map(|path| format!("http://{}{path}", self.running.service))
            .collect();
        let forced = Forced {
            is_given: false,
            option: "--force",
        };
        let plan = load::Plan {
            targets: Targets::resolve(&urls, forced).await?,
            pace: Pace::Open(plan.rate),
            at_once: AT_ONCE,
            pattern: Pattern::once(time.unwrap_or(LONGEST)),
            count_max: u64::MAX,
            within: WITHIN,
        };
        let mut line = Line::new();
        let debug = self.running.debug.clone();
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(TICK * 5)
            .build();
        let http =
            http.map_err(|error| Problem::new("can't make an http client").because(error))?;
        let (root, input) = (self.root.clone(), &mut self.input);
        let telling = async {
            let began = tokio::time::Instant::now();
            let mut is_over = false;
            loop {
                tokio::time::sleep(TICK).await;
                let after = Running::read(&root).ok().flatten();
                if !is_over && after.is_some_and(|after| after.standing.is_over) {
                    is_over = true;
                    // Whoever wants to see who holds it can ask now. A service that has gone is told of elsewhere.
                    let _ = input.write_all(b"\n").await;
                }
                let told = resident(&http, &debug).await;
                let told = told.map_or_else(
                    || "it says nothing".to_owned(),
                    |bytes| format!("resident {}", scale::bytes(bytes)),
                );
                line.draw(
                    if is_over {
                        "the drill is over; Ctrl-C ends its service"
                    } else {
                        "the drill runs"
                    },
                    &format!("{} s · {told}", began.elapsed().as_secs()),
                );
            }
        };
        tokio::select! {
            report = load::run(&plan, |_| {}, ended) => report.map(drop),
            () = telling => Ok(()),
            status = self.service.wait() => Err(Problem::new("the service ended by itself")
                .because(status.map_or_else(|error| error.to_string(), |status| status.to_string()))
                .next("Memory may have run short: start another drill, and answer it sooner.")),
        }
    }

    /// Ends the service as a system does that needs its memory.
    pub(super) async fn kill(mut self) {
        let _ = self.service.kill().await; // it has gone already
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder); // of use to nobody, and made anew
    }
}

async fn resident(http: &reqwest::Client, debug: &str) -> Option<f64> {
    let metrics = http
        .get(format!("http://{debug}/metrics"))
        .send()
        .await
        .ok()?
        .text()
        .await
        .ok()?;
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix("process_resident_memory_bytes "))?;
    line.parse().ok()
}

fn spawned(mut command: Command) -> Result<(Child, ChildStdin)> {
    let failed = || Problem::new("can't start the service");
    let child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn();
    let mut child = child.map_err(|error| failed().because(error))?;
    let input = child.stdin.take().ok_or_else(failed)?;
    Ok((child, input))
}

async fn started(mut command: Command, addresses: usize) -> Result<(Child, Vec<String>)> {
    let failed = || Problem::new("can't start the search cluster");
    let child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn();
    let mut child = child.map_err(|error| failed().because(error))?;
    let told = told_addresses(&mut child, addresses, "the search cluster").await?;
    Ok((child, told))
}

/// The addresses that a program tells, one in a line, as soon as it serves.
async fn told_addresses(child: &mut Child, addresses: usize, who: &str) -> Result<Vec<String>> {
    let failed = || Problem::new(format!("can't start {who}"));
    let out = child.stdout.take().ok_or_else(failed)?;
    let mut lines = BufReader::new(out).lines();
    let telling = async {
        let mut told = Vec::new();
        while told.len() < addresses {
            let Some(line) = lines.next_line().await? else {
                break;
            };
            let address = line.split_once("http://").map(|(_, rest)| rest);
            let address = address.and_then(|rest| rest.split(['/', ' ']).next());
            told.extend(address.map(str::to_owned));
        }
        io::Result::Ok(told)
    };
    match tokio::time::timeout(START_WITHIN, telling).await {
        Ok(Ok(told)) if told.len() == addresses => Ok(told),
        Ok(Ok(_)) => Err(failed().because("it ended before it served; what it said is above")),
        Ok(Err(error)) => Err(failed().because(error)),
        Err(_) => Err(failed().because(format!(
            "it didn't serve within {} s",
            START_WITHIN.as_secs()
        ))),
    }
}
