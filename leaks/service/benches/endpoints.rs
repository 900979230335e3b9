//! What the debug endpoints cost the service while nobody asks, and while somebody asks each second: CPU time of a request, as a
//! ratio to the same service without them. So with heap profiles that are kept on disk.

use detectors::debug::{KeptProfiles, Listener};
use domain_service::cluster::Cluster;
use domain_service::{Leaks, Options, Service};
use rustix::time::{ClockId, clock_gettime};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

const HELP: &str = "\
What the debug endpoints cost the service: CPU time of a request, as a ratio to the same service without them.

    cargo bench -p domain-service --bench endpoints [-- --turns N]

    without     the service alone
    unasked     with the debug listener, which nobody asks. Goal: at most 1.01
    scraped     with the debug listener, of which /metrics is asked each second
    keeping     with heap profiles that are kept on disk, as they are unless told otherwise. Goal: at most 1.01

Each is a process of its own, with the search cluster in it. They take turns: so many requests over one connection, the CPU time
of the process before and after. A turn's ratio is to the turn of `without` beside it. The median is printed, and between which
figures the middle half of the turns lies; `without` against itself shows what is noise. Where that is larger than the goal, the
figure is inconclusive. Wall-clock throughput is not used: it says more about the machine's other work.

Where valgrind is installed, the instructions of a request are counted too, of which there are as many on a busy machine as on an
idle one. The goal is for these, then.

The exit status is 0 whether or not the goal is met, and 2 for arguments that don't exist.
";

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();

/// The last is `without` once more: its ratio would be 1 if there were no noise.
const WAYS: [&str; 5] = ["without", "unasked", "scraped", "keeping", "without, again"];
const GOAL: f64 = 1.01;

/// Between two scrapes.
const EACH: Duration = Duration::from_secs(1);

/// Requests of one turn.
const REQUESTS: u32 = 400;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let turns = match words[..] {
        ["--serve", way] => return served(way),
        ["--help" | "-h", ..] => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        ["--bench"] => Some(15),
        ["--turns", turns, "--bench"] => turns.parse().ok().filter(|turns| *turns >= 3),
        // `cargo test --benches` only asks whether it runs.
        [] => {
            println!("run it with `cargo bench -p domain-service --bench endpoints`");
            return ExitCode::SUCCESS;
        }
        _ => None,
    };
    let Some(turns) = turns else {
        eprintln!("--turns takes a number from 3 up, and there is no other argument");
        return ExitCode::from(2);
    };
    match compare(turns) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the services can't be compared: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(turns: usize) -> io::Result<()> {
    compare_times(turns)?;
    compare_instructions()
}

fn compare_times(turns: usize) -> io::Result<()> {
    let mut services = WAYS
        .into_iter()
        .map(Served::start)
        .collect::<io::Result<Vec<_>>>()?;
    // Pools and caches fill in the first turn.
    for service in &mut services {
        service.turn()?;
    }
    let mut times = vec![Vec::new(); services.len()];
    for turn in 1..=turns {
        eprint!("\rturn {turn} of {turns}");
        for (service, times) in services.iter_mut().zip(&mut times) {
            times.push(service.turn()?);
        }
    }
    eprintln!();
    println!(
        "{:<16}{:>14}{:>9}   middle half      goal",
        "way", "us a request", "ratio"
    );
    let ratios = |of_way: &Vec<f64>| {
        let ratios = of_way.iter().zip(&times[0]).map(|(time, base)| time / base);
        quartiles(ratios.collect())
    };
    let [low, _, high] = ratios(&times[WAYS.len() - 1]);
    let is_noisy = high - low > GOAL - 1.0;
    for (way, of_way) in WAYS.into_iter().zip(&times) {
        let [low, ratio, high] = ratios(of_way);
        let [_, time, _] = quartiles(of_way.clone());
        let goal = match way {
            "unasked" | "keeping" if is_noisy => "inconclusive: the noise is larger",
            "unasked" | "keeping" => verdict(ratio),
            _ => "",
        };
        println!(
            "{way:<16}{:>14.1}{ratio:>9.4}   {low:.4} to {high:.4}  {goal}",
            time * 1e6
        );
    }
    Ok(())
}

fn verdict(ratio: f64) -> &'static str {
    if ratio <= GOAL {
        "<= 1.01 met"
    } else {
        "<= 1.01 NOT MET"
    }
}

fn compare_instructions() -> io::Result<()> {
    const FEW: u32 = 100;
    let valgrind = Command::new("valgrind").arg("--version").output();
    if !valgrind.is_ok_and(|output| output.status.success()) {
        println!("valgrind is not installed: no instructions are counted");
        return Ok(());
    }
    let mut counted = Vec::new();
    for way in WAYS {
        eprintln!("counting instructions of {way}");
        // Twice as many less so many: starting and ending cost nothing then.
        let more = instructions(way, 2 * FEW)? - instructions(way, FEW)?;
        counted.push((way, more / f64::from(FEW)));
    }
    let (_, base) = counted[0];
    let (_, again) = counted[WAYS.len() - 1];
    let is_noisy = (again / base - 1.0).abs() > GOAL - 1.0;
    println!("{:<16}{:>14}{:>9}", "way", "instructions", "ratio");
    for (way, of_one) in counted {
        let ratio = of_one / base;
        let goal = match way {
            "unasked" | "keeping" if is_noisy => "inconclusive: the noise is larger",
            "unasked" | "keeping" => verdict(ratio),
            _ => "",
        };
        println!("{way:<16}{of_one:>14.0}{ratio:>9.4}  {goal}");
    }
    Ok(())
}

