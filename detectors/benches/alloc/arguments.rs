//! What the caller asks of the benchmark.

pub(crate) const HELP: &str = "\
What detectors' profiling allocator costs, and what its peers do: ratios to the same inner allocator, bare.

    cargo bench -p detectors --bench alloc [-- OPTIONS]

    --json            one JSON document on standard output, and nothing else there
    --turns N         runs of each program that is timed, at least 11 [default: 21]
    --only WORKLOAD   json, tiny, large, handoff or resident; may be given again
    --help            this text

Workloads
    json       parses a page of search hits, keeps one record of it, drops the rest
    tiny       blocks of 16 to 128 bytes, 64 of them alive: nothing but the allocator
    large      buffers of 4 KiB to 1 MiB
    handoff    one thread makes, another drops: two threads by nature, so there is no row for one
    resident   holds parsed pages of 30 MB and of 1000 MB, a quarter of them replaced, and asks the kernel what is resident

Modes
    pass-through  a wrapper that does nothing: the floor for any other
    counting      detectors::ProfilingAllocator, not sampling
    sampling      the same at 512 KiB
    sites         the same with an exact scope of the process, each block with its stack
    dhat          dhat's testing profiler, with its default stacks; it wraps the system's allocator only
    pprof-alloc   at its default of 512 KiB. Around jemalloc it wants jemalloc's own profiler compiled in (and off), so there
                  `bare` is that jemalloc too

Time is the median of a program's runs over the median of the bare one's; all of them take turns. Instructions are callgrind's,
of one thread, of 2N rounds less those of N, which leaves out what starting costs; without valgrind they are a dash, in JSON
null. Times shift by some percent on a machine that does other things; instructions don't.

The programs are built first, which takes some minutes once. The whole run takes about ten more, and 1.3 GB of memory.
A goal that isn't met is said in the table; the exit status is 0 all the same, and 2 for arguments that don't exist.
";

const TURNS_MIN: usize = 11;

pub(crate) struct Arguments {
    pub(crate) json: bool,
    pub(crate) turns: usize,
    only: Vec<String>,
}

pub(crate) enum Asked {
    Run(Arguments),
    Help,
    Nothing,
}

impl Arguments {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Asked, String> {
        let mut arguments = Arguments {
            json: false,
            turns: 21,
            only: Vec::new(),
        };
        let mut is_bench = false;
        let mut complaint = None;
        while let Some(word) = words.next() {
            match word.as_str() {
                // What cargo adds.
                "--bench" => is_bench = true,
                "--help" | "-h" => return Ok(Asked::Help),
                "--json" => arguments.json = true,
                "--turns" => match words.next().and_then(|turns| turns.parse().ok()) {
                    Some(turns) if turns >= TURNS_MIN => arguments.turns = turns,
                    _ => complaint = Some(format!("--turns takes a number from {TURNS_MIN} up")),
                },
                "--only" => match words.next() {
                    Some(name) if name == "resident" || super::TIMED.contains(&name.as_str()) => {
                        arguments.only.push(name);
                    }
                    name => {
                        let name = name.unwrap_or_default();
                        complaint = Some(format!("--only takes a workload, and {name:?} is none"));
                    }
                },
                other => complaint = Some(format!("there is no argument {other:?}")),
            }
        }
        if !is_bench {
            return Ok(Asked::Nothing);
        }
        match complaint {
            Some(complaint) => Err(complaint),
            None => Ok(Asked::Run(arguments)),
        }
    }

    pub(crate) fn wants(&self, workload: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == workload)
    }
}