/// All that the service's process runs, from its start to its end.
fn instructions(way: &str, requests: u32) -> io::Result<f64> {
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .stderr(Stdio::piped());
    let mut service = Served::start_by(valgrind, way)?;
    for _ in 0..requests {
        service.request()?;
    }
    let told = service.end()?;
    told.lines()
        .find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
        .ok_or_else(|| io::Error::other(format!("valgrind says no count:\n{told}")))
}

fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let last = values.len() - 1;
    [last / 4, last / 2, last * 3 / 4].map(|at| values[at])
}

/// A service in a process of its own. It ends with this value.
struct Served {
    child: Child,
    /// It ends once nobody can ask.
    asked: Option<ChildStdin>,
    told: BufReader<ChildStdout>,
    connection: TcpStream,
    /// Where its metrics are asked for, if they are.
    scraped: Option<String>,
    /// How much of the turns has passed since they last were.
    unscraped: Duration,
}

impl Served {
    fn start(way: &str) -> io::Result<Self> {
        Served::start_by(Command::new(std::env::current_exe()?), way)
    }

    fn start_by(mut command: Command, way: &str) -> io::Result<Self> {
        let mut child = command
            .args(["--serve", way])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(asked), Some(told)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("both are piped"));
        };
        let mut told = BufReader::new(told);
        let connection = TcpStream::connect(line(&mut told)?)?;
        connection.set_nodelay(true)?;
        let debug = line(&mut told)?;
        Ok(Served {
            child,
            asked: Some(asked),
            told,
            connection,
            scraped: (way == "scraped").then_some(debug),
            unscraped: Duration::ZERO,
        })
    }

    /// Seconds of the service's CPU for one request, over many.
    fn turn(&mut self) -> io::Result<f64> {
        let before = self.cpu_seconds()?;
        for _ in 0..REQUESTS {
            let start = Instant::now();
            self.request()?;
            self.unscraped += start.elapsed();
            if self.unscraped >= EACH {
                self.unscraped = Duration::ZERO;
                self.scrape()?;
            }
        }
        Ok((self.cpu_seconds()? - before) / f64::from(REQUESTS))
    }

    fn cpu_seconds(&mut self) -> io::Result<f64> {
        let asked = self.asked.as_mut();
        asked.map_or(Ok(()), |asked| asked.write_all(b"cpu\n"))?;
        line(&mut self.told)?.parse().map_err(io::Error::other)
    }

    /// Lets it end by itself; what it says on standard error.
    fn end(mut self) -> io::Result<String> {
        self.asked = None;
        let mut told = String::new();
        if let Some(stderr) = &mut self.child.stderr {
            stderr.read_to_string(&mut told)?;
        }
        Ok(told)
    }

    fn scrape(&self) -> io::Result<()> {
        let Some(address) = &self.scraped else {
            return Ok(());
        };
        let mut stream = TcpStream::connect(address)?;
        let request =
            format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        if answer.contains("heap_live_bytes") {
            return Ok(());
        }
        Err(io::Error::other(format!("the metrics are {answer}")))
    }

    fn request(&mut self) -> io::Result<()> {
        let request = b"GET /apex/customer-0042.example HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
        self.connection.write_all(request)?;
        let mut answer = BufReader::new(&self.connection);
        let status = line(&mut answer)?;
        if !status.contains(" 200 ") {
            return Err(io::Error::other(format!("it answered {status}")));
        }
        let mut length = 0;
        loop {
            let header = line(&mut answer)?.to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length: ") {
                length = value.parse().map_err(io::Error::other)?;
            }
        }
        io::copy(&mut answer.take(length), &mut io::sink())?;
        Ok(())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    match reader.read_line(&mut line)? {
        0 => Err(io::Error::other("the service has ended")),
        _ => Ok(line.trim_end().to_owned()),
    }
}

/// The service's own process: says where it listens, and its CPU time whenever it is asked.
fn served(way: &str) -> ExitCode {
    // One worker: a second one is woken now by this and now by that, which is four per cent of a request.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("the system gives threads");
    let _entered = runtime.enter();
    let cluster = runtime.block_on(Cluster::start(0)).expect("a free port");
    let service = Service::start(Options::new(cluster.url()), Leaks::default());
    let service = runtime.block_on(service).expect("a free port");
    println!("{}", service.address());
    let keeps = (way == "keeping").then(|| {
        let folder = concat!(env!("CARGO_TARGET_TMPDIR"), "/kept-while-measured");
        KeptProfiles::new(folder).start()
    });
    let _keeping = keeps.map(|started| started.expect("a folder of one's own"));
    if way.starts_with("without") || way == "keeping" {
        println!("no debug port");
    } else {
        let debug = runtime.block_on(Listener::bind("127.0.0.1:0", None));
        let debug = debug.expect("a free port");
        println!("{}", debug.address());
        runtime.spawn(debug.serve());
    }
    for _ in io::stdin().lines() {
        let now = clock_gettime(ClockId::ProcessCPUTime);
        println!("{}", now.tv_sec as f64 + now.tv_nsec as f64 / 1e9);
    }
    ExitCode::SUCCESS
}
